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

/// Code that has won its trial.
struct Winner : Caller {
  Trial trial;

  explicit Winner(double special_ps) {
    for (int i = 0; i < 100; ++i) trial.general_took(time(10'000));
    win(special_ps);
  }
  void win(double special_ps) {
    trial.begin(5000);
    Verdict verdict = Verdict::kMore;
    while (verdict == Verdict::kMore) verdict = trial.special_took(time(special_ps));
    EXPECT_EQ(verdict, Verdict::kFine);
  }
  /// Gives: times until there was doubt; 0: there was none.
  uint64_t until_doubt(double ps, uint64_t times) {
    for (uint64_t i = 1; i <= times; ++i)
      if (trial.is_in_doubt(time(ps))) return i;
    return 0;
  }
};

constexpr uint64_t kWait = Trial::kFirstWait * Trial::kTimes;

TEST(Trial, WhatHasWonIsInDoubtWhereItTakesLonger) {
  Winner winner(8000);
  EXPECT_EQ(winner.until_doubt(8000, 100 * kWait), 0u);
  EXPECT_EQ(winner.until_doubt(8500, 100 * kWait), 0u) << "for the races to find";
  const uint64_t times = winner.until_doubt(12'000, 100 * kWait);
  EXPECT_NE(times, 0u);
  EXPECT_LE(times, 3 * Trial::kTimes);
  EXPECT_EQ(winner.until_doubt(90'000, 100 * kWait), 0u) << "said once";
}

TEST(Trial, ACallerWhoWaitsMakesNoDoubt) {
  Winner winner(8000);
  EXPECT_EQ(winner.until_doubt(30'000, 100 * kWait), 0u);
}

TEST(Trial, DoubtIsAgainstTheQuickestSince) {
  Winner winner(9900);
  EXPECT_EQ(winner.until_doubt(6000, 2 * kWait), 0u);
  EXPECT_NE(winner.until_doubt(8500, 100 * kWait), 0u);
}

TEST(Trial, EachDoubtThatWasNoneMakesTheNextOneWait) {
  Winner winner(8000);
  uint64_t wait = kWait;
  for (double ps = 8000; ps < 12'000; ps *= 1.5) {
    const uint64_t times = winner.until_doubt(1.5 * ps, 100 * kWait);
    EXPECT_GT(times, wait);
    EXPECT_LE(times, wait + 3 * Trial::kTimes);
    winner.trial.end();
    for (int i = 0; i < 100; ++i) winner.trial.general_took(winner.time(2 * ps));
    winner.win(1.5 * ps);
    wait *= 2;
  }
  winner.trial.is_of_new_code();
  EXPECT_LE(winner.until_doubt(19'000, 100 * kWait), kWait + 3 * Trial::kTimes);
}

TEST(Trial, NoDoubtOfCodeThatHadNone) {
  Trial trial;
  trial.begin(5000);
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(trial.is_in_doubt(i < 5000 ? 5000 : 10'000));
}

TEST(Trial, AFilterWhoseCodeBecomesSlowIsOnTrialAgain) {
  Street street;
  street.tools.specialise = always_gives(slow_but_for_zeros());
  TierState& state = *street.filter->tier();
  for (int i = 0; i < 40'000 && state.general.windows().count < 32; ++i) street.run_ip(5000);
  state.general.add(1e9);  // a busy caller, as above
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  state.wanted = TierState::kMostWanted;  // so that single packets say nothing
  const auto until = [](auto traffic, auto done) {
    const uint64_t begun = monotonic_ns();
    while (!done() && monotonic_ns() - begun < 60'000'000'000) traffic();
    return done();
  };
  const uint64_t begun = monotonic_ns();
  until([&] { street.run_ip(); }, [&] { return monotonic_ns() - begun > 500'000'000; });
  ASSERT_EQ(street.tier(), 2u);
  EXPECT_TRUE(until([&] { street.run_twos(5000); }, [&] { return street.tier() == 1; }));
  EXPECT_EQ(state.retreat.load(), Retreat::kDoubt);
  street.round();
  EXPECT_EQ(street.tier(), 1u) << "the general code is not known yet";
  until([&] { street.run_twos(5000); }, [&] { return state.trial.knows_general(); });
  state.general.add(1e9);
  street.round();
  EXPECT_EQ(street.tier(), 2u);
  EXPECT_THAT(street.record().why, testing::HasSubstr("on trial again"));
  EXPECT_TRUE(until([&] { street.run_twos(5000); }, [&] { return street.tier() == 1; }));
  EXPECT_EQ(state.retreat.load(), Retreat::kTrial);
  EXPECT_EQ(street.wrong, 0u);
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
