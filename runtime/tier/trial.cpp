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

void Trial::begin(double code_ps) {
  special_.reset();
  const Times::Quartiles general = general_.quartiles();
  const bool known = general_.count() >= kFewest && general.median <= kBusy * code_ps;
  upper_ps_.store(general.upper, std::memory_order_relaxed);
  median_ps_.store(known ? general.median : 0, std::memory_order_relaxed);
}

void Trial::end() {
  median_ps_.store(0, std::memory_order_relaxed);
  general_.reset();
}

Verdict Trial::special_took(double ps) {
  const double median = median_ps_.load(std::memory_order_relaxed);
  if (median <= 0) return Verdict::kFine;
  special_.add(ps);
  if (special_.count() < kTimes) return Verdict::kMore;
  median_ps_.store(0, std::memory_order_relaxed);
  const Times::Quartiles special = special_.quartiles();
  const bool slower =
      special.lower > upper_ps_.load(std::memory_order_relaxed) && special.median > kWorse * median;
  return slower ? Verdict::kSlower : Verdict::kFine;
}

}  // namespace ipjit::runtime
