// SPDX-License-Identifier: BSD-2-Clause
// The counter's rate is measured over the life of the clock, against CLOCK_MONOTONIC: no start-up
// pause, and the longer the process runs the more exact it is (after one compile, about 0.1 %).
#include "runtime/ticks.h"

#include <algorithm>

namespace ipjit::runtime {

TickClock::TickClock() : first_ticks_(ticks()), first_ns_(monotonic_ns()), reading_(UINT64_MAX) {
  for (int i = 0; i < 64; ++i) {
    const uint64_t start = ticks();
    reading_ = std::min(reading_, ticks() - start);
  }
}

uint64_t TickClock::picoseconds(uint64_t taken) const {
  const uint64_t elapsed_ticks = ticks() - first_ticks_;
  const uint64_t elapsed_ns = monotonic_ns() - first_ns_;
  const double ps_per_tick =
      1e3 * static_cast<double>(elapsed_ns) / static_cast<double>(std::max<uint64_t>(elapsed_ticks, 1));
  return static_cast<uint64_t>(static_cast<double>(taken - std::min(taken, reading_)) * ps_per_tick);
}

}  // namespace ipjit::runtime
