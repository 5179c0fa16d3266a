// SPDX-License-Identifier: BSD-2-Clause
// Tier 2's rows: the specialised program through tier 1 and through LLVM, called as a user calls it
// and bare.
//
// A filter of the library would have to sample and decide first; a Live runs the code that tier 2
// makes by the very call path that a user's program inlines.
#include <algorithm>

#include "bench/micro/engines.h"
#include "bench/micro/live.h"
#include "bench/micro/units.h"
#include "runtime/burst.h"

namespace ipjit::bench {
namespace {

uint64_t single(const Live& live, std::span<const ipjit_packet> packets) {
  uint64_t matches = 0;
  for (const ipjit_packet& packet : packets)
    matches += ipjit_filter_run(live.filter(), packet.data, packet.caplen, packet.len) != 0;
  return matches;
}

// As FilterSlot::run_burst() does it: one entry and one leave for each burst.
uint64_t in_bursts(const Live& live, std::span<const ipjit_packet> packets) {
  ipjit_stripe& own = live.own();
  uint64_t matches = 0;
  uint32_t verdicts[32];
  ipjit_ctx ctx;
  ctx.counters = ipjit_own_counters(live.filter()->program);
  for (size_t at = 0; at < packets.size(); at += 32) {
    const std::span<const ipjit_packet> some =
        packets.subspan(at, std::min<size_t>(32, packets.size() - at));
    ipjit_own_add(&own.entered, some.size());
    const uint64_t matched =
        runtime::run_lanes(*live.filter()->program, live.native().reach, ctx, some, verdicts);
    ipjit_own_add(&own.left, some.size());
    ipjit_own_add(&own.matched, matched);
    for (size_t i = 0; i < some.size(); ++i) matches += verdicts[i] != 0;
  }
  return matches;
}

Result<Runner> bodies(const char* name, const Compiled& compiled,
                      std::span<const ipjit_packet> packets, bool with_llvm) {
  const Result<Pair> pair = specialised_pair(compiled, packets, with_llvm);
  if (!pair) return pair.error();
  const Runner hot = body_runner(name, pair->hot, packets);
  const Runner stream = body_runner(name, pair->stream, packets);
  return Runner{name, [hot, stream](size_t count, size_t rounds) {
                  return (count <= kHotPackets ? hot : stream).run(count, rounds);
                }};
}

template <class Loop>
Result<Runner> lives(const char* name, const Compiled& compiled,
                     std::span<const ipjit_packet> packets, bool with_llvm, Loop loop) {
  const Result<Pair> pair = specialised_pair(compiled, packets, with_llvm);
  if (!pair) return pair.error();
  own_a_stripe();
  const auto hot = std::make_shared<Live>(pair->hot, true),
             stream = std::make_shared<Live>(pair->stream, true);
  return Runner{name, [hot, stream, packets, loop](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    matches += loop(count <= kHotPackets ? *hot : *stream, packets.first(count));
                  return matches;
                }};
}

}  // namespace

Result<Runner> ipjit_specialised_body(const Compiled& compiled,
                                      std::span<const ipjit_packet> packets) {
  return bodies("ipjit tier1 specialised body", compiled, packets, false);
}

Result<Runner> ipjit_specialised(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier1 specialised", compiled, packets, false, single);
}

Result<Runner> ipjit_tier2(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier2", compiled, packets, true, single);
}

Result<Runner> ipjit_tier2_burst(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return lives("ipjit tier2 burst 32", compiled, packets, true, in_bursts);
}

Result<Runner> ipjit_tier2_body(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return bodies("ipjit tier2 body", compiled, packets, true);
}

}  // namespace ipjit::bench
