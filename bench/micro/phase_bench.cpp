// SPDX-License-Identifier: BSD-2-Clause
// The whole street under one filter: from the first packet to tier 2, a change of traffic, and
// back; and what sampling costs a filter that stays where it is.
//
//   phase_bench [--smoke] [--json FILE]
//
// Two filters hold the same program: one as a user gets it, one that is told to stay on tier 1.
// They take turns on blocks of the same packets, and who is first alternates; a window's throughput
// is tier 1's CPU time over the other's.  The traffic is the usual one, then only packets that were
// rare in it (VLAN tags, IPv6, fragments, IP options, ARP), then the usual one again.  "To tier 1"
// ends when the code that was made for the usual traffic no longer runs: general code does, or code
// that was made anew meanwhile.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "bench/filters.h"
#include "bench/micro/measure.h"
#include "bench/traffic/traffic.h"
#include "ipjit/ipjit.h"

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

using FilterPtr = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;
constexpr size_t kBlock = 8192;  ///< packets between two turns

FilterPtr compile(const std::string& expression, ipjit_engine engine) {
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = engine;
  ipjit_error error;
  FilterPtr filter(ipjit_compile_expression(expression.c_str(), &options, &error),
                   ipjit_filter_free);
  if (!filter) {
    std::fprintf(stderr, "phase_bench: %s\n", error.text);
    std::exit(1);
  }
  return filter;
}

ipjit_stats stats_of(const ipjit_filter* filter) {
  ipjit_stats stats = {};
  stats.size = sizeof stats;
  ipjit_filter_stats(filter, &stats);
  return stats;
}

struct Turn {
  uint64_t matches = 0;
  uint64_t ns = 0;
};

Turn turn(const ipjit_filter* filter, std::span<const ipjit_packet> packets) {
  Turn result;
  const uint64_t start = cpu_ns();
  for (const ipjit_packet& packet : packets)
    result.matches += ipjit_filter_run(filter, packet.data, packet.caplen, packet.len) != 0;
  result.ns = cpu_ns() - start;
  return result;
}

/// CPU time of both filters in windows of wall time.
class Windows {
 public:
  explicit Windows(uint64_t length_ns) : length_ns_(length_ns) {}

  /// True where this turn began a new window, so that another ratio is known.
  bool add(uint64_t at_ns, uint64_t ours_ns, uint64_t tier1_ns) {
    const bool begins = at_ns >= end_ns_;
    const bool known = begins && ours_;
    if (known) ratios_.push_back(static_cast<double>(tier1_) / static_cast<double>(ours_));
    if (begins) {
      ours_ = tier1_ = 0;
      end_ns_ = at_ns + length_ns_;
    }
    ours_ += ours_ns;
    tier1_ += tier1_ns;
    return known;
  }
  double last() const { return ratios_.back(); }
  /// Of whole windows; tier 1 is 1.
  std::optional<Spread> spread() const {
    return ratios_.empty() ? std::nullopt : std::optional(spread_of(ratios_));
  }

 private:
  uint64_t length_ns_, end_ns_ = 0, ours_ = 0, tier1_ = 0;
  std::vector<double> ratios_;
};

/// A window of 100 ms that has ended, for the picture.
struct Point {
  double at_s = 0;
  double ratio = 0;
  uint64_t tier = 0;  ///< at its end
};

struct Phase {
  std::string name;
  double reached_ms = -1;  ///< wall time until the wanted tier ran; -1: never
  double seconds = 0;
  uint64_t packets = 0;
  std::optional<Spread> tenths, whole_seconds;
  std::vector<Point> series;
};

struct Pair {
  FilterPtr ours, tier1;
  size_t at = 0;
  bool ours_first = true;
  uint64_t wrong = 0;
};

/// The tier itself, or code made anew: where tier 1 is wanted, it must have come back between.
bool has_reached(const ipjit_stats& now, const ipjit_stats& before, uint64_t tier) {
  return now.tier == tier || (tier == 1 && now.tier_changes != before.tier_changes);
}

