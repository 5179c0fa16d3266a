// SPDX-License-Identifier: BSD-2-Clause
// How long somebody waits, and for what.
#pragma once

#include <atomic>
#include <cstdint>

#include "ipjit/error.h"

namespace ipjit::tier2 {

/// CLOCK_MONOTONIC.
uint64_t now_us();

class Patience {
 public:
  Patience(uint64_t wait_ms, const std::atomic<bool>* stop)
      : until_us_(now_us() + wait_ms * 1000), stop_(stop) {}

  /// Time is up, or somebody said stop.
  bool over() const;
  bool stopped() const { return stop_ && stop_->load(std::memory_order_relaxed); }
  uint64_t left_ms() const;

  /// Waits for `events` of poll(2) on `fd`, looking at the stop flag every 20 ms.
  /// Gives: false once it is over.
  bool wait(int fd, short events) const;

  /// Sleeps for `ms` or until it is over.
  void sleep(uint64_t ms) const;

 private:
  uint64_t until_us_;
  const std::atomic<bool>* stop_;
};

}  // namespace ipjit::tier2
