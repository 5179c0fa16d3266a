// SPDX-License-Identifier: BSD-2-Clause
// Chains of `==`: which become tables, which must not, and what stays of them.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <utility>

#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/passes/passes.h"
#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

Program program_of(const std::string& text) {
  Result<Program> program = parse("filter f\n" + text);
  EXPECT_TRUE(program) << to_string(program.error()) << "\n" << text;
  const Status valid = validate(*program);
  EXPECT_TRUE(valid) << to_string(valid.error()) << "\n" << text;
  return std::move(*program);
}

Program with_sets(const std::string& text) {
  Program program = program_of(text);
  Workspace ws;
  find_sets(program, ws);
  remove_dead(program, ws);
  const Status valid = validate(program);
  EXPECT_TRUE(valid) << to_string(valid.error()) << "\n" << print(program);
  return program;
}

std::string block(uint32_t n, const std::string& rest) {
  return "b" + std::to_string(n) + ": " + rest + "\n";
}

/// Tests b1 to bN, one for each key, of the value that `value_of` names; all lead to `yes`, the
/// last one else to `no`.
std::string chain(uint32_t first, const std::vector<uint32_t>& keys, const std::string& yes,
                  const std::string& no, const std::function<std::string(size_t)>& value_of) {
  std::string text;
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint32_t b = first + static_cast<uint32_t>(i);
    const std::string next = i + 1 < keys.size() ? "b" + std::to_string(b + 1) : no;
    text += block(
        b, "br " + value_of(i) + " == " + std::to_string(keys[i]) + " -> " + yes + ", " + next);
  }
  return text;
}

std::vector<uint32_t> keys(uint32_t count, uint32_t step = 1) {
  std::vector<uint32_t> result;
  for (uint32_t i = 0; i < count; ++i) result.push_back(200 - i * step);
  return result;
}

std::string mark(size_t) { return "v0"; }
std::string mark_or_cpu(size_t i) { return i % 2 == 0 ? "v0" : "v1"; }

constexpr const char* kTwoValues = "b0: v0 = meta mark\n v1 = meta cpu\n jump b1\n";

TEST(FindSets, AChainOnOneValueIsATable) {
  const Program program =
      with_sets(kTwoValues + chain(1, keys(8), "b9", "b10", mark) + "b9: ret 1\nb10: ret 0\n");
  EXPECT_EQ(print(program),
            "filter f\n"
            "table0: u32 miss 0 {193, 194, 195, 196, 197, 198, 199, 200}\n"
            "b0: v0 = meta mark\n"
            "    br v0 in table0 -> b1, b2\n"
            "b1: ret 1\n"
            "b2: ret 0\n");
}

TEST(FindSets, AShortChainStays) {
  const Program program = with_sets(kTwoValues + chain(1, keys(kMinSetKeys - 1), "b8", "b9", mark) +
                                    "b8: ret 1\nb9: ret 0\n");
  EXPECT_TRUE(program.tables.empty());
  EXPECT_EQ(program.blocks.size(), kMinSetKeys - 1 + 2);
}

TEST(FindSets, TestsInTurnAreGatheredByValueAndShareTheirTable) {
  std::vector<uint32_t> twice;
  for (uint32_t key : keys(8)) twice.insert(twice.end(), {key, key});
  const Program program = with_sets(kTwoValues + chain(1, twice, "b17", "b18", mark_or_cpu) +
                                    "b17: ret 1\nb18: ret 0\n");
  EXPECT_EQ(print(program),
            "filter f\n"
            "table0: u32 miss 0 {193, 194, 195, 196, 197, 198, 199, 200}\n"
            "b0: v0 = meta mark\n"
            "    v1 = meta cpu\n"
            "    br v0 in table0 -> b2, b1\n"
            "b1: br v1 in table0 -> b2, b3\n"
            "b2: ret 1\n"
            "b3: ret 0\n");
}

