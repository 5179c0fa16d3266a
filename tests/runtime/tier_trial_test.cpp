// SPDX-License-Identifier: BSD-2-Clause
// What packets take the program that calls: as arithmetic on times that are drawn, and in a filter
// that meets other packets from the moment on at which code was built for it.
#include <gmock/gmock.h>

#include <random>

#include "runtime/lock.h"
#include "runtime/tier/trial.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

/// Times of a caller whose neighbours take the processor now and then.
struct Caller {
  std::mt19937_64 random{11};
  uint64_t now_ns = 1;
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
      const Verdict verdict = trial.special_took(time(special_ps), now_ns);
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
  EXPECT_EQ(trial.special_took(90'000, 0), Verdict::kFine) << "15 times are too few";
  trial.general_took(10'000);
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(90'000, 0), Verdict::kMore);
  trial.end();
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(90'000, 0), Verdict::kFine) << "the general code's times are gone";
}

TEST(Trial, OtherCodeOnTrialBeginsAnew) {
  Trial trial;
  for (int i = 0; i < 32; ++i) trial.general_took(10'000);
  trial.begin(5000);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(trial.special_took(90'000, 0), Verdict::kMore);
  trial.begin_anew();
  Verdict verdict = Verdict::kMore;
  while (verdict == Verdict::kMore) verdict = trial.special_took(9000, 0);
  EXPECT_EQ(verdict, Verdict::kFine);
}

/// Code that has won its trial, in windows that come every 4 ms.
struct Winner : Caller {
  static constexpr uint64_t kWindowNs = 4'000'000;
  static constexpr double kSecond = 1e9;
  Trial trial;
  double code_ps = 5000;

  explicit Winner(double special_ps, double general_ps = 10'000) { win(special_ps, general_ps); }
  void win(double special_ps, double general_ps) {
    trial.end();
    for (int i = 0; i < 100; ++i) trial.general_took(time(general_ps));
    trial.begin(code_ps);
    Verdict verdict = Verdict::kMore;
    while (verdict == Verdict::kMore) verdict = trial.special_took(time(special_ps), now_ns);
    EXPECT_EQ(verdict, Verdict::kFine);
  }
  /// Gives: seconds until there was doubt, or all of them.
  double until_doubt(double ps, double seconds) {
    const uint64_t begun = now_ns;
    while (static_cast<double>(now_ns - begun) < seconds * kSecond) {
      now_ns += kWindowNs;
      if (trial.falls_in_doubt(time(ps), now_ns, code_ps))
        return static_cast<double>(now_ns - begun) / kSecond;
    }
    return seconds;
  }
};

constexpr double kLong = 100;  // seconds
constexpr double kSoon = 0.6;  // four groups of windows

TEST(Trial, WhatHasWonFallsInDoubtWhereItTakesLonger) {
  Winner winner(8000);
  EXPECT_EQ(winner.until_doubt(8000, kLong), kLong);
  EXPECT_LE(winner.until_doubt(12'000, kLong), kSoon);
  EXPECT_EQ(winner.until_doubt(12'000, kLong), kLong) << "said once";
}

TEST(Trial, ATwentiethIsNoDoubt) {
  Winner winner(8000);
  winner.scatter = 0.03;
  EXPECT_EQ(winner.until_doubt(8000, kLong), kLong);
  EXPECT_EQ(winner.until_doubt(8400, kLong), kLong);
}

TEST(Trial, NeighboursSeldomMakeADoubt) {
  Winner winner(8000);
  winner.disturbed = 0.1;
  EXPECT_EQ(winner.until_doubt(8000, kLong), kLong);
}

TEST(Trial, NoDoubtForASecondAndTwiceAsLongAfterEach) {
  Winner winner(1000);
  winner.code_ps = 1e9;
  double wait = 1, ps = 1500;
  for (; wait <= 64; wait *= 2, ps *= 1.5) {
    const double took = winner.until_doubt(ps, 3 * kLong);
    EXPECT_GE(took, wait - kSoon);  // the trial may have ended before the last doubt's wait
    EXPECT_LE(took, wait + kSoon);
    winner.win(ps, 1.2 * ps);
  }
  EXPECT_LE(winner.until_doubt(ps, 3 * kLong), 64 + kSoon) << "the longest";
  winner.trial.forget();
  winner.win(ps, 1.2 * ps);
  EXPECT_LE(winner.until_doubt(2 * ps, kLong), 1 + kSoon) << "other code";
}

TEST(Trial, ACallerWhoWaitsMakesNoDoubt) {
  Winner winner(8000);
  EXPECT_EQ(winner.until_doubt(30'000, kLong), kLong);
  winner.code_ps = 20'000;
  EXPECT_LE(winner.until_doubt(30'000, kLong), kSoon) << "the general code has become dearer too";
  winner.code_ps = 0;
  EXPECT_EQ(winner.until_doubt(80'000, kLong), kLong) << "of which nothing is known";
}

TEST(Trial, DoubtIsAgainstTheQuickestSince) {
  Winner winner(9900);
  EXPECT_EQ(winner.until_doubt(6000, 5), 5);
  EXPECT_LE(winner.until_doubt(8500, kLong), kSoon);
}

TEST(Trial, ADoubtWithoutATrialIsNotTheLast) {
  Winner winner(8000);
  EXPECT_LE(winner.until_doubt(12'000, kLong), 1 + kSoon);
  winner.trial.end();
  winner.trial.begin(5000);  // nothing is known of the general code
  EXPECT_EQ(winner.until_doubt(12'000, kLong), kLong);
  EXPECT_LE(winner.until_doubt(16'000, kLong), kSoon);
}

TEST(Trial, CodeThatHadNoneIsInDoubtAsSoonAsTheCallerIsBusy) {
  Trial trial;
  trial.begin(5000);
  for (uint64_t i = 0; i < 10'000; ++i)
    EXPECT_FALSE(trial.falls_in_doubt(30'000, i * 4'000'000, 5000));
  size_t windows = 1;
  while (!trial.falls_in_doubt(10'000, windows * 4'000'000, 5000)) ASSERT_LT(++windows, 100u);
  trial.end();
  trial.begin(5000);  // the general code came to nothing again
  for (uint64_t i = 0; i < 10'000; ++i)
    EXPECT_FALSE(trial.falls_in_doubt(10'000, i * 4'000'000, 5000)) << "once";
}

TEST(Trial, NoneIsInDoubtWhereNothingRuns) {
  Trial trial;
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_FALSE(trial.falls_in_doubt(10'000, i * 4'000'000, 5000));
}

/// Trials lost of 1,000, where a share of all times has a pause in it.
int losses_with_pauses(double paused, double general_ps, double special_ps) {
  Caller caller{.scatter = 0.05};
  std::bernoulli_distribution pauses(paused);
  const auto time = [&](double ps) { return pauses(caller.random) ? 1'000'000 : caller.time(ps); };
  int lost = 0;
  for (int i = 0; i < 1000; ++i) {
    Trial trial;
    for (int t = 0; t < 500; ++t) trial.general_took(time(general_ps));
    trial.begin(5000);
    Verdict verdict = Verdict::kMore;
    while (verdict == Verdict::kMore) verdict = trial.special_took(time(special_ps), 1);
    lost += verdict == Verdict::kSlower;
  }
  return lost;
}

TEST(Trial, PausesAreNoLossAndHideNone) {
  for (const double paused : {0.25, 0.35, 0.5, 0.75, 0.9, 0.99})
    EXPECT_EQ(losses_with_pauses(paused, 10'000, 8000), 0) << paused;
  EXPECT_GE(losses_with_pauses(0.35, 10'000, 14'000), 950) << "packets that come in bursts";
}

TEST(Trial, TimesOfABusyPastAreForgotten) {
  Trial trial;
  for (int i = 0; i < 32; ++i) trial.general_took(10'000);
  for (int i = 0; i < 32; ++i) trial.general_took(1'000'000);
  trial.begin(5000);
  EXPECT_EQ(trial.special_took(1'000'000, 0), Verdict::kFine);
}

TEST(Trial, WhatIsForgottenOnTrialIsJudgedNoMore) {
  Trial trial;
  for (int i = 0; i < 32; ++i) trial.general_took(10'000);
  trial.begin(5000);
  trial.special_took(8000, 0);
  trial.forget();
  EXPECT_EQ(trial.special_took(90'000, 0), Verdict::kFine);
  for (uint64_t i = 0; i < 1000; ++i)
    EXPECT_FALSE(trial.falls_in_doubt(15'000, i * 4'000'000, 5000));
}

TEST(Trial, AFilterWhoseCodeBecomesSlowIsOnTrialAgain) {
  Street street;
  street.tools.specialise = always_gives(slow_but_for_zeros());
  TierState& state = *street.filter->tier();
  for (int i = 0; i < 40'000 && state.general.windows().count < 32; ++i) street.run_ip(5000);
  state.general.add(1e9);  // a busy caller, as above
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  state.wanted = TierState::kMostWanted;  // so that single packets say nothing
  const auto until = [&](auto traffic, auto done) {
    return Street::alone_until(
        [&] {
          state.general.add(1e9);
          traffic();
        },
        done);
  };
  const uint64_t begun = monotonic_ns();
  until([&] { street.run_ip(); }, [&] { return monotonic_ns() - begun > 500'000'000; });
  ASSERT_EQ(street.tier(), 2u);
  EXPECT_TRUE(until([&] { street.run_twos(5000); }, [&] { return street.tier() == 1; }));
  EXPECT_EQ(state.retreat.load(), Retreat::kDoubt);
  street.round();
  EXPECT_EQ(street.tier(), 1u) << "the general code is not known yet";
  until([&] { street.run_twos(5000); }, [&] { return state.trial.knows_general(); });
  street.round();
  EXPECT_EQ(street.tier(), 2u);
  EXPECT_THAT(street.record().why, testing::HasSubstr("the specialised code runs again"));
  EXPECT_TRUE(until([&] { street.run_twos(5000); }, [&] { return street.tier() == 1; }));
  EXPECT_EQ(state.retreat.load(), Retreat::kTrial);
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Trial, ADoubtThatComesLateHoldsUpNothing) {
  Street street;
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  TierState& state = *street.filter->tier();
  state.retreat = Retreat::kDoubt;  // by a thread that was held up before it could say so
  street.round();
  EXPECT_EQ(street.tier(), 2u);
  EXPECT_EQ(state.work->doubt_until_ns, 0u);
}

/// A filter whose code is in doubt, and no packet comes to say what the general code takes.
struct DoubtfulStreet : Street {
  TierState& state = *filter->tier();

  DoubtfulStreet() {
    EXPECT_TRUE(reaches_tier2()) << record().why;
    EXPECT_TRUE(state.slot->retreat(*state.slot->special(), Retreat::kDoubt));
    round();
  }
  static void lose_the_builder() {
    std::lock_guard lock(runtime_lock());
    nobody_builds("a sandbox");
  }
};

TEST(Trial, ADoubtIsNotWaitedForForEver) {
  DoubtfulStreet street;
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_NE(street.state.work->doubt_until_ns, 0u);
  street.round();  // no packet came
  EXPECT_EQ(street.tier(), 2u);
}

TEST(Trial, CodeInDoubtRunsAgainWhereNobodyBuilds) {
  DoubtfulStreet street;
  street.lose_the_builder();
  EXPECT_EQ(street.tier(), 2u);
}

TEST(Trial, CodeInDoubtWhoseFactsHaveChangedDoesNot) {
  DoubtfulStreet street;
  street.filter->assume(IPJIT_FIELD_iif, 3);
  street.lose_the_builder();
  EXPECT_EQ(street.tier(), 1u);
}

TEST(Trial, CodeInDoubtThatIsGivenUpForAnotherReasonStaysSo) {
  DoubtfulStreet street;
  street.state.retreat = Retreat::kGuards;
  street.round();
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.state.work->doubt_until_ns, 0u);
}

TEST(Trial, NothingIsPublishedOverARetreatThatIsNotHeededYet) {
  Street street;
  TierState& state = *street.filter->tier();
  street.add_backend("slow", [&](const ir::Program& program, const arch::Target& target) {
    state.retreat = Retreat::kTrial;
    return as_tier1(program, target);
  });
  street.tools.backends.erase(street.tools.backends.begin());
  EXPECT_TRUE(
      street.until([&] { street.run_ip(); }, [&] { return street.record().refused_stale > 0; }))
      << street.record().why;
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.record().builds, 0u);
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
