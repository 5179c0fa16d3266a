// SPDX-License-Identifier: BSD-2-Clause
// One packet's worth of flow through a program under a profile.
#include <gtest/gtest.h>

#include "ir/profile.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "profiles.h"
#include "random_program.h"

namespace ipjit::ir {
namespace {

Program program_of(const char* text) {
  Result<Program> program = parse(text);
  EXPECT_TRUE(program) << to_string(program.error());
  const Status valid = validate(*program);
  EXPECT_TRUE(valid) << to_string(valid.error());
  return *std::move(program);
}

constexpr const char* kDiamond = R"(filter diamond
b0: need 20 else b4                     ; src 0
    v0 = load_be16 12                   ; src 1
    br v0 == 0x800 -> b1, b2            ; src 2
b1: v1 = load_u8 14                     ; src 3
    switch v1 {6 -> b3, 17 -> b3} else b4 ; src 4
b2: br v0 < 0x600 -> b3, b4             ; src 5
b3: ret 1
b4: ret 0
)";

TEST(Flow, FollowsSharesOfBranchesSwitchesAndNeeds) {
  Profile profile;
  profile.packets = 100;
  profile.needs[0] = {.passed = 80, .failed = 20};
  profile.branches[2] = {.taken = 60, .other = 20, .mispredicted = 8};
  profile.switches[4] = {.cases = {{6, 30}, {17, 15}}, .other = 15, .mispredicted = 6};
  profile.branches[5] = {.taken = 5, .other = 15};
  const Program program = program_of(kDiamond);
  const Flow flow = flow_of(program, profile);
  EXPECT_DOUBLE_EQ(flow.reach[0], 1);
  EXPECT_DOUBLE_EQ(flow.passed[0], 0.8);
  EXPECT_DOUBLE_EQ(flow.reach[1], 0.6);
  EXPECT_DOUBLE_EQ(flow.reach[2], 0.2);
  EXPECT_DOUBLE_EQ(flow.reach[3], 0.45 + 0.05);
  EXPECT_DOUBLE_EQ(flow.reach[4], 0.2 + 0.15 + 0.15);
  EXPECT_DOUBLE_EQ(flow.taken[0], 0.75);
  EXPECT_DOUBLE_EQ(flow.mispredicted[0], 0.1);
  EXPECT_DOUBLE_EQ(flow.mispredicted[1], 0.1);
  EXPECT_EQ(block_counts(program, profile), flow.reach);
  const Term& term = program.blocks[1].term;
  EXPECT_DOUBLE_EQ(case_share(program, term, 1, profile), 0.25);
  EXPECT_DOUBLE_EQ(case_share(program, term, 2, profile), 0.25);
}

TEST(Flow, WithoutCountsEdgesAreEvenAndNeedsPass) {
  const Program program = program_of(kDiamond);
  const std::vector<double> reach = block_counts(program, {});
  EXPECT_DOUBLE_EQ(reach[1], 0.5);
  EXPECT_DOUBLE_EQ(reach[3], 0.5 * 2 / 3 + 0.25);
}

TEST(Flow, ANeedWithoutCountsIsJudgedByTheLengths) {
  Program program = program_of(kDiamond);
  program.insns[0].source = kNoSource;
  Profile profile;
  profile.packets = 4;
  profile.lengths = {{19, 1}, {20, 3}};
  EXPECT_DOUBLE_EQ(flow_of(program, profile).passed[0], 0.75);
}

constexpr const char* kGuard = R"(filter guard
table0: u32 miss 0 {0x5001}
b0: need 24 else b3
    v0 = load_be16 12                   ; src 7
    v1 = and v0, 0xff00
    v2 = eq v1, 0x5000
    br v2 == 1 -> b1, b2
b1: br v0 in table0 -> b2, b3
b2: ret 1
b3: ret 0
)";

TEST(Flow, AGuardIsJudgedByTheTableOfItsLoad) {
  const Program program = program_of(kGuard);
  Profile profile;
  profile.packets = 100;
  profile.values[7] = {
      .top = {{0x5001, 60}, {0x50ff, 10}, {0x1234, 20}}, .total = 100, .discarded = 10};
  const Flow flow = flow_of(program, profile);
  EXPECT_DOUBLE_EQ(flow.taken[0], 0.7);
  EXPECT_DOUBLE_EQ(flow.mispredicted[0], 0.3) << "the worst that a predictor need do";
  EXPECT_DOUBLE_EQ(flow.taken[1], 0.6);
}

TEST(Flow, ATestThatWasMovedUpIsNotAsPredictableAsItWas) {
  const Program program = program_of(
      "filter up\nb0: need 2 else b2\n v0 = load_u8 1\n br v0 & 3 -> b1, b2 ; src 4\n"
      "b1: ret 1\nb2: ret 0\n");
  Profile profile;
  profile.packets = 100;
  profile.branches[4] = {.taken = 8, .other = 72, .mispredicted = 8};
  const Flow flow = flow_of(program, profile);
  EXPECT_DOUBLE_EQ(flow.taken[0], 0.8 * 0.1 + 0.2 * 0.5);
  EXPECT_DOUBLE_EQ(flow.mispredicted[0], 0.8 * 0.1 + 0.2 * 0.5) << "20 packets never came to it";
}

TEST(Flow, AddsUpToOnePacketForEveryProgramAndProfile) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Program program = random_program(seed);
    number_sources(program);
    const Profile profile = random_profile(program, seed);
    for (const Profile& each : {Profile{}, profile, invert(profile)}) {
      const Flow flow = flow_of(program, each);
      double ended = 0;
      for (uint32_t b = 0; b < program.blocks.size(); ++b) {
        const TermKind kind = program.blocks[b].term.kind;
        const bool goes_on =
            kind == TermKind::kJump || kind == TermKind::kBranch || kind == TermKind::kSwitch;
        double passed = 1;
        for (uint32_t i = 0; i < program.blocks[b].count; ++i)
          passed *= flow.passed[program.blocks[b].first + i];
        if (!goes_on) ended += flow.reach[b] * passed;
      }
      EXPECT_NEAR(ended, 1, 1e-9) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace ipjit::ir
