// SPDX-License-Identifier: BSD-2-Clause
// Timing one packet in many, on the engine that runs and on the one that it replaced.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/pipeline.h"
#include "runtime/ticks.h"

namespace ipjit::runtime {

struct Sample {
  uint32_t verdict = 0;
  bool valid = false;   ///< false: nothing to compare with
  int64_t ours_ps = 0;  ///< both may be below 0: only means over many samples say something
  int64_t replaced_ps = 0;
  int64_t cost_ps = 0;  ///< what the sample cost beside the packet's own run
};

/// Runs the unit on a packet that is to be judged, and times it.
Sample time_packet(const Unit& unit, std::span<const uint8_t> data, const ipjit_ctx& ctx);

/// Packets until the next sample: as many as keep sampling below 1/256 of the filter's time.
uint64_t period_after(const Sample& sample);

/// The clock of all samples.
const TickClock& tick_clock();

}  // namespace ipjit::runtime
