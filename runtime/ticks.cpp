// SPDX-License-Identifier: BSD-2-Clause
// The counter's rate is measured over the life of the clock, against CLOCK_MONOTONIC: no start-up
// pause, and the longer the process runs the more exact it is (after one compile, about 0.1 %).
//
// A counter may move in steps of some 26 ticks (AMD Zen 5): a single reading is then off by as much
// as a short program takes, and only means say something.
#include "runtime/ticks.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace ipjit::runtime {

namespace {

uint64_t nothing(const uint8_t*, uint64_t, const void*) { return 0; }

}  // namespace

uint64_t ticks_of_nothing() {
  uint64_t (*volatile call)(const uint8_t*, uint64_t, const void*) = nothing;
  const uint64_t start = ticks();
  call(nullptr, 0, nullptr);
  return ticks() - start;
}

TickClock::TickClock() : first_ticks_(ticks()), first_ns_(monotonic_ns()) {
  std::array<uint64_t, 64> taken;
  for (uint64_t& one : taken) one = ticks_of_nothing();
  // The longest of them were interrupted.
  std::sort(taken.begin(), taken.end());
  constexpr size_t kUndisturbed = taken.size() * 3 / 4;
  reading_ = std::reduce(taken.begin(), taken.begin() + kUndisturbed) / kUndisturbed;
}

int64_t TickClock::picoseconds(int64_t taken) const {
  const uint64_t elapsed_ticks = ticks() - first_ticks_;
  const uint64_t elapsed_ns = monotonic_ns() - first_ns_;
  const double ps_per_tick = 1e3 * static_cast<double>(elapsed_ns) /
                             static_cast<double>(std::max<uint64_t>(elapsed_ticks, 1));
  return static_cast<int64_t>(static_cast<double>(taken) * ps_per_tick);
}

}  // namespace ipjit::runtime
