// SPDX-License-Identifier: BSD-2-Clause
// Is this code slower than that one, or is the machine busy?
#include "runtime/tier/evidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ipjit::runtime {

namespace {

constexpr uint64_t kOutlier = 4;      ///< times the median lap: somebody else ran
constexpr double kOld = 0.7;          ///< weight of the races before the last one
constexpr double kAnother = 3;        ///< errors between two races that are not of one traffic
constexpr double kSure = 4;           ///< errors; windows are few and their tails long
constexpr double kWorse = 1.2;        ///< less is for the races to find
constexpr uint64_t kMostWindows = 4;  ///< times those wanted, then a comparison begins anew
constexpr double kFewestWindows = 2;  ///< for an error

uint64_t longest_of(std::span<const Lap> laps, uint64_t Lap::*whose) {
  std::vector<uint64_t> times;
  for (const Lap& lap : laps) times.push_back(lap.*whose);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return kOutlier * *middle;
}

/// Variance of the mean in the mean's square.
double relative_variance(const Windows& windows) {
  const double n = static_cast<double>(windows.count);
  const double mean = windows.sum / n;
  const double variance = std::max(windows.squares / n - mean * mean, 0.0) / (n - 1);
  return variance / (mean * mean);
}

}  // namespace

RaceTimes times_of(std::span<const Lap> laps) {
  RaceTimes times;
  if (laps.size() < kFewestLaps) return times;
  const uint64_t longest_rival = longest_of(laps, &Lap::rival);
  const uint64_t longest_ours = longest_of(laps, &Lap::ours);
  std::vector<Lap> counted;
  for (const Lap& lap : laps) {
    if (lap.rival > longest_rival || lap.ours > longest_ours) continue;
    counted.push_back(lap);
    times.rival += lap.rival;
    times.ours += lap.ours;
  }
  times.laps = counted.size();
  if (times.laps < kFewestLaps || times.rival == 0 || times.ours == 0) return times;
  const double n = static_cast<double>(times.laps);
  const double value = static_cast<double>(times.ours) / static_cast<double>(times.rival);
  double squares = 0;  // of what the ratio does not explain
  for (const Lap& lap : counted) {
    const double rest = static_cast<double>(lap.ours) - value * static_cast<double>(lap.rival);
    squares += rest * rest;
  }
  times.ratio = {value, std::sqrt(squares / (n - 1) * n) / static_cast<double>(times.rival)};
  return times;
}

void Standing::add(const Ratio& race) {
  if (!race.known()) return;
  const bool another = now_.known() && std::abs(race.value - now_.value) >
                                           kAnother * std::hypot(race.error, now_.error);
  if (!now_.known() || another) {
    now_ = race;
    races_ = 1;
    return;
  }
  now_.value = kOld * now_.value + (1 - kOld) * race.value;
  now_.error = std::hypot(kOld * now_.error, (1 - kOld) * race.error);
  ++races_;
}

Ratio ratio_of(const Windows& rival, const Windows& ours) {
  const auto enough = [](const Windows& windows) {
    return static_cast<double>(windows.count) >= kFewestWindows && windows.sum > 0;
  };
  if (!enough(rival) || !enough(ours)) return {};
  const double value =
      ours.sum * static_cast<double>(rival.count) / (rival.sum * static_cast<double>(ours.count));
  return {value, value * std::sqrt(relative_variance(rival) + relative_variance(ours))};
}

Verdict judge_windows(const Ratio& when_new, const Ratio& now, uint64_t windows, uint64_t wanted) {
  if (!when_new.known() || !now.known() || windows < wanted) return Verdict::kMore;
  const double worse = now.value / when_new.value;
  const double error = worse * std::hypot(now.error / now.value, when_new.error / when_new.value);
  if (worse - kSure * error > kWorse) return Verdict::kSlower;
  const bool suspicious = worse > kWorse;
  return suspicious && windows < kMostWindows * wanted ? Verdict::kMore : Verdict::kFine;
}

}  // namespace ipjit::runtime
