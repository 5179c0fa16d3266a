// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/caches.h"

#include <emmintrin.h>

#include <algorithm>

namespace ipjit::bench {
namespace {

constexpr uint32_t kHeaderBytes = 64;

}  // namespace

void leave_in_shared_cache(std::span<const ipjit_packet> packets) {
  // A cache that is not inclusive keeps only what is asked for again, and not always at once.
  for (int pass = 0; pass < 4; ++pass)
    for (const ipjit_packet& packet : packets) {
      const uint32_t last = std::min(packet.caplen, kHeaderBytes) - 1;
      asm volatile("" : : "r"(packet.data[0]), "r"(packet.data[last]));
    }
}

void push_out_to_memory(std::span<const ipjit_packet> packets) {
  for (const ipjit_packet& packet : packets) {
    _mm_clflush(packet.data);
    _mm_clflush(packet.data + std::min(packet.caplen, kHeaderBytes) - 1);
  }
  _mm_mfence();
}

}  // namespace ipjit::bench
