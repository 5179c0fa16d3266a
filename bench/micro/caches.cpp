// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/caches.h"

#include <emmintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "ipjit/error.h"

namespace ipjit::bench {
namespace {

constexpr uint32_t kHeaderBytes = 64;

// Zen 5 has room for some 24,000 targets; half as many jumps as these left a call its second one.
constexpr size_t kJumps = 65'536;
constexpr size_t kJumpBytes = 16;

/// Jumps one behind the other, each to the next.
void (*make_jumps())() {
  constexpr size_t kBytes = kJumps * kJumpBytes + 1;
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  IPJIT_CHECK(memory != MAP_FAILED);
  auto* code = static_cast<uint8_t*>(memory);
  constexpr uint8_t kJump[] = {0xe9, kJumpBytes - 5, 0, 0, 0};
  for (size_t i = 0; i < kJumps; ++i) std::memcpy(code + i * kJumpBytes, kJump, sizeof kJump);
  code[kJumps * kJumpBytes] = 0xc3;
  IPJIT_CHECK(mprotect(memory, kBytes, PROT_READ | PROT_EXEC) == 0);
  return reinterpret_cast<void (*)()>(memory);
}

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

void forget_branch_targets() {
  static void (*const jumps)() = make_jumps();
  jumps();
  jumps();  // what was used a moment ago outlives the first round
}

}  // namespace ipjit::bench
