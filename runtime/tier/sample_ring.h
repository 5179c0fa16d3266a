// SPDX-License-Identifier: BSD-2-Clause
// Where the packet path leaves copies of packets' heads for the thread that profiles.
//
// One ring for the whole process, in its zeroed memory: a filter that is never hot costs no page.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ipjit/abi.h"

namespace ipjit::runtime {

/// One packet as it was copied, and what else the program could see.
struct Head {
  static constexpr size_t kBytes = 256;

  uint64_t filter = 0;   ///< TierState::id()
  uint64_t serial = 0;   ///< TierState::serial when the packet came: what was promised of it
  uint64_t ordinal = 0;  ///< the thread's packets in this filter: +1 from one packet to the next
  uint32_t stripe = 0;   ///< the thread
  uint32_t cap_len = 0;
  uint32_t copied = 0;                                  ///< bytes in `bytes`
  std::array<uint32_t, IPJIT_FIELD_COUNT> fields = {};  ///< of ctx, by enum ipjit_field
  std::array<uint8_t, kBytes> bytes = {};
};

/// Thread: push() from any number of threads and signal handlers at once, pop() from one thread.
class SampleRing {
 public:
  static constexpr size_t kSlots = 512;

  /// Claims a place, lets `fill(Head&)` write it and hands it over; false, without a call, where
  /// the ring is full.  Neither waits nor allocates.
  template <class Fill>
  bool push(Fill fill) {
    uint64_t at = head_.load(std::memory_order_relaxed);
    while (true) {
      Slot& slot = slots_[at % kSlots];
      const uint64_t empty = at / kSlots * 2;
      const uint64_t state = slot.state.load(std::memory_order_acquire);
      if (state < empty) return false;  // of the lap before: full, or its writer still writes
      if (state > empty) {
        at = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        fill(slot.head);
        slot.state.store(empty + 1, std::memory_order_release);
        return true;
      }
    }
  }

  /// The eldest head; false where there is none.
  bool pop(Head& to);

  /// After fork(), in the child: what the parent's threads left, also half written, is dropped.
  void restart_in_child();

 private:
  // A slot's state counts up: 2 * lap is empty, 2 * lap + 1 is full.  Zeros are an empty ring.
  struct alignas(64) Slot {
    std::atomic<uint64_t> state{0};
    Head head = {};
  };

  alignas(64) std::atomic<uint64_t> head_{0};  ///< next to be claimed
  alignas(64) uint64_t tail_ = 0;              ///< next to be read
  std::array<Slot, kSlots> slots_ = {};
};

/// The process's ring.
SampleRing& sample_ring();

}  // namespace ipjit::runtime
