// SPDX-License-Identifier: BSD-2-Clause
// What a thread that runs packets does for tiering, when its watch says so.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/pipeline.h"
#include "runtime/tier/tier_state.h"

namespace ipjit::runtime {

/// One packet that takes the slow way: looked at before its run, timed in it, judged behind it.
/// Thread: the watch's owner, inside a run of `unit`.  Signal-safe.
class WatchedPacket {
 public:
  /// Takes: the thread's packets so far, without this one.
  WatchedPacket(TierState& tier, Watch& watch, const Unit& unit, uint64_t left);

  /// True if too many packets have left specialised code by a guard since the last look.
  bool leaves_by_guards();

  /// Copies the head where this packet is one of a window.
  void copy(std::span<const uint8_t> data, const ipjit_ctx& ctx);

  uint32_t run(std::span<const uint8_t> data, const ipjit_ctx& ctx);

  /// Ends a window.
  /// Gives: why the general code should come back; kNone: it should not.
  Retreat judge();

 private:
  TierState& tier_;
  Watch& watch_;
  const Unit& unit_;
  uint64_t left_;
  uint64_t serial_;  ///< from before the packet's context is read
  Watch::Visit due_;
  uint64_t ticks_ = 0;
  bool rival_ = false;  ///< the general code runs this packet, for comparison

  bool compare() const;
  Retreat judge_rate(const Watch::Window& window) const;
};

// What changes of a slot's program mean for the filter's tiering.

/// The caller holds runtime_lock().
void general_changed(TierState& tier, bool was_advanced);
/// The caller holds runtime_lock().
void advanced_to_special(TierState& tier, bool from_general);
void retreated(TierState& tier, Retreat why);

}  // namespace ipjit::runtime