TEST(FindSets, FewTestsOfAnotherValueStayBehind) {
  const auto mostly_mark = [](size_t i) { return i == 3 ? std::string("v1") : std::string("v0"); };
  const Program program = with_sets(kTwoValues + chain(1, keys(9), "b10", "b11", mostly_mark) +
                                    "b10: ret 1\nb11: ret 0\n");
  ASSERT_EQ(program.tables.size(), 1u);
  EXPECT_EQ(program.tables[0].entries.size(), 8u);
  EXPECT_NE(print(program).find("br v1 == 197 -> b2, b3"), std::string::npos) << print(program);
}

TEST(FindSets, KeysMayRepeat) {
  std::vector<uint32_t> repeated = keys(8);
  repeated.push_back(200);
  const Program program =
      with_sets(kTwoValues + chain(1, repeated, "b10", "b11", mark) + "b10: ret 1\nb11: ret 0\n");
  ASSERT_EQ(program.tables.size(), 1u);
  EXPECT_EQ(program.tables[0].entries.size(), 8u);
}

TEST(FindSets, TwoTargetsAreTwoChains) {
  // 200 leads to b17 in the first chain and to b18 in the second: the first test counts.
  const Program program =
      with_sets(kTwoValues + chain(1, keys(8), "b17", "b9", mark) +
                chain(9, keys(8), "b18", "b19", mark) + "b17: ret 1\nb18: ret 2\nb19: ret 0\n");
  EXPECT_EQ(program.tables.size(), 1u);
  EXPECT_NE(print(program).find("br v0 in table0 -> b2, b1\nb1: br v0 in table0 -> b3, b4"),
            std::string::npos)
      << print(program);
}

TEST(FindSets, AnEffectEndsAChain) {
  std::string text = kTwoValues + chain(1, keys(4), "b9", "b5", mark);
  text += "b5: effect 1\n br v0 == 1 -> b9, b6\n" + chain(6, keys(3), "b9", "b10", mark);
  EXPECT_TRUE(with_sets(text + "b9: ret 1\nb10: ret 0\n").tables.empty());
}

TEST(FindSets, AMapDoesNotBecomeASet) {
  // Each test hands on another argument: they do not lead to the same place.
  std::string text = "b0: v0 = meta mark\n v1 = meta cpu\n jump b1\n";
  for (uint32_t b = 1; b <= 8; ++b)
    text += block(b, "br v0 == " + std::to_string(b) + " -> b9(" + (b % 2 == 0 ? "v0" : "v1") +
                         "), " + (b < 8 ? "b" + std::to_string(b + 1) : "b10"));
  EXPECT_TRUE(with_sets(text + "b9(v2: u32): ret v2\nb10: ret 0\n").tables.empty());
}

TEST(FindSets, FarJumpsAreSeenThrough) {
  std::string text = kTwoValues;
  for (uint32_t i = 0; i < 8; ++i) {
    const std::string next = i < 7 ? std::to_string(2 * i + 3) : "18";
    text += block(2 * i + 1, "br v0 == " + std::to_string(i) + " -> b" + std::to_string(2 * i + 2) +
                                 ", b" + next);
    text += block(2 * i + 2, "jump b17");
  }
  const Program program = with_sets(text + "b17: ret 1\nb18: ret 0\n");
  EXPECT_EQ(program.tables.size(), 1u);
  EXPECT_EQ(program.blocks.size(), 3u);
}

TEST(FindSets, SharedTailsAreSwallowed) {
  // libpcap lets the chain of one protocol run on in the tail of another one's.
  const std::string text =
      "b0: v0 = meta mark\n v1 = meta cpu\n v9 = meta queue\n br v9 == 0 -> b1, b2\n"
      "b1: br v0 == 250 -> b11, b3(v0)\n"
      "b2: br v1 == 250 -> b11, b3(v1)\n"
      "b3(v2: u32): br v2 == 200 -> b11, b4\n" +
      chain(4, keys(7), "b11", "b12", [](size_t) { return std::string("v2"); }) +
      "b11: ret 1\nb12: ret 0\n";
  const Program unsplit = program_of(text);
  Program program = unsplit;
  optimize(program);
  ASSERT_TRUE(validate(program)) << print(program);
  EXPECT_EQ(program.tables.size(), 1u) << print(program);
  EXPECT_EQ(program.blocks.size(), 5u) << print(program);
  for (uint32_t mark_value : {0u, 194u, 200u, 201u, 250u})
    for (uint32_t cpu : {0u, 194u, 200u, 201u, 250u}) {
      ipjit_ctx ctx = {};
      ctx.mark = mark_value;
      ctx.cpu = cpu;
      EXPECT_EQ(interpret(program, {}, ctx), interpret(unsplit, {}, ctx))
          << mark_value << " " << cpu;
    }
}

