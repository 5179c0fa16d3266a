// SPDX-License-Identifier: BSD-2-Clause
// Whether code is slower, or the machine busy: drawn times instead of a clock.
#include "runtime/tier/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "ir/special/decide.h"

namespace ipjit::runtime {
namespace {

constexpr size_t kLaps = 47;  ///< of a race on all kept heads

/// A machine on which times scatter, and now and then somebody else runs.
struct Machine {
  explicit Machine(uint64_t seed, double scatter, double interrupted = 0.02)
      : random(seed), factor(1, scatter), other(interrupted) {}

  double time(double ps) {
    const double drawn = ps * std::max(factor(random), 0.1);
    return other(random) ? 50 * drawn : drawn;
  }

  /// One race; ours takes `ratio` of the rival's time.
  Ratio race(double ratio) {
    std::vector<Lap> laps(kLaps);
    for (Lap& lap : laps)
      lap = {static_cast<uint64_t>(time(100'000)), static_cast<uint64_t>(time(100'000 * ratio))};
    return times_of(laps).ratio;
  }

  std::mt19937_64 random;
  std::normal_distribution<double> factor;
  std::bernoulli_distribution other;
};

/// What the policy makes of it, all else being well.
bool retreats(const Standing& standing) {
  ir::Situation now;
  now.now_ns = 1;
  now.tier = 2;
  now.samples = 1000;
  now.general_ns = now.current_ns = now.candidate_ns = 10;
  now.same_as_current = true;
  if (standing.settled()) {
    now.measured = standing.now().value;
    now.measured_error = standing.now().error;
  }
  return ir::decide(now).what == ir::Decision::Do::kRetreat;
}

TEST(Evidence, AnInterruptedLapCountsForNeither) {
  std::vector<Lap> laps(20, Lap{1000, 900});
  laps[3].ours = 90'000;
  laps[7].rival = 50'000;
  const RaceTimes times = times_of(laps);
  EXPECT_EQ(times.laps, 18u);
  EXPECT_DOUBLE_EQ(times.ratio.value, 0.9);
  EXPECT_NEAR(times.ratio.error, 0, 1e-9);
}

TEST(Evidence, FewLapsSayNothing) {
  const std::vector<Lap> laps(kFewestLaps - 1, Lap{1000, 900});
  EXPECT_FALSE(times_of(laps).ratio.known());
}

TEST(Evidence, TheErrorIsWhatRatiosScatterBy) {
  Machine machine(1, 0.10, 0);
  double sum = 0, squares = 0, errors = 0;
  constexpr int kRaces = 2000;
  for (int i = 0; i < kRaces; ++i) {
    const Ratio ratio = machine.race(1.2);
    sum += ratio.value;
    squares += ratio.value * ratio.value;
    errors += ratio.error;
  }
  const double mean = sum / kRaces;
  const double scatter = std::sqrt(squares / kRaces - mean * mean);
  EXPECT_NEAR(mean, 1.2, 0.01);
  EXPECT_NEAR(errors / kRaces, scatter, 0.15 * scatter);
}

/// Twenty minutes of periods on machines that are quiet, busy and hardly usable.
TEST(Evidence, NoiseAroundOneDoesNotRetreat) {
  for (const double scatter : {0.03, 0.15, 0.5}) {
    Machine machine(2, scatter);
    Standing standing;
    int retreated = 0;
    for (int period = 0; period < 24'000; ++period) {
      standing.add(machine.race(1.0));
      retreated += retreats(standing);
    }
    EXPECT_LE(retreated, scatter < 0.1 ? 0 : 12) << "scatter " << scatter;
  }
}

/// Two periods of 50 ms, whatever the code gained before.
TEST(Evidence, ALossOfTenPercentRetreatsWithinAHundredMilliseconds) {
  for (const double before : {0.6, 0.97}) {
    int late = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      Machine machine(seed, 0.05);
      Standing standing;
      for (int period = 0; period < 40; ++period) standing.add(machine.race(before));
      ASSERT_FALSE(retreats(standing));
      int periods = 0;
      while (!retreats(standing) && periods < 100) {
        standing.add(machine.race(1.10));
        ++periods;
      }
      late += periods > 2;
      EXPECT_LT(periods, 20) << seed;
    }
    EXPECT_LE(late, 20) << "of 200, from " << before;
  }
}

TEST(Evidence, OneBadRaceIsNone) {
  Standing standing;
  standing.add({0.8, 0.01});
  standing.add({0.8, 0.01});
  standing.add({1.5, 0.01});
  EXPECT_FALSE(standing.settled());
  standing.add({0.8, 0.01});
  EXPECT_FALSE(standing.settled()) << "and again the traffic is another";
  standing.add({0.8, 0.01});
  EXPECT_TRUE(standing.settled());
  EXPECT_FALSE(retreats(standing));
}

struct Thread {
  Machine machine;
  double general_ps = 20'000;

  Windows windows(uint64_t count, double ps) {
    Windows result;
    for (uint64_t i = 0; i < count; ++i) result.add(machine.time(ps));
    return result;
  }
};

/// What a thread says of windows that it collects until it says something.
Verdict judged(Thread& thread, double ratio_when_new, double ratio, uint64_t wanted) {
  const Ratio when_new = ratio_of(thread.windows(16, thread.general_ps),
                                  thread.windows(16, thread.general_ps * ratio_when_new));
  Windows general = thread.windows(wanted, thread.general_ps);
  Windows ours = thread.windows(wanted, thread.general_ps * ratio);
  for (;;) {
    const Verdict verdict = judge_windows(when_new, ratio_of(general, ours), general.count, wanted);
    if (verdict != Verdict::kMore) return verdict;
    general.add(thread.machine.time(thread.general_ps));
    ours.add(thread.machine.time(thread.general_ps * ratio));
  }
}

TEST(Evidence, WindowsOfSteadyTrafficAreFine) {
  for (const double scatter : {0.05, 0.3}) {
    Thread thread{Machine(3, scatter)};
    int slower = 0;
    for (int i = 0; i < 20'000; ++i) slower += judged(thread, 0.8, 0.8, 8) == Verdict::kSlower;
    EXPECT_LE(slower, 10) << "scatter " << scatter;
  }
}

TEST(Evidence, AGrossLossIsSeenByTheThreadItself) {
  Thread thread{Machine(4, 0.08, 0)};
  int slower = 0;
  for (int i = 0; i < 1000; ++i) slower += judged(thread, 0.8, 1.6, 8) == Verdict::kSlower;
  EXPECT_GE(slower, 950);
}

TEST(Evidence, ATenthIsNotTheThreadsBusiness) {
  Thread thread{Machine(5, 0.08, 0)};
  int slower = 0;
  for (int i = 0; i < 1000; ++i) slower += judged(thread, 0.8, 0.88, 8) == Verdict::kSlower;
  EXPECT_EQ(slower, 0);
}

TEST(Evidence, NothingIsSaidOfWindowsThatAreMissing) {
  EXPECT_EQ(judge_windows({}, {2, 0.01}, 100, 8), Verdict::kMore);
  EXPECT_EQ(judge_windows({0.8, 0.01}, {}, 100, 8), Verdict::kMore);
  EXPECT_EQ(judge_windows({0.8, 0.01}, {2, 0.01}, 7, 8), Verdict::kMore);
  Windows one;
  one.add(5);
  EXPECT_FALSE(ratio_of(one, one).known());
}

}  // namespace
}  // namespace ipjit::runtime
