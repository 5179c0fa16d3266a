// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ipjit::cli {

/// A bar on stderr, redrawn ten times a second at most, wiped when done.
class Progress {
 public:
  /// Takes: `wanted` false makes every call do nothing.
  explicit Progress(bool wanted) : wanted_(wanted) {}
  Progress(const Progress&) = delete;
  ~Progress() { wipe(); }

  /// Takes: the fraction done, 0 to 1, negative where unknown; what was counted so far.
  void show(double fraction, uint64_t packets, uint64_t matched);

  /// Before anything else is printed.
  void wipe();

 private:
  bool wanted_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_ = {};
};

/// "[#########           ]  45 %   1,234,567 packets, 890 matched"; without a bar where the
/// fraction is unknown.
std::string progress_line(double fraction, uint64_t packets, uint64_t matched);

/// 1,234,567
std::string grouped(uint64_t number);

}  // namespace ipjit::cli
