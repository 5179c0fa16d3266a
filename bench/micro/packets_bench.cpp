// SPDX-License-Identifier: BSD-2-Clause
// Nanoseconds per packet: ten filters, our engines and two rivals, in one process.
//
//   packets_bench [--smoke] [--filters cdef] [--repeats N] [--hosts1000 FILE] [--json FILE]
//
// hot: 1,024 packets looped (they and the branch history fit the caches); stream: one pass over
// 100,000 that lie in the shared cache; cold: the same pass with the packets in memory (caches.h).
// In each repeat every engine runs once, and the order rotates from repeat to repeat; a ratio is
// formed inside a repeat, between neighbours in time.  Cells are medians [min-max].  Time is the
// thread's CPU time, so that a busy machine costs precision and not truth.
//
// Instructions per packet (C forms and bare bodies, the calling loop of about ten included) are
// counted one by one.  Every engine counts its matches; one that differs from libpcap is marked,
// and its times are then times of another filter.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "bench/micro/caches.h"
#include "bench/micro/engines.h"
#include "bench/micro/insns.h"
#include "bench/micro/measure.h"
#include "bench/micro/programs.h"
#include "bench/micro/units.h"
#include "bench/traffic/traffic.h"

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

struct Plan {
  size_t packets = 100'000;
  size_t hot = kHotPackets;
  size_t counted = kHotPackets + 176;  ///< packets whose instructions are counted; more than hot
  size_t repeats = 18;
  double pass_ms = 2;  // what one hot measurement should take
};

enum class Kind { kRival, kOurs, kFloor };

struct Entrant {
  const char* name;
  bench::Engine load;
  Kind kind;
};
constexpr Entrant kEntrants[] = {
    {"libpcap", libpcap, Kind::kRival},
    {"rte_bpf JIT", dpdk_jit, Kind::kRival},
    {"rte_bpf JIT repaired", dpdk_jit_repaired, Kind::kRival},
    {"clang -O3 C", c_plain, Kind::kRival},
    {"clang -O3 + PGO C", c_pgo, Kind::kRival},
    {"branch-free C", c_branch_free, Kind::kRival},
    {"ipjit interp", ipjit_interp, Kind::kOurs},
    {"ipjit tier1", ipjit_tier1, Kind::kOurs},
    {"ipjit tier1 burst 32", ipjit_tier1_burst, Kind::kOurs},
    {"ipjit tier1 body", ipjit_tier1_body, Kind::kOurs},
    {"ipjit tier1 specialised", ipjit_specialised, Kind::kOurs},
    {"ipjit tier1 specialised body", ipjit_specialised_body, Kind::kOurs},
    {"ipjit tier2", ipjit_tier2, Kind::kOurs},
    {"ipjit tier2 burst 32", ipjit_tier2_burst, Kind::kOurs},
    {"ipjit tier2 body", ipjit_tier2_body, Kind::kOurs},
    {"floor: 1 byte", floor_one_byte, Kind::kFloor},
    {"floor: 2 bytes", floor_two_bytes, Kind::kFloor},
    {"floor: dependent", floor_dependent, Kind::kFloor}};
constexpr size_t kEngineCount = std::size(kEntrants);
constexpr size_t kLibpcap = 0, kShipped = 1, kRepaired = 2;

struct Row {
  std::optional<Runner> runner;
  std::string refusal;
  uint64_t matches = 0;
  size_t hot_rounds = 1;
  std::vector<double> hot, stream, cold;  // ns per packet, by repeat
  std::optional<double> insns;            // per packet of the stream, the loop included
};

double ns_per_packet(const Runner& runner, size_t count, size_t rounds) {
  const uint64_t start = cpu_ns();
  const uint64_t matches = runner.run(count, rounds);
  const uint64_t took = cpu_ns() - start;
  asm volatile("" : : "r"(matches));
  return static_cast<double>(took) / static_cast<double>(count * rounds);
}

