// SPDX-License-Identifier: BSD-2-Clause
// Parts of the library alone: its tables against what else a program could use, a swap, a change of
// tier, sampling.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <thread>
#include <unordered_set>

#include "bench/micro/caches.h"
#include "bench/micro/families.h"
#include "bench/micro/live.h"
#include "lookup/table.h"
#include "runtime/tier/sample_ring.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::bench {
namespace {

using benchmark::State;
constexpr size_t kProbes = 4096;

// Half the probes hit.
struct Keys {
  ir::Table table;
  std::vector<uint64_t> probes;
};

Keys keys_of(uint32_t bits, size_t count) {
  std::mt19937_64 draw(count);
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  std::unordered_set<uint64_t> set;
  while (set.size() < count) set.insert(draw() & mask);
  Keys keys;
  keys.table.key_bits = bits;
  for (uint64_t key : set) keys.table.entries.push_back({key, 1});
  std::sort(keys.table.entries.begin(), keys.table.entries.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  for (size_t i = 0; i < kProbes; ++i)
    keys.probes.push_back(i % 2 ? keys.table.entries[draw() % count].key : draw() & mask);
  return keys;
}

void build_table(State& state, uint32_t bits, size_t count) {
  const Keys keys = keys_of(bits, count);
  size_t bytes = 0;
  for (auto _ : state) {
    const Result<lookup::ReadOnlyTable> table = lookup::build(keys.table);
    if (!table) return state.SkipWithError(table.error().why.c_str());
    bytes = table->bytes.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

template <class Find>
void probe(State& state, const Keys& keys, Find find) {
  uint64_t hits = 0;
  size_t at = 0;
  for (auto _ : state) {
    hits += find(keys.probes[at]);
    at = (at + 1) % kProbes;
  }
  benchmark::DoNotOptimize(hits);
}

void find_in_table(State& state, uint32_t bits, size_t count) {
  const Keys keys = keys_of(bits, count);
  const Result<lookup::ReadOnlyTable> table = lookup::build(keys.table);
  if (!table) return state.SkipWithError(table.error().why.c_str());
  state.SetLabel(lookup::name_of(table->layout.shape));
  probe(state, keys, [&](uint64_t key) { return lookup::find(*table, key); });
}

void find_hashed(State& state, size_t count) {
  const Keys keys = keys_of(32, count);
  std::unordered_set<uint32_t> set;
  for (const auto& entry : keys.table.entries) set.insert(static_cast<uint32_t>(entry.key));
  probe(state, keys, [&](uint64_t key) { return set.count(static_cast<uint32_t>(key)); });
}

void find_sorted(State& state, size_t count) {
  const Keys keys = keys_of(32, count);
  std::vector<uint32_t> sorted;
  for (const auto& entry : keys.table.entries) sorted.push_back(static_cast<uint32_t>(entry.key));
  probe(state, keys, [&](uint64_t key) {
    return std::binary_search(sorted.begin(), sorted.end(), static_cast<uint32_t>(key));
  });
}

using Handle = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;

Handle filter_of(const std::vector<ipjit_insn>& insns, ipjit_tiering tiering) {
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = IPJIT_ENGINE_TIER1;
  options.tiering = tiering;
  return Handle(ipjit_compile(insns.data(), insns.size(), &options, nullptr), ipjit_filter_free);
}

// ldb [23]; jeq #6: one verdict for TCP, another for the rest.
std::vector<ipjit_insn> tcp(uint32_t yes) {
  return {{0x30, 0, 0, 23}, {0x15, 0, 1, 6}, {0x06, 0, 0, yes}, {0x06, 0, 0, 0}};
}

void swap(State& state, size_t readers) {
  const Handle filter = filter_of(tcp(1), IPJIT_TIERING_OFF);
  const auto packets = micro_traffic().hot();
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < readers; ++i)
    threads.emplace_back([&](std::stop_token stop) {
      while (!stop.stop_requested())
        for (const ipjit_packet& packet : packets)
          ipjit_filter_run(filter.get(), packet.data, packet.caplen, packet.len);
    });
  const std::vector<ipjit_insn> one = tcp(1), two = tcp(2);
  size_t turn = 0;
  for (auto _ : state) {
    const std::vector<ipjit_insn>& next = ++turn % 2 ? two : one;
    if (ipjit_filter_replace(filter.get(), next.data(), next.size(), nullptr) != 0)
      return state.SkipWithError("a swap was refused");
  }
}

__attribute__((noinline)) void run_all(const ipjit_filter* filter) {
  for (const ipjit_packet& packet : micro_traffic().hot())
    benchmark::DoNotOptimize(ipjit_filter_run(filter, packet.data, packet.caplen, packet.len));
}

// The same code twice, once as the general program: what a call costs when the other has run.
void tier_change(State& state, bool changed, bool specialised) {
  const std::vector<ipjit_insn> insns = tcp(1);
  const Result<ir::Program> program =
      general_program({reinterpret_cast<const bpf::Insn*>(insns.data()), insns.size()});
  tier1::Tier1 tier1;
  const Result<NativePtr> first = make_native(*program, tier1);
  const Result<NativePtr> second = make_native(*program, tier1);
  if (!first || !second) return state.SkipWithError("refused");
  own_a_stripe();
  const Live general(*first, false), other(*second, specialised);
  forget_branch_targets();
  run_all(general.filter());
  if (changed) run_all(other.filter());
  for (auto _ : state) run_all(general.filter());
  state.counters["packet"] = benchmark::Counter(
      static_cast<double>(micro_traffic().hot().size()) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// A program that cannot be specialised, so that what is left of tiering is the watching.
void watched(State& state, ipjit_tiering tiering) {
  const Handle filter = filter_of({{0x06, 0, 0, 262144}}, tiering);
  const auto packets = micro_traffic().hot();
  for (auto _ : state)
    for (const ipjit_packet& packet : packets)
      benchmark::DoNotOptimize(
          ipjit_filter_run(filter.get(), packet.data, packet.caplen, packet.len));
  state.counters["packet"] = benchmark::Counter(
      static_cast<double>(packets.size()) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void sample(State& state) {
  static runtime::SampleRing ring;
  const ipjit_packet packet = micro_traffic().packets()[0];
  runtime::Head head;
  for (auto _ : state) {
    ring.push([&](runtime::Head& to) {
      to.cap_len = packet.caplen;
      to.copied = std::min<uint32_t>(packet.caplen, runtime::Head::kBytes);
      std::copy_n(packet.data, to.copied, to.bytes.data());
    });
    ring.pop(head);
  }
  benchmark::DoNotOptimize(head);
}

}  // namespace

void register_lookup() {
  const auto add = [](const std::string& name, size_t size, auto run) {
    benchmark::RegisterBenchmark((name + "/" + std::to_string(size)).c_str(), run);
  };
  for (const size_t size : {4, 16, 64, 256, 1024, 16384, 262144}) {
    add("lookup build/u32", size, [=](State& state) { build_table(state, 32, size); });
    add("lookup find/u32", size, [=](State& state) { find_in_table(state, 32, size); });
    add("lookup find/unordered_set", size, [=](State& state) { find_hashed(state, size); });
    add("lookup find/binary search", size, [=](State& state) { find_sorted(state, size); });
    if (size > 16384) continue;
    add("lookup build/u16", size, [=](State& state) { build_table(state, 16, size); });
    add("lookup find/u16", size, [=](State& state) { find_in_table(state, 16, size); });
  }
}

void register_runtime() {
  for (const size_t readers : {0, 1, 4})
    benchmark::RegisterBenchmark(("swap/readers " + std::to_string(readers)).c_str(),
                                 [=](State& state) { swap(state, readers); });
  const auto change = [](const char* name, bool changed, bool specialised) {
    benchmark::RegisterBenchmark(name,
                                 [=](State& state) { tier_change(state, changed, specialised); });
  };
  change("tier change/before", false, false);
  change("tier change/after, a call for each tier", true, true);
  change("tier change/after, one call for both", true, false);
  benchmark::RegisterBenchmark("sampling/off", [](State& s) { watched(s, IPJIT_TIERING_OFF); });
  benchmark::RegisterBenchmark("sampling/on", [](State& s) { watched(s, IPJIT_TIERING_ON); });
  benchmark::RegisterBenchmark("sampling/a head, pushed and popped", sample);
}

}  // namespace ipjit::bench
