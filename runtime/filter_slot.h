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
#include "runtime/tier/tier_state.h"

namespace ipjit::runtime {

/// Thread: everything from any thread; the destructor alone.
/// Signal: run*() may be called from a handler, also inside another run of the same filter.
class FilterSlot {
 public:
  /// Publishes the first program in `head`, which ipjit/inline.h reads and which is a
  /// Filter's.  `head`, `stats` and `tier` outlive the slot; without `tier`, no packet is sampled.
  FilterSlot(ipjit_filter& head, FilterStats& stats, std::unique_ptr<const Unit> unit,
             TierState* tier);
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

  /// Code that calls the program, as it was seen last; null: the runtime's own, as in bursts.  What
  /// is compiled next lies near it.
  const void* caller() const { return caller_.load(std::memory_order_relaxed); }
  void called_from(const void* code) const {
    if (caller() != code) caller_.store(code, std::memory_order_relaxed);
  }

  /// Replaces the program.  Runs that have begun end with the old one, which is freed later.
  void publish(std::unique_ptr<const Unit> unit);

  /// The published program that is for all traffic.  The caller holds runtime_lock().
  const std::shared_ptr<const Unit>& general() const { return general_; }

  /// The specialised one, running or kept; null: none.  The caller holds runtime_lock().
  const std::shared_ptr<const Unit>& special() const { return special_; }

  /// True if the specialised one runs.
  bool advanced() const;

  /// Lets specialised code run in general's place, which is kept.  The caller holds runtime_lock().
  void advance(std::unique_ptr<const Unit> special, const std::string& backend);

  /// Lets the kept specialised code run again.  The caller holds runtime_lock().
  void advance_again();

  /// Lets general code run again in the place of `special`; false where that does not run.
  /// One compare-and-swap: for any thread that is inside a run of `special`, or holds
  /// runtime_lock().
  bool retreat(const Unit& special, Retreat why) const;

  /// Packets of all threads so far.
  uint64_t packets() const;

  /// Says in the statistics why this tier runs.  The caller holds runtime_lock().
  void explain(const std::string& why) { stats_.set_why(why); }

  /// Old programs still in memory.
  size_t retired() const;

 private:
  class Visit;

  uint32_t run_timed(Stripe& own, const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const;

  uint32_t run_watched(const uint8_t* data, uint32_t cap_len, uint32_t wire_len,
                       const ipjit_ctx* ctx) const;
  bool wants_watch(const Stripe& own, uint64_t left) const;
  void set_pause(Stripe& own) const;
  Watch& watch_of(const Stripe& own) const;

  ipjit_filter& head_;
  FilterStats& stats_;
  TierState* tier_;
  mutable std::atomic<const void*> caller_{nullptr};
  Retired retired_;
  std::shared_ptr<const Unit> general_;
  std::shared_ptr<const Unit> special_;  ///< points to general_; runs, or is kept
};

}  // namespace ipjit::runtime
