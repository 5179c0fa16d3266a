// SPDX-License-Identifier: BSD-2-Clause
// Durations by how long they were: 32 steps an octave, so that a quantile is right within 3 %.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace ipjit::pktbench {

class Histogram {
 public:
  void add(uint64_t value) { ++counts_[bucket_of(value)]; }

  Histogram& operator+=(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    return *this;
  }

  /// The value that a share of all are not above; 0 of none.
  uint64_t quantile(double share) const {
    uint64_t all = 0, below = 0;
    for (uint64_t count : counts_) all += count;
    for (size_t i = 0; i < kBuckets; ++i) {
      below += counts_[i];
      if (below && static_cast<double>(below) >= share * static_cast<double>(all))
        return value_of(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned kStepBits = 5;
  static constexpr size_t kSteps = size_t{1} << kStepBits;
  static constexpr size_t kBuckets = (64 - kStepBits + 1) * kSteps;

  static size_t bucket_of(uint64_t value) {
    if (value < kSteps) return value;
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    return (octave + 1) * kSteps + (value >> octave) - kSteps;
  }
  /// The largest value of a bucket.
  static uint64_t value_of(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t octave = bucket / kSteps - 1;
    return ((bucket % kSteps + kSteps + 1) << octave) - 1;
  }

  std::array<uint64_t, kBuckets> counts_ = {};
};

}  // namespace ipjit::pktbench
