// SPDX-License-Identifier: BSD-2-Clause
// Steady traffic stays in its tier, and a loss ends it: the street with a race whose times are
// drawn, so that the test means the same on a machine that is busy.
#include <gmock/gmock.h>

#include <random>

#include "runtime/ticks.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

/// A race that finds `ratio`, give or take the noise of the machine.
struct DrawnRace {
  std::mt19937_64 random{7};
  double ratio = 0.9;
  double scatter = 0.08;  ///< of a lap

  Race operator()() {
    std::normal_distribution<double> factor(1, scatter);
    std::vector<Lap> laps(47);
    for (Lap& lap : laps) {
      lap.rival = static_cast<uint64_t>(100'000 * factor(random));
      lap.ours = static_cast<uint64_t>(100'000 * ratio * factor(random));
    }
    const RaceTimes times = times_of(laps);
    return {times.rival / times.laps, times.ours / times.laps, times.ratio};
  }
};

struct SteadyStreet : Street {
  SteadyStreet() {
    tools.race = [this](const Subject&, const Subject&, std::span<const Head>) { return drawn(); };
  }
  void period() {
    run_ip(8000);
    now_ns -= 950'000'000;  // of the second that a round adds
    round();
  }
  /// Periods of 50 ms until the tier is another, at most so many.
  int periods_in_tier(uint64_t wanted, int most) {
    int periods = 0;
    for (; tier() == wanted && periods < most; ++periods) period();
    return periods;
  }
  DrawnRace drawn;
};

TEST(TierSteady, NoisyTimesOfSteadyTrafficChangeNothing) {
  SteadyStreet street;
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  int in_tier2 = 0;
  for (int period = 0; period < 400; ++period) {
    in_tier2 += street.tier() == 2;
    street.period();
  }
  EXPECT_GE(in_tier2, 300);
  EXPECT_LE(street.record().changes, 9u);
  EXPECT_LE(street.record().builds, 2u);
  EXPECT_EQ(street.wrong, 0u);
}

TEST(TierSteady, ALossOfTenPercentEndsItWithinTwoPeriods) {
  SteadyStreet street;
  street.drawn.scatter = 0.04;
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  street.periods_in_tier(2, 20);
  street.drawn.ratio = 1.10;
  const int periods = street.periods_in_tier(2, 100);
  EXPECT_LE(periods, 4);
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_THAT(street.record().why, HasSubstr("of the general code's time"));
  EXPECT_EQ(street.wrong, 0u);
}

TEST(TierSteady, AThreadWhoseRunsHaveBecomeSlowPutsTheGeneralCodeBackItself) {
  Street street;
  street.tools.specialise = always_gives(slow_but_for_zeros());
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  TierState& state = *street.filter->tier();
  state.wanted = TierState::kFirstWanted;
  state.trial.forget();  // else a doubt might come first
  // The builder is not asked from here on: what happens, the thread that runs the packets does.
  // A window that a neighbour has spoilt must not blind the thread for good.
  state.general.add(1e9);
  ASSERT_TRUE(
      street.alone_until([&] { street.run_ip(); }, [&] { return state.calibrated.load() > 0; }))
      << "tier " << street.tier() << ", retreat " << int(state.retreat.load()) << ", windows "
      << state.general.windows().count << " and " << state.special.windows().count;
  EXPECT_TRUE(
      street.alone_until([&] { street.run_twos(20'000); }, [&] { return street.tier() == 1; }));
  EXPECT_EQ(state.retreat.load(), Retreat::kSlower);
  EXPECT_EQ(street.record().retreats, 1u);
  EXPECT_EQ(street.record().guard_failures, 0u);
  EXPECT_EQ(street.wrong, 0u);
}

}  // namespace
}  // namespace ipjit::runtime
