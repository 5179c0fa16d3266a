// SPDX-License-Identifier: BSD-2-Clause
// When to ask again somebody who did not answer.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ipjit::tier2 {

/// Doubles from 1 s to 5 min with each failure in a row.  The clock is the caller's, in ms.
class BackOff {
 public:
  static constexpr uint64_t kFirstMs = 1'000;
  static constexpr uint64_t kLastMs = 300'000;

  /// Milliseconds until the next try; 0: now.
  uint64_t wait_ms(uint64_t now_ms) const { return next_ms_ > now_ms ? next_ms_ - now_ms : 0; }

  void failed(uint64_t now_ms) {
    pause_ms_ = std::clamp(pause_ms_ * 2, kFirstMs, kLastMs);
    next_ms_ = now_ms + pause_ms_;
  }

  void succeeded() { pause_ms_ = next_ms_ = 0; }

 private:
  uint64_t pause_ms_ = 0;
  uint64_t next_ms_ = 0;
};

}  // namespace ipjit::tier2
