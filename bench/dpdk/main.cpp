// SPDX-License-Identifier: BSD-2-Clause
// ipjit-pktbench: packets at speed through DPDK ports and every engine that can filter them.
//
// The order matters: EAL first, as it binds this thread to a CPU; then a cable; then, scenario by
// scenario, traffic and engines.  Engines are made off the lcores (eal.h).
#include <algorithm>
#include <cstdio>

#include "bench/dpdk/eal.h"
#include "bench/dpdk/filter_engines.h"
#include "bench/dpdk/load.h"
#include "bench/dpdk/options.h"
#include "bench/dpdk/phase.h"
#include "bench/dpdk/rules.h"
#include "bench/dpdk/swap.h"
#include "bench/dpdk/throughput.h"
#include "bench/micro/programs.h"
#include "bpf-frontend/expression.h"

namespace ipjit::pktbench {
namespace {

using nlohmann::json;

constexpr int kMissing = 77;  // as ctest and automake say "skipped"
constexpr size_t kReceivePool = 8192;

/// A filter with a name for the tables.
struct Named {
  std::string name, described;
  bpf::InsnList insns;
};

class Program {
 public:
  explicit Program(Options options) : options_(std::move(options)) {}
  int run();

 private:
  Status start();
  Status filters();
  Status rules();
  Status swap();
  Status phase();
  Result<std::vector<Named>> named_filters() const;
  /// What the port lets through of what the user wants.
  Result<Frames> sendable(const FramesWish& wish) const;
  /// Load of `sets`, connected to the bench.
  Result<std::unique_ptr<Load>> load(std::vector<Frames> sets);
  std::vector<Candidate> engines(const Named& filter, const Load& load,
                                 const std::vector<std::string>& names) const;
  Effort effort() const { return {options_.repeats, options_.turn_s, options_.patience_s}; }

