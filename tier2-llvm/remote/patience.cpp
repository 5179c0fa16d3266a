// SPDX-License-Identifier: BSD-2-Clause
#include "tier2-llvm/remote/patience.h"

#include <poll.h>
#include <time.h>

#include <algorithm>

namespace ipjit::tier2 {

namespace {
constexpr uint64_t kSliceMs = 20;
}

uint64_t now_us() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

bool Patience::over() const { return stopped() || now_us() >= until_us_; }

uint64_t Patience::left_ms() const {
  const uint64_t now = now_us();
  return now < until_us_ ? (until_us_ - now + 999) / 1000 : 0;
}

bool Patience::wait(int fd, short events) const {
  while (!over()) {
    pollfd one = {fd, events, 0};
    // Interrupted by somebody's signal: ask again, the clock goes on.
    if (poll(&one, 1, static_cast<int>(std::min(kSliceMs, left_ms()))) > 0) return true;
  }
  return false;
}

void Patience::sleep(uint64_t ms) const {
  const uint64_t until = now_us() + ms * 1000;
  while (!over() && now_us() < until)
    poll(nullptr, 0, static_cast<int>(std::min({kSliceMs, left_ms(), ms})));
}

}  // namespace ipjit::tier2
