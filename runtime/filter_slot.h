// SPDX-License-Identifier: BSD-2-Clause
// The place where packets meet programs: one atomic pointer, read by any thread, replaced by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "ipjit/ipjit.h"
#include "runtime/filter_stats.h"
#include "runtime/pipeline.h"
#include "runtime/retired.h"
#include "runtime/stripe.h"
#include "runtime/thread_index.h"

namespace ipjit::runtime {

/// Thread: everything from any thread; the destructor alone.
/// Signal: run*() may be called from a handler, also inside another run of the same filter.
class FilterSlot {
 public:
  /// Publishes the first program.  `stats` outlives the slot.
  FilterSlot(FilterStats& stats, std::unique_ptr<const Unit> unit);
  ~FilterSlot();
  FilterSlot(const FilterSlot&) = delete;
  FilterSlot& operator=(const FilterSlot&) = delete;

  /// One packet; the fields of ctx but wire_len are 0.  No lock, no allocation, no system call
  /// (but a thread's first, and those that are timed, see sample.cpp).
  uint32_t run(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const {
    const uint32_t index = this_thread_index;
    if (index >= stripe_count_) [[unlikely]]
      return run_unindexed(data, cap_len, wire_len);
    Stripe& stripe = stripes_[index];
    const uint64_t left = stripe.left.load(std::memory_order_relaxed);
    if (left != stripe.entered.load(std::memory_order_relaxed)) [[unlikely]]
      return run_shared(data, cap_len, wire_len);
    if (left >= stripe.next_sample.load(std::memory_order_relaxed)) [[unlikely]]
      return run_sampled(stripe, data, cap_len, wire_len);
    own_add(stripe.entered, 1);
    const Unit* unit = unit_.load(std::memory_order_seq_cst);
    uint32_t verdict;
    if (unit->direct) [[likely]] {
      ipjit_ctx ctx;  // left as it is: the program reads nothing that it did not declare
      ctx.wire_len = wire_len;
      verdict = ipjit_result_value(unit->direct(data, cap_len, &ctx));
    } else {
      verdict = run_indirect(*unit, data, cap_len, wire_len);
    }
    own_add(stripe.left, 1);
    own_add(stripe.matched, verdict != 0);
    return verdict;
  }

  /// The same with the caller's context.
  uint32_t run_ctx(const uint8_t* data, uint32_t cap_len, const ipjit_ctx& ctx) const;

  /// The same for many packets.
  void run_burst(std::span<const ipjit_packet> packets, uint32_t* verdicts) const;

  /// Replaces the program.  Runs that have begun end with the old one, which is freed later.
  void publish(std::unique_ptr<const Unit> unit);

  /// Old programs still in memory.
  size_t retired() const;

 private:
  class Visit;

  uint32_t run_unindexed(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const;
  uint32_t run_shared(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const;
  uint32_t run_sampled(Stripe& stripe, const uint8_t* data, uint32_t cap_len,
                       uint32_t wire_len) const;
  static uint32_t run_indirect(const Unit& unit, const uint8_t* data, uint32_t cap_len,
                               uint32_t wire_len);

  std::atomic<const Unit*> unit_;
  Stripe* stripes_;
  uint32_t stripe_count_;  ///< 0 without membarrier: every thread uses the shared line
  FilterStats& stats_;
  Retired retired_;
};

}  // namespace ipjit::runtime
