// SPDX-License-Identifier: BSD-2-Clause
// Sums, shares, distances and digests of profiles.
#include "ir/profile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/optimize.h"
#include "ir/text.h"
#include "profiles.h"
#include "random_program.h"

namespace ipjit::ir {
namespace {

using Pairs = std::vector<std::pair<uint32_t, uint64_t>>;

TEST(Profile, ATableKeepsTheTwelveMostFrequent) {
  ValueTable table;
  for (uint64_t i = 0; i < 14; ++i) table.top.push_back({i, 100 + i});
  table.top.push_back({99, 0});
  table.total = 14 * 100 + 91;
  table.normalise();
  EXPECT_EQ(table.top.size(), ValueTable::kEntries);
  EXPECT_EQ(table.top.front(), (ValueTable::Entry{13, 113}));
  EXPECT_EQ(table.discarded, 100u + 101u);
  EXPECT_EQ(table.count_of(2), 102u);
  EXPECT_EQ(table.count_of(1), 0u);
}

TEST(Profile, WhatIsUnknownIsUndecided) {
  const Profile profile;
  EXPECT_TRUE(profile.empty());
  EXPECT_EQ(profile.taken_share(1), 0.5);
  EXPECT_EQ(profile.mispredict_rate(1), 0);
  EXPECT_EQ(profile.runs_per_packet(1), 0);
  EXPECT_EQ(profile.readable_share(1000), 1);
  EXPECT_EQ(profile.share_of(Pairs{{1, 2}}), 0);
  EXPECT_EQ(profile.branch(1), nullptr);
}

TEST(Profile, SharesAreOfRunsOrOfPackets) {
  Profile profile;
  profile.packets = 200;
  profile.branches[1] = {.taken = 30, .other = 70, .mispredicted = 20};
  profile.switches[2] = {.cases = {{6, 30}}, .other = 10, .mispredicted = 4};
  profile.values[3] = {.top = {{80, 50}}, .total = 60, .discarded = 10};
  profile.lengths = {{60, 50}, {100, 100}, {Profile::kLongest, 50}};
  EXPECT_DOUBLE_EQ(profile.taken_share(1), 0.3);
  EXPECT_DOUBLE_EQ(profile.mispredict_rate(1), 0.2);
  EXPECT_DOUBLE_EQ(profile.runs_per_packet(1), 0.5);
  EXPECT_DOUBLE_EQ(profile.mispredict_rate(2), 0.1);
  EXPECT_DOUBLE_EQ(profile.runs_per_packet(2), 0.2);
  EXPECT_DOUBLE_EQ(profile.share_of(Pairs{{3, 80}}), 0.25);
  EXPECT_DOUBLE_EQ(profile.readable_share(60), 1);
  EXPECT_DOUBLE_EQ(profile.readable_share(61), 0.75);
  EXPECT_DOUBLE_EQ(profile.readable_share(5000), 0.25);
}

TEST(Profile, AShareOfSeveralFieldsComesFromTheirGroup) {
  Profile profile;
  profile.packets = 100;
  profile.joint[{1, 2, 3}] = {
      .rows = {{{0x800, 6, 0}, 4, 40}, {{0x800, 6, 80}, 0, 30}, {{0x800, 17, 0}, 4, 20}},
      .total = 95,
      .discarded = 5};
  EXPECT_DOUBLE_EQ(profile.share_of(Pairs{{1, 0x800}, {2, 6}}), 0.7);
  EXPECT_DOUBLE_EQ(profile.share_of(Pairs{{2, 6}, {3, 80}}), 0.3);
  EXPECT_DOUBLE_EQ(profile.share_of(Pairs{{2, 6}, {3, 0}}), 0) << "other is not the value 0";
  EXPECT_DOUBLE_EQ(profile.share_of(Pairs{{1, 0x800}, {4, 0}}), 0) << "field 4 is in no group";
}

TEST(Profile, AShareOfTheLastFieldIsOfThePacketsThatHaveTheOthers) {
  Profile profile;
  profile.packets = 1000;
  profile.joint[{1, 2, 3}] = {
      .rows = {{{0x800, 6, 0}, 4, 400}, {{0x800, 6, 80}, 0, 300}, {{0x800, 17, 0}, 4, 200}},
      .total = 950,
      .discarded = 50};
  profile.joint[{1, 2}] = {.rows = {{{0x800, 6}, 0, 10}}, .total = 10};
  EXPECT_DOUBLE_EQ(*profile.share_of_last(Pairs{{1, 0x800}, {2, 6}}), 700.0 / 950);
  EXPECT_DOUBLE_EQ(*profile.share_of_last(Pairs{{2, 6}, {1, 0x800}, {3, 80}}), 300.0 / 750);
  EXPECT_FALSE(profile.share_of_last(Pairs{{1, 0x800}, {4, 0}})) << "field 4 is in no group";
  EXPECT_FALSE(profile.share_of_last(Pairs{{1, 0x800}, {2, 6}}, 951)) << "of too few packets";
}

TEST(Profile, MergingAddsAndCountsWhatNoLongerFits) {
  Profile a;
  a.packets = 10;
  a.branches[1] = {4, 6, 2};
  for (uint64_t v = 0; v < 12; ++v) a.values[2].top.push_back({v, 20 - v});
  a.values[2].total = 240 - 66;
  Profile b;
  b.program = 5;
  b.packets = 20;
  b.branches[1] = {1, 2, 3};
  b.branches[9] = {7, 0, 0};
  b.values[2] = {.top = {{100, 15}, {0, 1}}, .total = 16};
  b.joint[{1, 2}] = {.rows = {{{1, 2}, 0, 3}}, .total = 3};
  merge(a, b);
  EXPECT_EQ(a.program, 5u);
  EXPECT_EQ(a.packets, 30u);
  EXPECT_EQ(a.branches[1], (BranchCounts{5, 8, 5}));
  EXPECT_EQ(a.branches[9], (BranchCounts{7, 0, 0}));
  EXPECT_EQ(a.values[2].count_of(0), 21u);
  EXPECT_EQ(a.values[2].count_of(100), 15u);
  EXPECT_EQ(a.values[2].count_of(11), 0u) << "the least of thirteen";
  EXPECT_EQ(a.values[2].discarded, 9u);
  EXPECT_EQ(a.values[2].total, 240u - 66 + 16);
  EXPECT_EQ(a.joint.size(), 1u);
}

TEST(Profile, MergingInEitherOrderOrWithNothingIsTheSame) {
  Program program = random_program(11);
  number_sources(program);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Profile one = random_profile(program, seed);
    Profile sum;
    merge(sum, one);
    EXPECT_EQ(sum, one);
    Profile same = one;
    merge(same, Profile{});
    EXPECT_EQ(same, one);
    EXPECT_EQ(distance(one, one), Drift{});
  }
}

TEST(Profile, ScalingKeepsSharesAndSums) {
  Profile profile;
  profile.packets = 1000;
  profile.branches[1] = {.taken = 300, .other = 700, .mispredicted = 100};
  profile.branches[2] = {.taken = 1, .other = 1, .mispredicted = 2};
  profile.values[3] = {.top = {{80, 601}, {81, 1}}, .total = 613, .discarded = 11};
  scale(profile, 0.1);
  EXPECT_EQ(profile.packets, 100u);
  EXPECT_EQ(profile.branches[1], (BranchCounts{30, 70, 10}));
  EXPECT_EQ(profile.branches[2], (BranchCounts{0, 0, 0}));
  EXPECT_EQ(profile.values[3], (ValueTable{.top = {{80, 60}}, .total = 61, .discarded = 1}));
}

TEST(Profile, MispredictionsNeverExceedRunsAfterScaling) {
  Profile profile;
  profile.branches[1] = {.taken = 1, .other = 1, .mispredicted = 2};
  scale(profile, 0.4);  // 0.4 and 0.4 go to 0, 0.8 would go to 1
  EXPECT_EQ(profile.branches[1], (BranchCounts{0, 0, 0}));
}

Profile with_branch(uint64_t taken, uint64_t other) {
  Profile profile;
  profile.packets = taken + other;
  profile.branches[1] = {taken, other, 0};
  return profile;
}

TEST(Profile, DistanceIsWhatChanceDoesNotExplain) {
  EXPECT_EQ(distance(with_branch(50, 50), with_branch(62, 38)).largest, 0);
  const Drift large = distance(with_branch(5000, 5000), with_branch(6200, 3800));
  EXPECT_NEAR(large.largest, 0.106, 0.002);
  EXPECT_EQ(large.source, 1u);
  EXPECT_EQ(distance(with_branch(20, 0), with_branch(0, 20)).largest, 0) << "too few runs";
  EXPECT_GT(distance(with_branch(200, 0), with_branch(0, 200)).largest, 0.85);
}

TEST(Profile, DistanceWeighsByRunsPerPacket) {
  Profile a = with_branch(10'000, 0);
  Profile b = a;
  a.branches[2] = {.taken = 1000, .other = 0};
  b.branches[2] = {.taken = 0, .other = 1000};
  const Drift drift = distance(a, b);
  EXPECT_NEAR(drift.largest, 0.1, 0.01) << "one packet in ten runs the branch that changed";
  EXPECT_EQ(drift.source, 2u);
  EXPECT_NEAR(drift.weighted, 0.1 / 1.1, 0.01);
}

TEST(Profile, DistanceSeesSwitchesNeedsAndBranchesThatOnlyOneRan) {
  Profile a = with_branch(1000, 0);
  Profile b = with_branch(1000, 0);
  a.switches[5] = {.cases = {{6, 900}}, .other = 100};
  b.switches[5] = {.cases = {{17, 900}}, .other = 100};
  EXPECT_EQ(distance(a, b).source, 5u);
  a.switches.clear();
  b.switches.clear();
  a.needs[6] = {.passed = 1000};
  b.needs[6] = {.failed = 1000};
  EXPECT_EQ(distance(a, b).source, 6u);
  b.needs.clear();
  a.needs.clear();
  b.branches[7] = {.taken = 500};
  EXPECT_EQ(distance(a, b).source, 7u);
  EXPECT_DOUBLE_EQ(distance(a, b).largest, 0.5);
}

constexpr const char* kProgram = R"(filter one
b0: need 14 else b2                     ; src 0
    v0 = load_be16 12                   ; src 0
    br v0 == 0x800 -> b1, b2            ; src 1
b1: ret 1
b2: ret 0
)";

TEST(Profile, ADigestIsOfTheMeaningAndOfTheSources) {
  Result<Program> program = parse(kProgram);
  ASSERT_TRUE(program);
  const uint64_t first = digest(*program);
  program->name = "another";
  EXPECT_EQ(digest(*program), first);
  program->blocks[0].term.imm = 0x806;
  EXPECT_NE(digest(*program), first);
  program->blocks[0].term.imm = 0x800;
  program->blocks[0].term.source = 2;
  EXPECT_NE(digest(*program), first);
}

TEST(Profile, ADigestSurvivesTheTextForm) {
  std::vector<uint64_t> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Program program = random_program(seed);
    if (seed % 2 == 0) optimize(program);
    const Result<Program> again = parse(print(program));
    ASSERT_TRUE(again);
    EXPECT_EQ(digest(*again), digest(program)) << "seed " << seed;
    seen.push_back(digest(program));
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(Profile, AProfilesDigestChangesWithACount) {
  Profile profile = with_branch(3, 4);
  const uint64_t before = digest(profile);
  ++profile.branches[1].other;
  EXPECT_NE(digest(profile), before);
}

TEST(Profile, EverySiteGetsASourceOfItsOwn) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Program program = random_program(seed);
    number_sources(program);
    const Program once = program;
    number_sources(program);
    EXPECT_EQ(program, once) << "seed " << seed;
    for (const Insn& insn : program.insns) {
      const bool site = insn.op == Op::kNeed || insn.op == Op::kMeta || load_size(insn.op) != 0;
      EXPECT_TRUE(!site || insn.source != kNoSource) << "seed " << seed;
    }
  }
}

TEST(Profile, InvertedTwiceTheBranchesAreBack) {
  Program program = random_program(5);
  number_sources(program);
  const Profile profile = random_profile(program, 1);
  EXPECT_NE(invert(profile).branches, profile.branches);
  EXPECT_EQ(invert(invert(profile)).branches, profile.branches);
  EXPECT_EQ(invert(invert(profile)).values, profile.values);
}

}  // namespace
}  // namespace ipjit::ir
