// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "tools/ipjit/say.h"

namespace ipjit::cli {

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string progress_line(double fraction, uint64_t packets, uint64_t matched) {
  std::string counts = fmt::format("{} packets, {} matched", grouped(packets), grouped(matched));
  if (fraction < 0) return counts;
  constexpr int kWidth = 30;
  fraction = std::min(fraction, 1.0);
  int full = static_cast<int>(fraction * kWidth);
  return fmt::format("[{}{}] {:3d} %  {}", std::string(full, '#'), std::string(kWidth - full, ' '),
                     static_cast<int>(fraction * 100), counts);
}

void Progress::show(double fraction, uint64_t packets, uint64_t matched) {
  auto now = std::chrono::steady_clock::now();
  if (!wanted_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  say(stderr, "\r{}\x1b[K", progress_line(fraction, packets, matched));
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::wipe() {
  if (drawn_) say(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace ipjit::cli
