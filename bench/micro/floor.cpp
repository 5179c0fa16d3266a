// SPDX-License-Identifier: BSD-2-Clause
// What the memory alone costs: loops that read packets and decide nothing.
//
// No filter that looks at a packet can be faster than the loop that reads the bytes which it must
// look at; "dependent" is the other end, where each packet's address waits for the last packet's
// byte, so that no two misses overlap.
#include "bench/micro/engines.h"

namespace ipjit::bench {
namespace {

template <class Packet>
Runner loop(const char* name, std::span<const ipjit_packet> packets, Packet packet) {
  return Runner{name, [packets, packet](size_t count, size_t rounds) {
                  uint64_t sum = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (const ipjit_packet& p : packets.first(count)) sum += packet(p, sum);
                  return sum;
                }};
}

}  // namespace

Result<Runner> floor_one_byte(const Compiled&, std::span<const ipjit_packet> packets) {
  return loop("floor", packets, [](const ipjit_packet& p, uint64_t) { return p.data[12]; });
}

Result<Runner> floor_two_bytes(const Compiled&, std::span<const ipjit_packet> packets) {
  return loop("floor", packets,
              [](const ipjit_packet& p, uint64_t) { return p.data[12] + p.data[33]; });
}

Result<Runner> floor_dependent(const Compiled&, std::span<const ipjit_packet> packets) {
  return loop("floor", packets, [](const ipjit_packet& p, uint64_t sum) {
    uint64_t nothing = sum;
    asm("andq $0, %0" : "+r"(nothing) : : "cc");  // 0, but the processor waits for it
    return p.data[12 + nothing];
  });
}

}  // namespace ipjit::bench