Row load(size_t engine, const Compiled& compiled, const Traffic& traffic, const Plan& plan) {
  Row row;
  Result<Runner> runner = kEntrants[engine].load(compiled, traffic.packets());
  if (!runner) {
    row.refusal = runner.error().why;
    return row;
  }
  row.runner = *runner;
  row.matches = row.runner->run(plan.packets, 1);
  const double ns = ns_per_packet(*row.runner, plan.hot, 4);
  const std::string_view name = kEntrants[engine].name;
  if (kEntrants[engine].kind != Kind::kFloor && (name.ends_with(" C") || name.ends_with("body")))
    if (const Result<double> insns = instructions_per_packet(*row.runner, plan.counted))
      row.insns = *insns;
  row.hot_rounds = std::clamp<size_t>(
      static_cast<size_t>(plan.pass_ms * 1e6 / (ns * static_cast<double>(plan.hot))), 1, 2000);
  return row;
}

std::vector<double> ratios(const std::vector<double>& slow, const std::vector<double>& fast) {
  std::vector<double> result;
  for (size_t i = 0; i < slow.size(); ++i) result.push_back(slow[i] / fast[i]);
  return result;
}

std::vector<Row> measure(const Compiled& compiled, const Traffic& traffic, const Plan& plan) {
  std::vector<Row> rows;
  for (size_t e = 0; e < kEngineCount; ++e) rows.push_back(load(e, compiled, traffic, plan));
  for (size_t repeat = 0; repeat < plan.repeats; ++repeat)
    for (size_t turn = 0; turn < kEngineCount; ++turn) {
      Row& row = rows[(turn + repeat) % kEngineCount];
      if (!row.runner) continue;
      // Its own code and data warm, as they are in a capture loop.
      forget_branch_targets();
      row.runner->run(plan.hot, 2);
      row.hot.push_back(ns_per_packet(*row.runner, plan.hot, row.hot_rounds));
      forget_branch_targets();
      leave_in_shared_cache(traffic.packets());
      row.stream.push_back(ns_per_packet(*row.runner, plan.packets, 1));
      forget_branch_targets();
      push_out_to_memory(traffic.packets());
      row.cold.push_back(ns_per_packet(*row.runner, plan.packets, 1));
    }
  return rows;
}

// Adds how many times faster `row` is than `rival`, formed inside repeats; gives the hot median as
// text.
std::string add_ratios(json& entry, const char* key, const Row& rival, const Row& row) {
  if (!rival.runner || &rival == &row) return "";
  const Spread hot = spread_of(ratios(rival.hot, row.hot));
  entry[key] = {{"hot", to_json(hot)},
                {"stream", to_json(spread_of(ratios(rival.stream, row.stream)))},
                {"cold", to_json(spread_of(ratios(rival.cold, row.cold)))}};
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", hot.median);
  return text;
}

// What a row is held against, beside libpcap and DPDK.
constexpr std::pair<const char*, const char*> kYardsticks[] = {
    {"over_c", "clang -O3 C"},
    {"over_pgo", "clang -O3 + PGO C"},
    {"over_branch_free", "branch-free C"},
    {"over_tier1", "ipjit tier1"},
    {"over_tier1_body", "ipjit tier1 body"},
    {"over_tier2", "ipjit tier2"}};

void add_yardsticks(json& entry, const std::vector<Row>& rows, const Row& row) {
  for (const auto& [key, name] : kYardsticks)
    for (size_t e = 0; e < kEngineCount; ++e)
      if (std::string_view(kEntrants[e].name) == name) add_ratios(entry, key, rows[e], row);
}

