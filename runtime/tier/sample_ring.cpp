// SPDX-License-Identifier: BSD-2-Clause
// A bounded queue of many writers and one reader, each slot with a state of its own.
//
//   writer:  head 7 -> 8 (compare and swap)   write slot 7   state of slot 7: empty -> full
//   reader:  state of slot 7 full?   read it   state: empty of the next lap
//
// A writer that is preempted between its claim and its last store holds up the reader at that slot
// and nobody else; one that is left by longjmp() or a cancelled thread holds it up for good, and
// then this process's filters are no longer sampled, which costs them nothing but tier 2.
// Idea: the bounded queue that D. Vyukov describes.  Tested by tests/runtime/tier_ring_test.cpp.
#include "runtime/tier/sample_ring.h"

namespace ipjit::runtime {

bool SampleRing::pop(Head& to) {
  Slot& slot = slots_[tail_ % kSlots];
  const uint64_t empty = tail_ / kSlots * 2;
  if (slot.state.load(std::memory_order_acquire) != empty + 1) return false;
  to = slot.head;
  slot.state.store(empty + 2, std::memory_order_release);
  ++tail_;
  return true;
}

void SampleRing::restart_in_child() {
  // Goes on behind the last claim, so that no old claim can be mistaken for a new one.
  const uint64_t from = head_.load(std::memory_order_relaxed);
  for (uint64_t at = from; at < from + kSlots; ++at)
    slots_[at % kSlots].state.store(at / kSlots * 2, std::memory_order_relaxed);
  tail_ = from;
}

SampleRing& sample_ring() {
  static constinit SampleRing ring;
  return ring;
}

}  // namespace ipjit::runtime