TEST(FindSets, ASwallowedTailHandsOnWhatItWasGiven) {
  const std::string text =
      "b0: v0 = meta mark\n v1 = meta cpu\n v9 = meta queue\n br v9 == 0 -> b1, b2\n"
      "b1: br v0 == 250 -> b11, b3(v0)\n"
      "b2: br v1 == 250 -> b12(v9), b3(v1)\n"
      "b3(v2: u32): br v2 == 200 -> b11, b4\n" +
      chain(4, keys(7), "b11", "b12(v2)", [](size_t) { return std::string("v2"); }) +
      "b11: ret 1\nb12(v3: u32): ret v3\n";
  const Program unsplit = program_of(text);
  Program program = unsplit;
  optimize(program);
  ASSERT_TRUE(validate(program)) << print(program);
  EXPECT_EQ(program.tables.size(), 2u) << print(program);
  for (uint32_t queue : {0u, 1u})
    for (uint32_t mark_value : {7u, 200u, 250u}) {
      ipjit_ctx ctx = {};
      ctx.queue = queue;
      ctx.mark = mark_value;
      ctx.cpu = 11;
      EXPECT_EQ(interpret(program, {}, ctx), interpret(unsplit, {}, ctx)) << queue << mark_value;
    }
}

TEST(FindSets, OnlyKeysThatWereSentOffAreAddedToASet) {
  // Behind the edge on which v0 is 5, 5 is no key of the set.
  const Program program =
      with_sets("b0: v0 = meta mark\n br v0 == 5 -> b1, b10\n" +
                chain(1, keys(8), "b9", "b10", mark) + "b9: ret 1\nb10: ret 0\n");
  ASSERT_EQ(program.tables.size(), 1u);
  EXPECT_EQ(program.tables[0].entries.size(), 8u) << print(program);
}

TEST(FindSets, AFrontendsTableTakesInTheTestsBesideIt) {
  const Program program = with_sets(
      "table0: u32 miss 0 {1, 2, 3, 4, 5, 6, 7}\nb0: v0 = meta mark\n br v0 in table0 -> b2, b1\n"
      "b1: br v0 == 9 -> b2, b3\nb2: ret 1\nb3: ret 0\n");
  EXPECT_EQ(print(program),
            "filter f\n"
            "table0: u32 miss 0 {1, 2, 3, 4, 5, 6, 7, 9}\n"
            "b0: v0 = meta mark\n"
            "    br v0 in table0 -> b1, b2\n"
            "b1: ret 1\n"
            "b2: ret 0\n");
}

TEST(FindSets, ThereAreNoMoreTablesThanTheAbiHas) {
  // 100 chains with different keys and targets.
  std::string text = "b0: v0 = meta mark\n jump b1\n";
  for (uint32_t c = 0; c < 100; ++c) {
    std::vector<uint32_t> some;
    for (uint32_t i = 0; i < 8; ++i) some.push_back(1000 * c + i);
    const uint32_t first = 1 + 8 * c;
    text +=
        chain(first, some, "b" + std::to_string(801 + c), "b" + std::to_string(first + 8), mark);
  }
  for (uint32_t c = 0; c < 100; ++c) text += block(801 + c, "ret " + std::to_string(c));
  const Program program = with_sets(text);
  EXPECT_EQ(program.tables.size(), static_cast<size_t>(IPJIT_MAX_TABLES));
}