json report(const Compiled& compiled, const std::vector<Row>& rows) {
  const std::string& text = compiled.filter.expression;
  std::printf("\n%c  %.70s%s  (%zu instructions)\n", compiled.filter.id, text.c_str(),
              text.size() > 70 ? "..." : "", compiled.insns.size());
  std::printf("   %-28s %9s  %-22s %-22s %-22s %6s %8s %8s\n", "ns/packet", "matches", "hot",
              "stream", "cold", "insns", "libpcap/", "rte_bpf/");
  const bool shipped_is_right =
      rows[kShipped].runner && rows[kShipped].matches == rows[kLibpcap].matches;
  const size_t dpdk = shipped_is_right ? kShipped : kRepaired;
  json engines = json::array();
  for (size_t e = 0; e < kEngineCount; ++e) {
    const Row& row = rows[e];
    if (!row.runner) {
      std::printf("   %-28s %9s  %s\n", kEntrants[e].name, "-", row.refusal.c_str());
      engines.push_back({{"name", kEntrants[e].name}, {"refusal", row.refusal}});
      continue;
    }
    const bool floor = kEntrants[e].kind == Kind::kFloor;
    const bool agrees = floor || row.matches == rows[kLibpcap].matches;
    json entry = {{"name", kEntrants[e].name},
                  {"matches", floor ? 0 : row.matches},
                  {"agrees", agrees},
                  {"hot", to_json(spread_of(row.hot))},
                  {"stream", to_json(spread_of(row.stream))},
                  {"cold", to_json(spread_of(row.cold))}};
    if (row.insns) entry["insns"] = *row.insns;
    const std::string over_libpcap = add_ratios(entry, "over_libpcap", rows[kLibpcap], row);
    const std::string over_dpdk = add_ratios(entry, "over_dpdk", rows[dpdk], row);
    if (kEntrants[e].kind == Kind::kOurs) add_yardsticks(entry, rows, row);
    std::printf("   %-28s %8lu%c  %-22s %-22s %-22s %6s %8s %8s\n", kEntrants[e].name,
                static_cast<unsigned long>(floor ? 0 : row.matches), agrees ? ' ' : '!',
                to_string(spread_of(row.hot)).c_str(), to_string(spread_of(row.stream)).c_str(),
                to_string(spread_of(row.cold)).c_str(),
                row.insns ? std::to_string(std::lround(*row.insns)).c_str() : "",
                over_libpcap.c_str(), over_dpdk.c_str());
    engines.push_back(entry);
  }
  return {{"id", std::string(1, compiled.filter.id)}, {"expression", text.substr(0, 100)},
          {"insns", compiled.insns.size()},           {"pcap_compile_s", compiled.pcap_compile_s},
          {"dpdk_reference", kEntrants[dpdk].name},   {"engines", engines}};
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--filters", "--repeats", "--hosts1000", "--json"});
  Plan plan;
  const bool smoke = options.flag("--smoke");
  if (smoke) plan = {.packets = 4000, .hot = 256, .counted = 64, .repeats = 2, .pass_ms = 0.2};
  plan.repeats = options.number("--repeats", plan.repeats);
  const std::string wanted = options.text("--filters", smoke ? "abcdefgij" : "abcdefghij");

  const Traffic traffic = generate(plan.packets);
  std::printf("%zu packets, %.1f MB; hot: %zu of them; %zu repeats; rivals: %s, %s\n", plan.packets,
              static_cast<double>(traffic.bytes()) / 1e6, plan.hot, plan.repeats,
              std::string(machine()["libpcap"]).c_str(), dpdk_version().c_str());
  std::printf(
      "columns 'libpcap/' and 'rte_bpf/': how many times faster than that, hot; '!': the "
      "matches differ from libpcap's\n");
  json results = json::array();
  bool ours_agree = true;
  for (const Filter& filter : filters()) {
    if (wanted.find(filter.id) == std::string::npos) continue;
    Plan own = plan;
    if (filter.id == 'h') own.repeats = (plan.repeats + 1) / 2;
    const Compiled compiled = filter.id == 'h' ? compile_hosts1000(options.text("--hosts1000", ""))
                                               : compile_with_libpcap(filter);
    const std::vector<Row> rows = measure(compiled, traffic, own);
    results.push_back(report(compiled, rows));
    for (size_t e = 0; e < kEngineCount; ++e) {
      const bool missing = !rows[e].runner && kEntrants[e].load == ipjit_tier1;
      const bool differs = rows[e].runner && rows[e].matches != rows[kLibpcap].matches;
      if (kEntrants[e].kind == Kind::kOurs && (missing || differs)) ours_agree = false;
    }
    std::fflush(stdout);
  }
  write_json(options.text("--json", ""), {{"machine", machine()},
                                          {"dpdk", dpdk_version()},
                                          {"packets", plan.packets},
                                          {"repeats", plan.repeats},
                                          {"filters", results}});
  if (!ours_agree)
    std::fprintf(stderr, "packets_bench: an engine of ours disagrees with libpcap\n");
  return ours_agree ? 0 : 1;
}
