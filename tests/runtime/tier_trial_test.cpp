// SPDX-License-Identifier: BSD-2-Clause
// What packets take the program that calls: as arithmetic on times that are drawn, and in a filter
// that meets other packets from the moment on at which code was built for it.
#include <gmock/gmock.h>

#include <random>

#include "runtime/tier/trial.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

/// Times of a caller whose neighbours take the processor now and then.
struct Caller {
  std::mt19937_64 random{11};
  double scatter = 0.1;
  double disturbed = 0;  ///< share of the times that are ten times as long

  double time(double ps) {
    std::normal_distribution<double> factor(1, scatter);
    const bool now = std::bernoulli_distribution(disturbed)(random);
    return ps * std::max(factor(random), 0.2) * (now ? 10 : 1);
  }

  /// Takes: what a packet takes with general code and with that on trial, and general code alone.
  Verdict tries(double general_ps, double special_ps, double code_ps = 5000) {
    Trial trial;
    for (int i = 0; i < 100; ++i) trial.general_took(time(general_ps));
    trial.begin(code_ps);
    for (;;) {
      const Verdict verdict = trial.special_took(time(special_ps));
      if (verdict != Verdict::kMore) return verdict;
    }
  }

  int losses(double general_ps, double special_ps, int trials = 1000) {
    int lost = 0;
    for (int i = 0; i < trials; ++i) lost += tries(general_ps, special_ps) == Verdict::kSlower;
    return lost;
  }
};

TEST(Trial, CodeThatIsNoSlowerStays) {
  for (const double scatter : {0.03, 0.1, 0.5})
    for (const double special_ps : {8000., 10'000.})
      EXPECT_EQ((Caller{.scatter = scatter}.losses(10'000, special_ps)), 0)
          << special_ps << " ps, scatter " << scatter;
}

TEST(Trial, ALossOfAThirdLoses) {
  EXPECT_EQ((Caller{.scatter = 0.03}.losses(10'000, 13'500)), 1000);
  EXPECT_GE((Caller{.scatter = 0.1}.losses(10'000, 13'500)), 990);
}

TEST(Trial, ATwentiethIsForTheRacesToFind) {
  EXPECT_EQ((Caller{.scatter = 0.01}.losses(10'000, 10'500)), 0);
}

TEST(Trial, NeighboursDecideNothing) {
  Caller caller{.scatter = 0.05, .disturbed = 0.1};
  EXPECT_LE(caller.losses(10'000, 10'000), 1);
  EXPECT_GE(caller.losses(10'000, 15'000), 950);
}

TEST(Trial, NoneForACallerWhoDoesOtherThings) {
  Caller caller;
  EXPECT_EQ(caller.tries(10'000, 90'000, 5000), Verdict::kSlower);
  EXPECT_EQ(caller.tries(30'000, 90'000, 5000), Verdict::kFine) << "who may wait for packets";
  EXPECT_EQ(caller.tries(10'000, 90'000, 0), Verdict::kFine) << "of whom nothing is known";
}

TEST(Trial, NeedsTimesOfTheGeneralCodeAndForgetsThemWhenItIsOver) {
  Trial trial;
  for (int i = 0; i < 15; ++i) trial.general_took(10'000);
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(90'000), Verdict::kFine) << "15 times are too few";
  trial.general_took(10'000);
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(90'000), Verdict::kMore);
  trial.end();
  EXPECT_EQ(trial.special_took(90'000), Verdict::kFine);
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(90'000), Verdict::kFine) << "the general code's times are gone";
}

TEST(Trial, OtherCodeOnTrialBeginsAnew) {
  Trial trial;
  for (int i = 0; i < 32; ++i) trial.general_took(10'000);
  trial.begin(5000);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(trial.special_took(90'000), Verdict::kMore);
  trial.begin_anew();
  Verdict verdict = Verdict::kMore;
  while (verdict == Verdict::kMore) verdict = trial.special_took(9000);
  EXPECT_EQ(verdict, Verdict::kFine);
}

TEST(Trial, AFilterWhoseCodeIsSlowFromItsFirstPacketOnHasTheGeneralCodeBack) {
  Street street;
  street.tools.specialise = always_gives(slow_but_for_zeros());
  TierState& state = *street.filter->tier();
  for (int i = 0; i < 40'000 && state.general.windows().count < 32; ++i) street.run_ip(5000);
  // As if the general code alone took long: this loop may be a slow caller, but is always busy.
  state.general.add(1e9);
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  for (int i = 0; i < 4000 && street.tier() == 2; ++i) street.run_twos(5000);
  EXPECT_EQ(state.retreat.load(), Retreat::kTrial);
  street.round();
  EXPECT_THAT(street.record().why, testing::HasSubstr("longer than with the general code"));
  EXPECT_EQ(street.tier(), 1u) << "not at once again";
  EXPECT_EQ(street.wrong, 0u);
}

}  // namespace
}  // namespace ipjit::runtime
