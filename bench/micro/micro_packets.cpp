// SPDX-License-Identifier: BSD-2-Clause
// Nanoseconds a packet through Google Benchmark.  packets_bench is the careful comparison, with all
// engines in turns and ratios inside a repeat; this is the quick look, and the curves over a size.
#include <benchmark/benchmark.h>

#include <map>

#include "bench/micro/caches.h"
#include "bench/micro/families.h"
#include "bench/micro/measure.h"
#include "bench/micro/shapes.h"

namespace ipjit::bench {
namespace {

using benchmark::State;

struct Entrant {
  const char* name;
  Engine load;
};
constexpr Entrant kAll[] = {{"libpcap", libpcap},
                            {"rte_bpf", dpdk_jit_repaired},
                            {"interp", ipjit_interp},
                            {"tier1", ipjit_tier1},
                            {"tier1 burst", ipjit_tier1_burst},
                            {"tier2", ipjit_tier2},
                            {"tier2 burst", ipjit_tier2_burst}};
constexpr Entrant kCurves[] = {{"libpcap", libpcap},
                               {"rte_bpf", dpdk_jit_repaired},
                               {"interp", ipjit_interp},
                               {"tier1", ipjit_tier1},
                               {"tier2", ipjit_tier2}};
struct CrowdEntrant {
  const char* name;
  Crowd load;
};
constexpr CrowdEntrant kCrowds[] = {
    {"libpcap", libpcap_crowd}, {"rte_bpf", dpdk_jit_repaired_crowd}, {"tier1", ipjit_tier1_crowd}};
constexpr size_t kHot = 1024;
constexpr size_t kFew = 128;  // as crowds see more branches
constexpr size_t kFirst = 1024;

using Loaded = Result<Runner>;

// Loading takes longer than a measurement, and the repetitions of a benchmark ask again.
template <class Load>
const Loaded& kept(const std::string& name, Load load) {
  static std::map<std::string, Loaded> all;
  const auto found = all.find(name);
  if (found != all.end()) return found->second;
  return all.emplace(name, load()).first->second;
}

const Loaded& kept(const std::string& name, Engine load, const Compiled& compiled) {
  return kept(name, [&] { return load(compiled, micro_traffic().packets()); });
}

void run(State& state, const Loaded& runner, size_t count, bool stream, size_t filters = 1) {
  if (!runner) return state.SkipWithError(runner.error().why.c_str());
  const auto packets = micro_traffic().packets().first(count);
  for (auto _ : state) {
    if (stream) {
      state.PauseTiming();
      leave_in_shared_cache(packets);
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(runner->run(count, 1));
  }
  // The time is that of all packets of an iteration; this counter is seconds a packet and filter.
  state.counters["packet"] = benchmark::Counter(
      static_cast<double>(count * filters) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Refused if it matches anything else than libpcap does.
Loaded crowd(Crowd load, size_t size) {
  std::vector<Compiled> programs;
  for (size_t i = 0; i < size; ++i) programs.push_back(compile_with_libpcap(one_of_many(i)));
  const auto packets = micro_traffic().packets();
  Loaded runner = load(programs, packets);
  if (runner && runner->run(kFew, 1) != libpcap_crowd(programs, packets)->run(kFew, 1))
    return Error{Stage::kRuntime, Code::kRefused, 0, "matches other packets than libpcap"};
  return runner;
}

// What a user meets just after a compile: code and branch history are new, the packets are not.
void first_packets(State& state, Engine load, const Compiled& compiled) {
  const auto packets = micro_traffic().packets().first(kFirst);
  for (auto _ : state) {
    const Result<Runner> runner = load(compiled, micro_traffic().packets());
    if (!runner) return state.SkipWithError(runner.error().why.c_str());
    leave_in_shared_cache(packets);
    const uint64_t start = cpu_ns();
    benchmark::DoNotOptimize(runner->run(kFirst, 1));
    state.SetIterationTime(static_cast<double>(cpu_ns() - start) / 1e9 /
                           static_cast<double>(kFirst));
  }
}

}  // namespace

void register_packets() {
  for (const Filter& filter : filters()) {
    if (filter.id == 'h') continue;  // libpcap compiles it for a minute; see the curves
    const Compiled compiled = compile_with_libpcap(filter);
    for (const Entrant& entrant : kAll)
      for (const bool stream : {false, true}) {
        const std::string of = std::string(entrant.name) + " " + filter.id;
        const size_t count = stream ? micro_traffic().packets().size() : kHot;
        benchmark::RegisterBenchmark(
            ("packets/" + of + (stream ? " stream" : " hot")).c_str(),
            [=](State& state) { run(state, kept(of, entrant.load, compiled), count, stream); });
      }
  }
}

// Programs that take turns push each other's code out of the processor's caches.
void register_crowds() {
  for (const CrowdEntrant& entrant : kCrowds)
    for (const size_t size : {1, 4, 16, 64, 240}) {
      const std::string of = std::string(entrant.name) + " filters/" + std::to_string(size);
      benchmark::RegisterBenchmark(("together/" + of).c_str(), [=](State& state) {
        run(state, kept(of, [&] { return crowd(entrant.load, size); }), kFew, false, size);
      });
    }
}

void register_rules() {
  for (const Entrant& entrant : kCurves) {
    for (const size_t size : {1, 3, 10, 30, 100, 300, 1000})
      for (const bool hosts : {true, false}) {
        const std::string of =
            std::string(entrant.name) + (hosts ? " hosts/" : " chain/") + std::to_string(size);
        // A chain of a thousand tests is more than LLVM is given.
        if (!hosts && size > 300 && entrant.load == ipjit_tier2) continue;
        benchmark::RegisterBenchmark(("rules/" + of).c_str(), [=](State& state) {
          const Compiled compiled = hosts ? hosts_program(size) : chain_program(size);
          run(state, kept(of, entrant.load, compiled), micro_traffic().packets().size(), true);
        });
      }
    for (const char id : {'c', 'f', 'g'})
      benchmark::RegisterBenchmark(
          (std::string("first packets/") + entrant.name + " " + id).c_str(),
          [=, compiled = compile_with_libpcap(filter(id))](State& state) {
            first_packets(state, entrant.load, compiled);
          })
          ->UseManualTime()
          ->Iterations(20);
  }
}

}  // namespace ipjit::bench