  Options options_;
  Bench bench_;
  Pool pool_;
  Progress progress_;
  json report_;
  bool fine_ = true;
};

void complain(const Error& error) {
  std::fprintf(stderr, "ipjit-pktbench: %s: %s\n", name_of(error.stage), error.why.c_str());
}

Status Program::start() {
  const Result<Eal> eal = start_eal({.lcores = options_.lcores, .extra = options_.eal});
  if (!eal) return eal.error();
  for (const std::string& note : eal->notes)
    std::fprintf(stderr, "ipjit-pktbench: missing: %s\n", note.c_str());
  Result<Pool> pool = make_pool(kReceivePool, 16384);
  if (!pool) return pool.error();
  pool_ = std::move(*pool);
  bench_.alone = options_.lcores == 1;
  bench_.burst = options_.burst;
  const Result<Cable> cable =
      open_cable(options_.port, bench_.alone ? 1 : options_.lcores - 1, pool_.get());
  if (!cable) return cable.error();
  bench_.cable = *cable;
  report_ = {{"machine", bench::machine()},   {"dpdk", rte_version()},
             {"huge_pages", eal->huge_pages}, {"port", cable->described},
             {"lcores", options_.lcores},     {"burst", options_.burst},
             {"bursty", options_.bursty},     {"tsc_hz", rte_get_tsc_hz()}};
  std::printf("%s, %s, %u lcore%s, bursts of %u, TSC %.2f GHz\n", rte_version(),
              cable->described.c_str(), options_.lcores, options_.lcores == 1 ? "" : "s",
              options_.burst, static_cast<double>(rte_get_tsc_hz()) / 1e9);
  return ok();
}

Result<std::vector<Named>> Program::named_filters() const {
  std::vector<Named> named;
  for (const std::string& expression : options_.expressions) {
    Result<bpf::InsnList> insns = bpf::compile_expression(expression, {});
    if (!insns) return insns.error();
    named.push_back({expression.substr(0, 12), expression, std::move(*insns)});
  }
  if (!named.empty()) return named;
  for (const char id : options_.filters) {
    const bench::Compiled compiled = id == 'h' ? bench::compile_hosts1000(options_.hosts1000)
                                               : bench::compile_with_libpcap(bench::filter(id));
    named.push_back({std::string(1, id), compiled.filter.expression, compiled.insns});
  }
  return named;
}

Result<Frames> Program::sendable(const FramesWish& wish) const {
  Result<Frames> frames = frames_of(wish);
  if (frames && bench_.cable.reassembles) frames = without_fragments(std::move(*frames));
  return frames;
}

Result<std::unique_ptr<Load>> Program::load(std::vector<Frames> sets) {
  Pace pace{bench_.cable.queues, options_.burst, options_.bursty};
  if (bench_.cable.carries_mbufs) pace.carriers = bench_.alone ? kCarriersAlone : kCarriers;
  Result<std::unique_ptr<Load>> load = Load::make(std::move(sets), pace);
  if (load) bench_.source = &(*load)->source();
  return load;
}

std::vector<Candidate> Program::engines(const Named& filter, const Load& load,
                                        const std::vector<std::string>& names) const {
  std::vector<Candidate> candidates;
  off_lcores([&] { candidates = filter_engines(filter.insns, load.mbufs(), names); });
  return candidates;
}

Status Program::filters() {
  FramesWish wish = options_.frames;
  // The port replays its own capture; match counts are made of the same one.
  if (options_.port.starts_with("pcap:")) wish.traffic = options_.port.substr(5);
  Result<Frames> frames = sendable(wish);
  if (!frames) return frames.error();
  const std::string described = frames->described;
  const Result<std::vector<Named>> named = named_filters();
  if (!named) return named.error();
  Result<std::unique_ptr<Load>> traffic = load({std::move(*frames)});
  if (!traffic) return traffic.error();
  std::printf("%s\n", described.c_str());
  json out = json::array();
  for (const Named& filter : *named) {
    progress_.say(filter.name + ": engines compile");
    Contest contest{filter.name, filter.described, engines(filter, **traffic, options_.engines),
                    expected_verdicts(filter.insns, (*traffic)->frames().packets)};
    const Results results = measure(bench_, contest, (*traffic)->mbufs(), effort(), progress_);
    print(results);
    out.push_back(to_json(results));
    fine_ &= results.fine();
  }
  report_["filters"] = {{"traffic", described}, {"contests", out}};
  return ok();
}

Status Program::rules() {
  const Result<RuleSet> all = read_rules(options_.rules);
  if (!all) return all.error();
  json out = json::array();
  size_t before = 0;
  for (const size_t count : options_.rule_counts) {
    const RuleSet rules = thinned(*all, count);
    if (rules.size() == before) continue;  // the file has no more
    before = rules.size();
    Result<std::unique_ptr<Load>> traffic =
        load({frames_for(rules, options_.frames.packets, options_.frames.seed)});
    if (!traffic) return traffic.error();
    progress_.say(std::to_string(rules.size()) + " rules: tables are built");
    Contest contest{std::to_string(rules.size()) + " rules", (*traffic)->frames().described,
                    rule_engines(rules), expected_rules(rules, (*traffic)->frames().packets)};
    const Results results = measure(bench_, contest, (*traffic)->mbufs(), effort(), progress_);
    print(results);
    out.push_back(to_json(results));
    fine_ &= results.fine();
  }
  report_["rules"] = out;
  return ok();
}

Status Program::swap() {
  Result<Frames> frames = sendable(options_.frames);
  if (!frames) return frames.error();
  const Result<std::vector<Named>> named = named_filters();
  if (!named) return named.error();
  Result<std::unique_ptr<Load>> traffic = load({std::move(*frames)});
  if (!traffic) return traffic.error();
  const Named& filter = named->front();
  const Result<SwapResults> results =
      swap_under_load(bench_, **traffic,
                      {.name = filter.name,
                       .described = filter.described,
                       .insns = filter.insns,
                       .per_second = options_.swaps,
                       .seconds = options_.swap_s,
                       .segment_s = std::min(1.0, options_.swap_s / 4)},
                      progress_);
  if (!results) return results.error();
  print(*results);
  report_["swap"] = to_json(*results);
  fine_ &= results->fine();
  return ok();
}

Status Program::phase() {
  const Result<Frames> frames = sendable(options_.frames);
  if (!frames) return frames.error();
  const Result<std::vector<Named>> named = named_filters();
  if (!named) return named.error();
  Result<std::unique_ptr<Load>> traffic = load({*frames, only_rare(*frames)});
  if (!traffic) return traffic.error();
  const Named& filter = named->front();
  const PhaseResults results = phase_change(
      bench_, **traffic,
      engines(filter, **traffic,
              {"rte_bpf JIT repaired", "ipjit tier1 burst", "ipjit tier2 burst"}),
      {.name = filter.name, .described = filter.described, .phase_s = options_.phase_s}, progress_);
  print(results);
  report_["phase"] = to_json(results);
  return ok();
}

int Program::run() {
  if (const Status started = start(); !started) {
    const bool misuse = started.error().code == Code::kBadOption;
    if (misuse)
      complain(started.error());
    else
      std::fprintf(stderr, "ipjit-pktbench: missing: %s\n", started.error().why.c_str());
    return misuse ? 2 : kMissing;
  }
  const std::pair<const char*, Status (Program::*)()> scenarios[] = {{"filters", &Program::filters},
                                                                     {"rules", &Program::rules},
                                                                     {"swap", &Program::swap},
                                                                     {"phase", &Program::phase}};
  for (const auto& [name, scenario] : scenarios) {
    const bool wanted = std::find(options_.scenarios.begin(), options_.scenarios.end(), name) !=
                        options_.scenarios.end();
    if (!wanted) continue;
    if (const Status done = (this->*scenario)(); !done) {
      progress_.clear();
      complain(done.error());
      return done.error().code == Code::kBadOption ? 2 : 1;
    }
  }
  bench::write_json(options_.json, report_);
  return fine_ ? 0 : 1;
}

}  // namespace
}  // namespace ipjit::pktbench

int main(int argc, char** argv) {
#ifdef IPJIT_TIER2_PROGRAM
  setenv("IPJIT_TIER2", IPJIT_TIER2_PROGRAM, 0);  // the one that was built beside this
#endif
  using namespace ipjit::pktbench;
  int status = 0;
  {
    Program program(options_of(argc, argv));
    status = program.run();
  }
  std::fflush(stdout);
  return status;
}
