// SPDX-License-Identifier: BSD-2-Clause
// Samples in, profile out: counts, tables and their cleaning, groups, heads that are too short.
#include "ir/replay.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/interpret.h"
#include "ir/joint_counter.h"
#include "ir/profile_text.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "ir/value_counter.h"
#include "random_program.h"

namespace ipjit::ir {
namespace {

// --- tables of values

TEST(ValueCounter, ASkewedStreamIsKnownAlmostWhole) {
  std::mt19937 random(1);
  ValueCounter counter;
  uint64_t heavy = 0;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t value = random() % 100 < 90 ? random() % 4 : 1000 + random() % 60'000;
    if (value == 2) ++heavy;
    counter.add(value);
  }
  const ValueTable table = counter.take();
  EXPECT_EQ(table.total, 50'000u);
  for (uint64_t value = 0; value < 4; ++value) EXPECT_GT(table.count_of(value), 10'000u);
  EXPECT_EQ(table.count_of(2), heavy) << "what stays in the table is counted exactly";
  const double imprecision = static_cast<double>(table.discarded) / 50'000;
  EXPECT_NEAR(imprecision, 0.1, 0.01) << "the values that came once";
}

TEST(ValueCounter, AUniformStreamIsKnownToBeUnknown) {
  std::mt19937 random(1);
  ValueCounter counter;
  for (int i = 0; i < 50'000; ++i) counter.add(random() % 60'000);
  const ValueTable table = counter.take();
  EXPECT_EQ(table.total, 50'000u);
  EXPECT_GT(table.discarded, 49'900u);
  uint64_t sum = table.discarded;
  for (const ValueTable::Entry& entry : table.top) sum += entry.count;
  EXPECT_EQ(sum, table.total);
}

TEST(ValueCounter, TheLowerHalfGoesAfterAThousandValues) {
  ValueCounter counter;
  for (uint64_t value = 0; value < 12; ++value)
    for (uint64_t i = 0; i < 12 - value; ++i) counter.add(value);  // 78 values
  for (int i = 78; i < 999; ++i) counter.add(0);
  ValueCounter before = counter;
  EXPECT_EQ(before.take().top.size(), 12u);
  counter.add(0);
  const ValueTable table = counter.take();
  EXPECT_EQ(table.top.size(), 6u);
  EXPECT_EQ(table.count_of(5), 7u);
  EXPECT_EQ(table.discarded, 6u + 5 + 4 + 3 + 2 + 1);
}

TEST(ValueCounter, TheNextCleaningWaitsForTheLastSteadyEntry) {
  ValueCounter counter;
  for (int i = 0; i < 1000; ++i) counter.add(static_cast<uint64_t>(i % 6));  // steady: 166 or 167
  for (int i = 0; i < 1165; ++i) counter.add(static_cast<uint64_t>(100 + i % 6));
  ValueCounter before = counter;
  EXPECT_EQ(before.take().top.size(), 12u) << "1,165 of 1,000 + 166 values";
  counter.add(100);
  const ValueTable table = counter.take();
  EXPECT_EQ(table.top.size(), 6u);
  EXPECT_GT(table.count_of(100), 190u) << "what is heavy now has overtaken what was";
  EXPECT_EQ(table.count_of(0), 0u);
}

TEST(ValueCounter, AHeavyValueThatComesLateGetsIn) {
  std::mt19937 random(3);
  ValueCounter counter;
  for (int i = 0; i < 30'000; ++i) counter.add(random() % 60'000);
  for (int i = 0; i < 5'000; ++i) counter.add(random() % 5 == 0 ? 80 : random() % 60'000 + 100);
  EXPECT_EQ(counter.take().top.front().value, 80u);
}

// --- groups

TEST(JointCounter, FieldsOfOneWayAreAGroup) {
  JointCounter counter;
  for (uint64_t i = 0; i < 2000; ++i) {
    if (i % 10 == 0) {
      counter.packet(std::vector<JointCounter::Field>{{7, 0x806}});
    } else if (i % 10 < 4) {
      counter.packet(std::vector<JointCounter::Field>{{7, 0x800}, {2, 17}});
    } else {
      counter.packet(std::vector<JointCounter::Field>{{7, 0x800}, {2, 6}, {9, 10'000 + i}});
    }
  }
  const JointCounter::Tables tables = counter.take();
  ASSERT_EQ(tables.size(), 2u);
  const JointTable& two = tables.at({2, 7});
  EXPECT_EQ(two.total, 1800u) << "those that went on to the port too";
  EXPECT_EQ(two.rows[0], (JointTable::Row{{6, 0x800}, 0, 1200}));
  EXPECT_EQ(two.rows[1], (JointTable::Row{{17, 0x800}, 0, 600}));
  const JointTable& three = tables.at({2, 7, 9});
  EXPECT_EQ(three.total, 1200u);
  EXPECT_EQ(three.rows[0].others, 4u) << "no port is frequent";
  EXPECT_GE(three.rows[0].count, 1198u);
}

TEST(JointCounter, OfManyFieldsThoseWithOneValueStay) {
  JointCounter counter;
  for (uint64_t i = 0; i < 20; ++i) {
    std::vector<JointCounter::Field> fields;
    for (uint32_t f = 0; f < 8; ++f) fields.emplace_back(f, f % 4 == 1 ? i : 5);
    counter.packet(fields);
  }
  const JointCounter::Tables tables = counter.take();
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables.begin()->first, (std::vector<uint32_t>{0, 2, 3, 4, 6, 7}));
}

// --- replay

constexpr const char* kFilter = R"(filter tcp port 80
b0: need 14 else b4                     ; src 0
    v0 = load_be16 12                   ; src 1
    br v0 == 0x800 -> b1, b4            ; src 2
b1: need 18 else b4                     ; src 3
    v1 = load_u8 14                     ; src 4
    switch v1 {6 -> b2, 17 -> b2} else b4 ; src 5
b2: v2 = load_be16 16                   ; src 6
    br v2 == 80 -> b3, b4               ; src 7
b3: ret 100
b4: ret 0
)";

Program filter() {
  Result<Program> program = parse(kFilter);
  EXPECT_TRUE(program && validate(*program));
  return *std::move(program);
}

std::vector<uint8_t> packet(uint16_t type, uint8_t protocol, uint16_t port) {
  std::vector<uint8_t> bytes(18);
  bytes[12] = static_cast<uint8_t>(type >> 8);
  bytes[13] = static_cast<uint8_t>(type);
  bytes[14] = protocol;
  bytes[16] = static_cast<uint8_t>(port >> 8);
  bytes[17] = static_cast<uint8_t>(port);
  return bytes;
}

uint64_t run(Replayer& replayer, const std::vector<uint8_t>& bytes, bool follows = true) {
  return replayer.packet({.head = bytes, .cap_len = bytes.size(), .follows = follows}, {});
}

TEST(Replay, CountsEdgesValuesNeedsAndResults) {
  const Program program = filter();
  Replayer replayer(program);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(run(replayer, packet(0x800, 6, 80)), 100u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(replayer, packet(0x800, 17, 53)), 0u);
  EXPECT_EQ(run(replayer, packet(0x806, 0, 0)), 0u);
  EXPECT_EQ(run(replayer, std::vector<uint8_t>(10)), 0u);
  std::vector<uint8_t> cut = packet(0x800, 6, 80);
  cut.resize(15);
  EXPECT_EQ(run(replayer, cut), 0u);
  EXPECT_EQ(replayer.packets(), 12u);

  const Profile profile = replayer.take();
  EXPECT_TRUE(check_profile(profile, program));
  EXPECT_EQ(profile.packets, 12u);
  EXPECT_EQ(profile.discarded, 0u);
  EXPECT_EQ(profile.matched, 6u);
  EXPECT_EQ(profile.results.count_of(100), 6u);
  EXPECT_EQ(profile.lengths, (std::map<uint64_t, uint64_t>{{10, 1}, {15, 1}, {18, 10}}));
  EXPECT_EQ(profile.need(0)->failed, 1u);
  EXPECT_EQ(*profile.need(3), (NeedCounts{.passed = 9, .failed = 1, .first = 1}));
  EXPECT_EQ(profile.branch(2)->taken, 10u);
  EXPECT_EQ(profile.branch(2)->other, 1u);
  EXPECT_EQ(profile.switch_at(5)->cases, (std::map<uint64_t, uint64_t>{{6, 6}, {17, 3}}));
  EXPECT_EQ(profile.value(6)->count_of(53), 3u);
  EXPECT_DOUBLE_EQ(profile.share_of(std::vector<std::pair<uint32_t, uint64_t>>{{1, 0x800}, {4, 6}}),
                   6.0 / 12);
  const Result<Profile> again = parse_profile(print(profile));
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, profile);
}

TEST(Replay, ATakeBeginsAnew) {
  Replayer replayer(filter());
  run(replayer, packet(0x800, 6, 80));
  EXPECT_EQ(replayer.take().packets, 1u);
  EXPECT_EQ(replayer.packets(), 0u);
  const Profile empty = replayer.take();
  EXPECT_TRUE(empty.empty());
  EXPECT_TRUE(empty.branches.empty() && empty.values.empty() && empty.joint.empty());
  EXPECT_NE(empty.program, 0u);
}

TEST(Replay, ARunThatNeedsWhatWasNotCopiedLeavesNoTrace) {
  Replayer replayer(filter());
  const std::vector<uint8_t> tcp = packet(0x800, 6, 80);
  const std::vector<uint8_t> arp = packet(0x806, 0, 0);
  const auto head = [](const std::vector<uint8_t>& bytes) {
    return Sample{.head = std::span(bytes).first(15), .cap_len = bytes.size()};
  };
  EXPECT_EQ(replayer.packet(head(tcp), {}), ipjit_result(IPJIT_NEED_BYTES, 0));
  EXPECT_EQ(replayer.packet(head(arp), {}), 0u) << "it never gets to the bytes that are missing";
  const Profile profile = replayer.take();
  EXPECT_EQ(profile.packets, 1u);
  EXPECT_EQ(profile.discarded, 1u);
  EXPECT_EQ(profile.branch(2)->taken, 0u);
  EXPECT_EQ(profile.need(3), nullptr);
}

TEST(Replay, TheTransportHeadersCopyMayEndEarly) {
  const Result<Program> program = parse(
      "filter th\nb0: need th 4 else b1 ; src 0\n v0 = load_be16 th 2 ; src 1\n ret v0\n"
      "b1: ret 0\n");
  ASSERT_TRUE(program && validate(*program));
  Replayer replayer(*program);
  const uint8_t th[4] = {0, 1, 0, 80};
  ipjit_ctx ctx = {};
  ctx.th = th;
  ctx.th_len = 4;
  EXPECT_EQ(replayer.packet({}, ctx), 80u);
  EXPECT_EQ(replayer.packet({.head = {}, .th_copied = 3}, ctx), ipjit_result(IPJIT_NEED_BYTES, 0));
  EXPECT_EQ(replayer.take().discarded, 1u);
}

TEST(Replay, MispredictionsAreOfConsecutiveSamples) {
  std::mt19937 random(5);
  Replayer alternating(filter());
  Replayer chance(filter());
  for (int i = 0; i < 2000; ++i) {
    run(alternating, packet(i % 2 == 0 ? 0x800 : 0x806, 6, 80), i != 0);
    run(chance, packet(random() % 2 == 0 ? 0x800 : 0x806, 6, 80), i != 0);
  }
  EXPECT_LT(alternating.take().mispredict_rate(2), 0.02);
  const Profile profile = chance.take();
  EXPECT_NEAR(profile.mispredict_rate(2), 0.5, 0.06);
  EXPECT_LT(profile.mispredict_rate(7), 0.01) << "decided: it is always port 80";
}

TEST(Replay, AnswersAsTheInterpreterForEveryProgram) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Program program = random_program(seed);
    number_sources(program);
    Replayer replayer(program);
    for (uint64_t i = 0; i < 10; ++i) {
      RandomInput input = random_input(seed * 10 + i);
      const uint64_t want = interpret(program, input.data, input.ctx);
      EXPECT_EQ(replayer.packet({.head = input.data, .cap_len = input.data.size()}, input.ctx),
                want)
          << "seed " << seed;
    }
    const Profile profile = replayer.take();
    EXPECT_EQ(profile.packets, 10u);
    const Result<Profile> again = parse_profile(print(profile));
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(*again, profile);
    for (double count : block_counts(program, profile)) EXPECT_LE(count, 1 + 1e-9);
  }
}

}  // namespace
}  // namespace ipjit::ir
