// SPDX-License-Identifier: BSD-2-Clause
// What a processor would guess: patterns are learnt, chance is not.
#include "ir/predictor.h"

#include <gtest/gtest.h>

#include <random>

namespace ipjit::ir {
namespace {

constexpr int kPackets = 4000;

TEST(Predictor, AnAlternatingBranchIsGuessed) {
  Predictor predictor(1);
  for (int i = 0; i < kPackets; ++i) {
    predictor.packet(i != 0);
    predictor.branch(0, i % 2 == 0);
  }
  EXPECT_LT(predictor.rate(0), 0.01);
}

TEST(Predictor, ARepeatedPatternIsGuessed) {
  constexpr bool kPattern[] = {true, true, false, true, false, false, false};
  Predictor predictor(1);
  for (int i = 0; i < kPackets; ++i) {
    predictor.packet(i != 0);
    predictor.branch(0, kPattern[i % std::size(kPattern)]);
  }
  EXPECT_LT(predictor.rate(0), 0.03);
}

TEST(Predictor, ChanceIsMissedAsOftenAsItsRarerSide) {
  for (const double share : {0.02, 0.1, 0.3, 0.5}) {
    std::mt19937 random(7);
    std::bernoulli_distribution taken(share);
    Predictor predictor(1);
    for (int i = 0; i < kPackets; ++i) {
      predictor.packet(i != 0);
      predictor.branch(0, taken(random));
    }
    EXPECT_GT(predictor.rate(0), share * 0.8) << share;
    EXPECT_LT(predictor.rate(0), share * 1.35 + 0.01) << share;
  }
}

TEST(Predictor, ABranchThatFollowsFromAnEarlierOneIsGuessed) {
  std::mt19937 random(7);
  Predictor predictor(2);
  for (int i = 0; i < kPackets; ++i) {
    const bool tcp = random() % 2 == 0;
    predictor.packet(false);  // every packet for itself: the history is within the packet
    predictor.branch(0, tcp);
    predictor.branch(1, !tcp);
  }
  EXPECT_NEAR(predictor.rate(0), 0.5, 0.05);
  EXPECT_LT(predictor.rate(1), 0.02);
}

TEST(Predictor, WithGapsBetweenAllPacketsAPatternOverPacketsIsChance) {
  Predictor predictor(1);
  for (int i = 0; i < kPackets; ++i) {
    predictor.packet(false);
    predictor.branch(0, i % 2 == 0);
  }
  EXPECT_GT(predictor.rate(0), 0.4);
}

TEST(Predictor, InRunsOfEightThePacketsBehindAGapDoNotCount) {
  std::mt19937 random(7);
  Predictor predictor(1);
  for (int i = 0, phase = 0; i < kPackets; ++i) {
    const bool follows = i % 8 != 0;
    if (!follows) phase = static_cast<int>(random());
    predictor.packet(follows);
    predictor.branch(0, (phase + i) % 2 == 0);
  }
  EXPECT_LT(predictor.rate(0), 0.02);
}

TEST(Predictor, ASwitchIsGuessedByItsPatternOrItsMostFrequentWay) {
  std::mt19937 random(7);
  Predictor predictor(2);
  for (int i = 0; i < kPackets; ++i) {
    predictor.packet(i != 0);
    predictor.switched(0, static_cast<uint32_t>(i % 3));
    predictor.switched(1, random() % 10 == 0 ? 1 + static_cast<uint32_t>(random() % 5) : 0);
  }
  EXPECT_LT(predictor.rate(0), 0.02);
  EXPECT_NEAR(predictor.rate(1), 0.1, 0.04);
}

TEST(Predictor, CountsBeginAnewButWhatWasLearntStays) {
  Predictor predictor(1);
  for (int i = 0; i < kPackets; ++i) {
    predictor.packet(true);
    predictor.branch(0, i % 2 == 0);
  }
  predictor.forget_counts();
  EXPECT_EQ(predictor.rate(0), 0) << "nothing has run";
  for (int i = 0; i < 100; ++i) {
    predictor.packet(true);
    predictor.branch(0, i % 2 == 0);
  }
  EXPECT_EQ(predictor.rate(0), 0) << "nothing had to be learnt";
}

TEST(Predictor, AnUnknownSiteOfNoRunsHasNoRate) { EXPECT_EQ(Predictor(3).rate(2), 0); }

}  // namespace
}  // namespace ipjit::ir
