// SPDX-License-Identifier: BSD-2-Clause
// Programs that are no longer published and that somebody may still be running.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/pipeline.h"
#include "runtime/stripe.h"
#include "runtime/thread_index.h"

namespace ipjit::runtime {

/// The old programs of one slot, freed in batches: a grace period costs a system call, and there is
/// no hurry.  Nothing here ever waits for a reader.
/// Thread: the caller holds runtime_lock().
class Retired {
 public:
  Retired(Stripe* stripes, SharedStripe* shared) : stripes_(stripes), shared_(shared) {}

  /// Takes a program that no new run can reach, and gives up what nobody can be running any more.
  void add(std::shared_ptr<const Unit> unit);

  /// Programs waiting.
  size_t size() const { return young_.size() + waiting_.size(); }

 private:
  void begin_grace_period();
  bool grace_period_over();
  bool seen_outside(uint32_t index);
  bool shared_left();

  static constexpr size_t kBatch = 32;               ///< programs
  static constexpr size_t kBatchBytes = 256 * 1024;  ///< or so much of their memory

  Stripe* stripes_;
  SharedStripe* shared_;
  std::vector<std::shared_ptr<const Unit>> young_;  ///< since the grace period began
  size_t young_bytes_ = 0;
  std::vector<std::shared_ptr<const Unit>> waiting_;  ///< for the end of the grace period
  std::bitset<kMaxStripes> inside_;                   ///< threads not yet seen outside
  std::array<uint64_t, kMaxStripes> quiescent_;       ///< what they had reported when it began
  unsigned fork_generation_ = 0;                      ///< when that was noted
  bool proven_ = true;                                ///< the system put the barriers in
  int shared_phases_left_ = 0;                        ///< counters still to be seen at 0
};

}  // namespace ipjit::runtime