/// As written by hand: the next two lines of each test are its `ret` and the next test.
std::string own_returns(uint32_t count, const std::function<uint32_t(uint32_t)>& verdict) {
  std::string text = "b0: v0 = meta mark\n jump b1\n";
  for (uint32_t i = 0; i < count; ++i) {
    const std::string to = "b" + std::to_string(2 * i + 2) + ", b" + std::to_string(2 * i + 3);
    text += block(2 * i + 1, "br v0 == " + std::to_string(1000 + i * 7) + " -> " + to);
    text += block(2 * i + 2, "ret " + std::to_string(verdict(i)));
  }
  return text + block(2 * count + 1, "ret 0");
}

TEST(FindSets, TestsThatBringTheirOwnReturnAreATable) {
  const Program program = with_sets(own_returns(8, [](uint32_t) { return 5; }));
  EXPECT_EQ(print(program),
            "filter f\n"
            "table0: u32 miss 0 {0x3e8, 0x3ef, 0x3f6, 0x3fd, 0x404, 0x40b, 0x412, 0x419}\n"
            "b0: v0 = meta mark\n"
            "    br v0 in table0 -> b1, b2\n"
            "b1: ret 5\n"
            "b2: ret 0\n");
}

TEST(FindSets, ReturnsThatDifferAreTwoTargets) {
  const Program program = with_sets(own_returns(8, [](uint32_t i) { return i / 4 + 1; }));
  EXPECT_TRUE(program.tables.empty()) << print(program);
}

double thread_cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The least CPU time of many turns that optimize() took for either program.  They take turns, so
/// that a busy machine has to disturb all of them, and of one only.
std::pair<double, double> seconds_to_optimize(const std::string& one, const std::string& other) {
  const Program sources[] = {program_of(one), program_of(other)};
  double least[] = {1e9, 1e9};
  for (int round = 0; round < 40; ++round)
    for (int i : {0, 1}) {
      Program program = sources[i];
      const double start = thread_cpu_seconds();
      optimize(program);
      least[i] = std::min(least[i], thread_cpu_seconds() - start);
    }
  return {least[0], least[1]};
}

// Four times the tests: linear is 4, quadratic would be 16.
TEST(FindSets, ListsWithTheirOwnReturnsTakeLinearTime) {
  for (uint32_t verdicts : {1u, 2u, 1000u}) {
    const auto verdict = [=](uint32_t i) { return 1 + i % verdicts; };
    const auto [few, many] =
        seconds_to_optimize(own_returns(500, verdict), own_returns(2000, verdict));
    EXPECT_LT(many, 10 * few) << verdicts << " verdicts: " << few << " s and " << many << " s";
  }
}

/// Each test jumps to a place of its own in a row of jumps that ends in one verdict.
std::string row_of_jumps(uint32_t count) {
  std::string text = "b0: v0 = meta mark\n jump b1\n";
  for (uint32_t i = 0; i < count; ++i)
    text += block(i + 1, "br v0 == " + std::to_string(1000 + i * 7) + " -> b" +
                             std::to_string(count + 2 + i) + ", b" + std::to_string(i + 2));
  text += block(count + 1, "ret 0");
  for (uint32_t i = 0; i < count; ++i)
    text += block(count + 2 + i, "jump b" + std::to_string(count + 3 + i));
  return text + block(2 * count + 2, "ret 1");
}

TEST(FindSets, RowsOfJumpsTakeLinearTime) {
  const auto [few, many] = seconds_to_optimize(row_of_jumps(1000), row_of_jumps(4000));
  EXPECT_LT(many, 10 * few) << few << " s and " << many << " s";
}

// A thousand hosts with one verdict are one table, and cost as much as a list of keys: the chain
// must be seen before anything asks each test what all the others say.
TEST(FindSets, AListWithItsOwnReturnsCostsLessThanOneThatStays) {
  const auto [set, stays] = seconds_to_optimize(own_returns(1000, [](uint32_t) { return 7; }),
                                                own_returns(1000, [](uint32_t i) { return i; }));
  EXPECT_LT(3 * set, stays) << set << " s and " << stays << " s";
}

}  // namespace
}  // namespace ipjit::ir
