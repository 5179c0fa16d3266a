// SPDX-License-Identifier: BSD-2-Clause
// A burst overlaps the cache misses of its packets.
//
// A packet that the network card or the kernel has just written is in no near cache.  Called packet
// by packet, the processor sees the next packet's address some fifty instructions after this one's,
// and after a branch on this one's bytes that it may guess wrongly: then nothing was fetched ahead
// for the packets that follow.  In a burst the addresses are known, so the bytes that the program
// reads are fetched kAhead packets before their turn, whatever the branches do:
//
//   packet 0: fetch 12    run 0
//   packet 1: fetch 13    run 1      while 2 ... 13 are under way
//
// The loop is library code: it is not generated and not verified; the body that it calls is the
// same verified one that serves single calls.
//
// Hazard: a prefetch of an address that is not mapped does nothing, so bytes beyond caplen may be
// named here, but never read.
//
// Measured alternatives are in docs/tier2.md, "Burst".
#include "runtime/burst.h"

#include <algorithm>

namespace ipjit::runtime {

namespace {

/// Packets between a fetch and the run that needs it: at 4 to 7 ns a packet some 50 to 80 ns.
constexpr size_t kAhead = 12;

/// Loads behind a header of variable length find it to be this long: IPv4 without options.
constexpr uint64_t kUsualHeader = 20;

/// Bytes farther than this from the first are not fetched: payload is seldom looked at.
constexpr uint64_t kFarthest = 256;

inline void fetch(const ipjit_packet& packet, const Reach& reach) {
  __builtin_prefetch(packet.data + reach.first);
  __builtin_prefetch(packet.data + reach.last);
}

}  // namespace

Reach reach_of(const ir::Program& program) {
  uint64_t first = UINT64_MAX, last = 0;
  for (const ir::Insn& insn : program.insns) {
    const uint32_t size = ir::load_size(insn.op);
    if (size == 0 || insn.base != ir::Base::kData) continue;
    const uint64_t at = insn.imm + (insn.a == ir::kNoValue ? 0 : kUsualHeader);
    first = std::min(first, at);
    last = std::max(last, at + size - 1);
  }
  if (first > UINT16_MAX) return {};
  return {.first = static_cast<uint32_t>(first),
          .last = static_cast<uint32_t>(std::min(last, first + kFarthest)),
          .reads = true};
}

namespace {

/// Either kind of code has a loop of its own, and so a call of its own: ipjit_enter().
template <uint64_t kSpecialised>
uint64_t lanes(ipjit_entry_fn direct, const Reach& reach, ipjit_ctx& ctx,
               std::span<const ipjit_packet> packets, uint32_t* verdicts) {
  uint64_t matched = 0;
  const auto run = [&](size_t i) {
    const ipjit_packet& packet = packets[i];
    ctx.wire_len = packet.len;
    verdicts[i] =
        ipjit_result_value(ipjit_enter(kSpecialised, direct, packet.data, packet.caplen, &ctx));
    matched += verdicts[i] != 0;
  };
  const size_t count = packets.size();
  const size_t ahead = reach.reads ? std::min(count, kAhead) : count;
  if (reach.reads)
    for (const ipjit_packet& packet : packets.first(ahead)) fetch(packet, reach);
  for (size_t i = 0; i < count - ahead; ++i) {
    fetch(packets[i + ahead], reach);
    run(i);
  }
  for (size_t i = count - ahead; i < count; ++i) run(i);
  return matched;
}

}  // namespace

uint64_t run_lanes(const ipjit_program& program, const Reach& reach, ipjit_ctx& ctx,
                   std::span<const ipjit_packet> packets, uint32_t* verdicts) {
  return program.specialised ? lanes<1>(program.direct, reach, ctx, packets, verdicts)
                             : lanes<0>(program.direct, reach, ctx, packets, verdicts);
}

}  // namespace ipjit::runtime
