// SPDX-License-Identifier: BSD-2-Clause
// The counter's rate is measured over the life of the clock, against CLOCK_MONOTONIC: no start-up
// pause, and the longer the process runs the more exact it is (after one compile, about 0.1 %).
#include "runtime/ticks.h"

#include <algorithm>
#include <array>

namespace ipjit::runtime {

namespace {

uint64_t nothing(const uint8_t*, uint64_t, const void*) { return 0; }

}  // namespace

TickClock::TickClock() : first_ticks_(ticks()), first_ns_(monotonic_ns()) {
  uint64_t (*volatile call)(const uint8_t*, uint64_t, const void*) = nothing;
  std::array<uint64_t, 65> taken;
  for (uint64_t& one : taken) {
    const uint64_t start = ticks();
    call(nullptr, 0, nullptr);
    one = ticks() - start;
  }
  std::nth_element(taken.begin(), taken.begin() + taken.size() / 2, taken.end());
  reading_ = taken[taken.size() / 2];
}

uint64_t TickClock::picoseconds(uint64_t taken, uint64_t readings) const {
  const uint64_t elapsed_ticks = ticks() - first_ticks_;
  const uint64_t elapsed_ns = monotonic_ns() - first_ns_;
  const double ps_per_tick = 1e3 * static_cast<double>(elapsed_ns) /
                             static_cast<double>(std::max<uint64_t>(elapsed_ticks, 1));
  const uint64_t read = readings * reading_;
  return static_cast<uint64_t>(static_cast<double>(taken - std::min(taken, read)) * ps_per_tick);
}

}  // namespace ipjit::runtime
