// SPDX-License-Identifier: BSD-2-Clause
// Quartiles, because a caller who stopped to print, or a neighbour on the processor, makes a time
// ten times as long and says nothing; no mean survives that.
#include "runtime/tier/trial.h"

#include <algorithm>

namespace ipjit::runtime {

namespace {

constexpr uint64_t kFewest = 16;  ///< times of general code
constexpr double kWorse = 1.1;    ///< medians; less is for the races to find
/// Times the code's own share: of a caller who takes longer, nobody knows what it waited for.
constexpr double kBusy = 4;

bool is_worse(const Times::Quartiles& now, double median, double upper) {
  return now.lower > upper && now.median > kWorse * median;
}

}  // namespace

void Times::add(double ps) {
  const uint64_t at = count_.fetch_add(1, std::memory_order_relaxed) % kKept;
  ps_[at].store(static_cast<uint64_t>(ps), std::memory_order_relaxed);
}

Times::Quartiles Times::quartiles() const {
  const size_t count = std::min(count_.load(std::memory_order_relaxed), uint64_t{kKept});
  if (count == 0) return {};
  std::array<uint64_t, kKept> sorted;
  for (size_t i = 0; i < count; ++i) sorted[i] = ps_[i].load(std::memory_order_relaxed);
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  const auto at = [&](size_t quarter) { return static_cast<double>(sorted[quarter * count / 4]); };
  return {at(1), at(2), at(3)};
}

bool Trial::knows_general() const { return general_.count() >= kFewest; }

void Trial::begin(double code_ps) {
  special_.reset();
  won_median_ps_.store(0, std::memory_order_relaxed);
  const Times::Quartiles general = general_.quartiles();
  const double busy = kBusy * code_ps;
  const bool known = knows_general() && general.median <= busy;
  busy_ps_.store(busy, std::memory_order_relaxed);
  upper_ps_.store(general.upper, std::memory_order_relaxed);
  median_ps_.store(known ? general.median : 0, std::memory_order_relaxed);
}

void Trial::end() {
  median_ps_.store(0, std::memory_order_relaxed);
  won_median_ps_.store(0, std::memory_order_relaxed);
  general_.reset();
}

void Trial::win(const Times::Quartiles& times) {
  won_upper_ps_.store(times.upper, std::memory_order_relaxed);
  won_median_ps_.store(times.median, std::memory_order_relaxed);
}

Verdict Trial::special_took(double ps) {
  const double median = median_ps_.load(std::memory_order_relaxed);
  if (median <= 0) return Verdict::kFine;
  special_.add(ps);
  if (special_.count() < kTimes) return Verdict::kMore;
  median_ps_.store(0, std::memory_order_relaxed);
  const Times::Quartiles special = special_.quartiles();
  special_.reset();
  if (is_worse(special, median, upper_ps_.load(std::memory_order_relaxed))) return Verdict::kSlower;
  waited_.store(0, std::memory_order_relaxed);
  win(special);
  return Verdict::kFine;
}

bool Trial::is_in_doubt(double ps) {
  const double median = won_median_ps_.load(std::memory_order_relaxed);
  if (median <= 0) return false;
  special_.add(ps);
  if (special_.count() < kTimes) return false;
  const Times::Quartiles now = special_.quartiles();
  special_.reset();
  if (now.median < median) win(now);
  const uint64_t wait = wait_.load(std::memory_order_relaxed);
  if (waited_.fetch_add(1, std::memory_order_relaxed) < wait) return false;
  if (!is_worse(now, median, won_upper_ps_.load(std::memory_order_relaxed)) ||
      now.median > busy_ps_.load(std::memory_order_relaxed))
    return false;
  won_median_ps_.store(0, std::memory_order_relaxed);
  wait_.store(std::min(2 * wait, kLongestWait), std::memory_order_relaxed);
  return true;
}

}  // namespace ipjit::runtime