/// Runs until `tier` has been reached and `after_s` more, at most `limit_s`.
Phase run(Pair& pair, const std::string& name, std::span<const ipjit_packet> packets,
          std::optional<uint64_t> tier, double after_s, double limit_s) {
  Phase phase = {.name = name, .tenths = {}, .whole_seconds = {}, .series = {}};
  const ipjit_stats before = stats_of(pair.ours.get());
  Windows tenths(100'000'000), seconds(1'000'000'000);
  const uint64_t start = wall_ns();
  uint64_t now = start;
  uint64_t end = start + static_cast<uint64_t>((tier ? limit_s : after_s) * 1e9);
  while (now < end) {
    if (pair.at + kBlock > packets.size()) pair.at = 0;
    const auto block = packets.subspan(pair.at, std::min(kBlock, packets.size()));
    pair.at += kBlock;
    const Turn first = turn((pair.ours_first ? pair.ours : pair.tier1).get(), block);
    const Turn second = turn((pair.ours_first ? pair.tier1 : pair.ours).get(), block);
    pair.wrong += first.matches != second.matches;
    const uint64_t ours_ns = pair.ours_first ? first.ns : second.ns;
    const uint64_t tier1_ns = pair.ours_first ? second.ns : first.ns;
    pair.ours_first = !pair.ours_first;
    phase.packets += block.size();
    now = wall_ns();
    if (tenths.add(now, ours_ns, tier1_ns))
      phase.series.push_back(
          {static_cast<double>(now - start) / 1e9, tenths.last(), stats_of(pair.ours.get()).tier});
    seconds.add(now, ours_ns, tier1_ns);
    if (tier && phase.reached_ms < 0 && has_reached(stats_of(pair.ours.get()), before, *tier)) {
      phase.reached_ms = static_cast<double>(now - start) / 1e6;
      end = now + static_cast<uint64_t>(after_s * 1e9);
    }
  }
  phase.seconds = static_cast<double>(now - start) / 1e9;
  phase.tenths = tenths.spread();
  phase.whole_seconds = seconds.spread();
  return phase;
}

json report(const Phase& phase, const Pair& pair) {
  const ipjit_stats stats = stats_of(pair.ours.get());
  const auto text = [](const std::optional<Spread>& s) { return s ? to_string(*s) : "-"; };
  std::printf("%-34s %9.1f %7.1f %8.1f  %-20s %-20s %4lu %6lu %8lu\n", phase.name.c_str(),
              phase.reached_ms, phase.seconds, static_cast<double>(phase.packets) / 1e6,
              text(phase.tenths).c_str(), text(phase.whole_seconds).c_str(),
              static_cast<unsigned long>(stats.tier), static_cast<unsigned long>(stats.tier_builds),
              static_cast<unsigned long>(stats.tier_retreats));
  json row = {{"name", phase.name},
              {"reached_ms", phase.reached_ms},
              {"seconds", phase.seconds},
              {"packets", phase.packets},
              {"tier", stats.tier},
              {"builds", stats.tier_builds},
              {"retreats", stats.tier_retreats}};
  json series = json::array();
  for (const Point& point : phase.series)
    series.push_back({{"at_s", point.at_s}, {"ratio", point.ratio}, {"tier", point.tier}});
  row["series"] = series;
  if (phase.tenths) row["tenths"] = to_json(*phase.tenths);
  if (phase.whole_seconds) row["whole_seconds"] = to_json(*phase.whole_seconds);
  return row;
}

/// Untagged IPv4 without options and fragments: what the usual traffic is made of.
bool usual(const ipjit_packet& packet) {
  const uint8_t* p = packet.data;
  return p[12] == 0x08 && p[13] == 0x00 && p[14] == 0x45 && (p[20] & 0x3f) == 0 && p[21] == 0;
}

/// One behind the other in memory, as if nothing else had come.
struct Rare {
  std::vector<uint8_t> memory;
  std::vector<ipjit_packet> packets;
};

/// Takes: packets to look through, an eighth of which is rare.  So many that no branch predictor
///        learns the rare ones by heart.
Rare only_rare(size_t looked_at) {
  constexpr size_t kAtOnce = 400'000;
  Rare rare;
  for (uint64_t seed = 2; looked_at != 0; ++seed) {
    const size_t count = std::min(looked_at, kAtOnce);
    looked_at -= count;
    const Traffic traffic = generate(count, seed);
    for (ipjit_packet packet : traffic.packets()) {
      if (usual(packet)) continue;
      rare.memory.insert(rare.memory.end(), packet.data, packet.data + packet.caplen);
      rare.packets.push_back(packet);
    }
  }
  IPJIT_CHECK(!rare.packets.empty());
  const uint8_t* at = rare.memory.data();
  for (ipjit_packet& packet : rare.packets) {
    packet.data = at;
    at += packet.caplen;
  }
  return rare;
}

json phases(char id, const Traffic& traffic, std::span<const ipjit_packet> rare, double scale) {
  const std::string expression = filter(id).expression;
  Pair pair{compile(expression, IPJIT_ENGINE_AUTO), compile(expression, IPJIT_ENGINE_TIER1)};
  json rows = json::array();
  const auto add = [&](const Phase& phase) { rows.push_back(report(phase, pair)); };
  const std::string of = std::string(1, id) + ": ";
  add(run(pair, of + "usual traffic, to tier 2", traffic.packets(), 2, 4 * scale, 20 * scale));
  const bool reached = rows.back()["reached_ms"] >= 0;
  add(run(pair, of + "rare traffic, to tier 1", rare, reached ? 1 : 3, 4 * scale, 6 * scale));
  add(run(pair, of + "usual traffic again", traffic.packets(), {}, 6 * scale, 0));
  if (pair.wrong)
    std::fprintf(stderr, "phase_bench: %lu blocks differ\n",
                 static_cast<unsigned long>(pair.wrong));
  return {{"id", std::string(1, id)}, {"wrong_blocks", pair.wrong}, {"phases", rows}};
}

/// Filter a accepts everything: nothing can be specialised, so what is measured is the watching.
json sampling(const Traffic& traffic, double scale) {
  Pair pair{compile("", IPJIT_ENGINE_AUTO), compile("", IPJIT_ENGINE_TIER1)};
  run(pair, "", traffic.packets(), {}, scale, 0);  // the first samples come densely
  const Phase phase =
      run(pair, "a: sampled, nothing to specialise", traffic.packets(), {}, 5 * scale, 0);
  return report(phase, pair);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--json"});
  const double scale = options.flag("--smoke") ? 0.05 : 1;
#ifdef IPJIT_TIER2_PROGRAM
  setenv("IPJIT_TIER2", IPJIT_TIER2_PROGRAM, 0);  // the one that was built beside this
#endif
  const Traffic traffic = generate(100'000);
  const Rare rare = only_rare(options.flag("--smoke") ? 20'000 : 1'600'000);
  std::printf("%-34s %9s %7s %8s  %-20s %-20s %4s %6s %8s\n", "", "reached", "", "M pack-",
              "over tier 1, by", "over tier 1, by", "", "", "");
  std::printf("%-34s %9s %7s %8s  %-20s %-20s %4s %6s %8s\n", "phase", "after ms", "seconds", "ets",
              "100 ms", "second", "tier", "builds", "retreats");
  json filters = json::array();
  uint64_t wrong = 0;
  for (char id : {'c', 'f'}) {
    filters.push_back(phases(id, traffic, rare.packets, scale));
    wrong += filters.back()["wrong_blocks"].get<uint64_t>();
  }
  const json watched = sampling(traffic, scale);
  write_json(options.text("--json", ""),
             {{"machine", machine()}, {"filters", filters}, {"sampling", watched}});
  return wrong ? 1 : 0;
}
