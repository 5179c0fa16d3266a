// SPDX-License-Identifier: BSD-2-Clause
// A clock fine enough for one packet.
#pragma once

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

/// Turns ticks into time, and knows what reading them costs.
class TickClock {
 public:
  TickClock();

  /// The time, in picoseconds, of a function that was called between two readings `ticks` apart,
  /// without what reading the counter and calling a function that does nothing would have taken.
  /// `readings`: so many such functions, taken together.
  uint64_t picoseconds(uint64_t ticks, uint64_t readings = 1) const;

  /// Ticks between two readings around a call of nothing.
  uint64_t reading() const { return reading_; }

 private:
  uint64_t first_ticks_, first_ns_;
  uint64_t reading_;
};

}  // namespace ipjit::runtime
