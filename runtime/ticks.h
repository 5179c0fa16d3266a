// SPDX-License-Identifier: BSD-2-Clause
// A clock fine enough for one packet.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ipjit::runtime {

inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// The time stamp counter, read when everything before it is done and nothing behind it has begun.
inline uint64_t ticks() {
#if defined(__x86_64__)
  _mm_lfence();
  const uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return monotonic_ns();
#endif
}

/// Ticks between two readings around a call of a function that does nothing: what is to be taken
/// from a time that was measured so.
uint64_t ticks_of_nothing();

/// Turns ticks into time, and knows what reading them costs.
class TickClock {
 public:
  TickClock();

  /// As many ticks in picoseconds; less than none, if there are.
  int64_t picoseconds(int64_t ticks) const;

  /// What is left of `taken` ticks without as many readings, each what ticks_of_nothing() took in
  /// the mean when the process began; 0 where nothing is.
  uint64_t without_readings(uint64_t taken, uint64_t readings = 1) const {
    return taken - std::min(taken, readings * reading_);
  }

 private:
  uint64_t first_ticks_, first_ns_;
  uint64_t reading_;
};

}  // namespace ipjit::runtime
