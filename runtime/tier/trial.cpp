// SPDX-License-Identifier: BSD-2-Clause
// Quartiles, because a caller who stopped to print, or a neighbour on the processor, makes a time
// ten times as long and says nothing; no mean survives that.
#include "runtime/tier/trial.h"

#include <algorithm>

namespace ipjit::runtime {

namespace {

constexpr uint64_t kFewest = 16;     ///< times of general code, and of what is to be in doubt
constexpr uint64_t kFewOfGroup = 8;  ///< times of specialised code on trial
constexpr double kWorse = 1.1;       ///< medians; less is for the races to find
/// Times the code's own share: of a caller who takes longer, nobody knows what it waited for.
constexpr double kBusy = 4;

/// Quicker than any code: what had no trial is slow beside it.
constexpr Times::Quartiles kUntried = {.count = 1, .lower = 1, .median = 1, .upper = 1};

bool is_worse(const Times::Quartiles& now, double median, double upper) {
  return now.lower > upper && now.median > kWorse * median;
}

}  // namespace

void Times::add(double ps) {
  const uint64_t at = count_.fetch_add(1, std::memory_order_relaxed) % kKept;
  ps_[at].store(static_cast<uint64_t>(ps), std::memory_order_relaxed);
}

Times::Quartiles Times::quartiles(double longest) const {
  const size_t kept = std::min(count_.load(std::memory_order_relaxed), uint64_t{kKept});
  std::array<double, kKept> sorted;
  size_t count = 0;
  for (size_t i = 0; i < kept; ++i) {
    const auto ps = static_cast<double>(ps_[i].load(std::memory_order_relaxed));
    if (ps <= longest) sorted[count++] = ps;
  }
  if (count == 0) return {};
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  const auto at = [&](size_t quarter) { return sorted[quarter * count / 4]; };
  return {count, at(1), at(2), at(3)};
}

bool Trial::knows_general() const { return general_.count() >= kFewest; }

void Trial::begin(double code_ps) {
  special_.reset();
  was_slow_.store(false, std::memory_order_relaxed);
  const Times::Quartiles general = general_.quartiles(kBusy * code_ps);
  const bool known = general.count >= kFewest;
  longest_ps_.store(kBusy * code_ps, std::memory_order_relaxed);
  seldom_paused_.store(4 * general.count >= 3 * std::min(general_.count(), kTimes),
                       std::memory_order_relaxed);
  upper_ps_.store(general.upper, std::memory_order_relaxed);
  median_ps_.store(known ? general.median : 0, std::memory_order_relaxed);
  if (!known && won_median_ps_.load(std::memory_order_relaxed) <= 0) win(kUntried);
}

void Trial::forget() {
  median_ps_.store(0, std::memory_order_relaxed);
  won_median_ps_.store(0, std::memory_order_relaxed);
  no_doubt_until_ns_.store(0, std::memory_order_relaxed);
  wait_ns_.store(kFirstWaitNs, std::memory_order_relaxed);
}

void Trial::win(const Times::Quartiles& times) {
  won_upper_ps_.store(times.upper, std::memory_order_relaxed);
  won_median_ps_.store(times.median, std::memory_order_relaxed);
}

/// Only part of the way: else a lucky group would be what all are compared with.
void Trial::win_more(const Times::Quartiles& times) {
  const auto closer = [](const std::atomic<double>& known, double now) {
    const double old = known.load(std::memory_order_relaxed);
    return old + (now - old) / 4;
  };
  win({times.count, 0, closer(won_median_ps_, times.median), closer(won_upper_ps_, times.upper)});
}

std::optional<Times::Quartiles> Trial::group_of(double ps, double longest) {
  special_.add(ps);
  if (special_.count() < kTimes) return std::nullopt;
  const Times::Quartiles group = special_.quartiles(longest);
  special_.reset();
  return group;
}

Verdict Trial::special_took(double ps, uint64_t now_ns) {
  const double median = median_ps_.load(std::memory_order_relaxed);
  if (median <= 0) return Verdict::kFine;
  const auto special = group_of(ps, longest_ps_.load(std::memory_order_relaxed));
  if (!special) return Verdict::kMore;
  median_ps_.store(0, std::memory_order_relaxed);
  no_doubt_until_ns_.store(now_ns + wait_ns_.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
  if (special->count < kFewOfGroup) {
    if (seldom_paused_.load(std::memory_order_relaxed)) return Verdict::kSlower;
    win(kUntried);  // the caller has begun to wait
    return Verdict::kFine;
  }
  if (is_worse(*special, median, upper_ps_.load(std::memory_order_relaxed)))
    return Verdict::kSlower;
  win(*special);
  return Verdict::kFine;
}

bool Trial::falls_in_doubt(double ps, uint64_t now_ns, double code_ps) {
  const double median = won_median_ps_.load(std::memory_order_relaxed);
  if (median <= 0 || median_ps_.load(std::memory_order_relaxed) > 0) return false;
  const auto now = group_of(ps, kBusy * code_ps);
  if (!now || now->count < kFewest) return false;
  if (now->median < median) win_more(*now);
  const bool slow = is_worse(*now, median, won_upper_ps_.load(std::memory_order_relaxed));
  const bool slow_before = was_slow_.exchange(slow, std::memory_order_relaxed);
  if (!slow || !slow_before || now_ns < no_doubt_until_ns_.load(std::memory_order_relaxed))
    return false;
  // If no trial can be held, this is what it is compared with.
  win(*now);
  const uint64_t wait = std::min(2 * wait_ns_.load(std::memory_order_relaxed), kLongestWaitNs);
  wait_ns_.store(wait, std::memory_order_relaxed);
  no_doubt_until_ns_.store(now_ns + wait, std::memory_order_relaxed);
  return true;
}

}  // namespace ipjit::runtime
