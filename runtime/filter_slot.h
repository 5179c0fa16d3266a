// SPDX-License-Identifier: BSD-2-Clause
// The place where packets meet programs: one atomic pointer, read by any thread, replaced by any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ipjit/ipjit.h"
#include "runtime/filter_stats.h"
#include "runtime/pipeline.h"
#include "runtime/retired.h"
#include "runtime/stripe.h"

namespace ipjit::runtime {

/// Thread: everything from any thread; the destructor alone.
/// Signal: run*() may be called from a handler, also inside another run of the same filter.
class FilterSlot {
 public:
  /// Publishes the first program in `head`, which ipjit/inline.h reads and which is a
  /// Filter's.  `head` and `stats` outlive the slot.
  FilterSlot(ipjit_filter& head, FilterStats& stats, std::unique_ptr<const Unit> unit);
  ~FilterSlot();
  FilterSlot(const FilterSlot&) = delete;
  FilterSlot& operator=(const FilterSlot&) = delete;

  /// One packet; the fields of ctx but wire_len are 0.  No lock, no allocation, no system call
  /// (but a thread's first, and those that are timed, see sample.cpp).
  uint32_t run(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const {
    return ipjit_filter_run_inline(&head_, data, cap_len, wire_len);
  }

  /// What run() does when it cannot be quick about it.
  uint32_t run_slow(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const;

  /// The same as run() with the caller's context.
  uint32_t run_ctx(const uint8_t* data, uint32_t cap_len, const ipjit_ctx& ctx) const;

  /// The same for many packets.
  void run_burst(std::span<const ipjit_packet> packets, uint32_t* verdicts) const;

  /// Replaces the program.  Runs that have begun end with the old one, which is freed later.
  void publish(std::unique_ptr<const Unit> unit);

  /// Old programs still in memory.
  size_t retired() const;

 private:
  class Visit;

  uint32_t run_timed(Stripe& own, const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const;

  ipjit_filter& head_;
  FilterStats& stats_;
  Retired retired_;
};

}  // namespace ipjit::runtime
