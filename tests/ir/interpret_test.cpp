// SPDX-License-Identifier: BSD-2-Clause
// What each op, relation and ending means, one line each.
#include "ir/interpret.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

constexpr uint8_t kPacket[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
constexpr uint8_t kTransport[] = {0xa1, 0xa2, 0xa3, 0xa4};

struct Harness {
  ipjit_actions actions = {};
  uint64_t counters[4] = {};
  ipjit_ctx ctx = {};

  Harness() {
    ctx.th = kTransport;
    ctx.th_len = sizeof kTransport;
    ctx.actions = &actions;
    ctx.counters = counters;
    ctx.wire_len = 99;
    ctx.mark = 0xffffffff;
    ctx.ct_state = 7;
  }

  uint64_t run(const std::string& text) {
    const Result<Program> program = parse("filter f\n" + text);
    if (!program) ADD_FAILURE() << to_string(program.error()) << "\n" << text;
    if (!program) return ~uint64_t{0};
    const Status valid = validate(*program);
    EXPECT_TRUE(valid) << to_string(valid.error()) << "\n" << text;
    return valid ? interpret(*program, kPacket, ctx) : ~uint64_t{0};
  }
};

struct Value {
  const char* text;  ///< defines v9, 32 bits
  uint32_t wanted;
};

const Value kValues[] = {
    {"v9 = const 0xffffffff", 0xffffffff},
    {"v9 = load_u8 1", 0x22},
    {"v9 = load_be16 1", 0x2233},
    {"v9 = load_be32 4", 0x55667788},
    {"v9 = load_le16 1", 0x3322},
    {"v9 = load_le32 4", 0x88776655},
    {"v0 = load_be64 0\nv9 = trunc v0", 0x55667788},
    {"v0 = load_be64 0\nv1 = shr v0, 32\nv9 = trunc v1", 0x11223344},
    {"v0 = load_le64 0\nv9 = trunc v0", 0x44332211},
    {"v9 = load_be32 th 0", 0xa1a2a3a4},
    {"v0 = const 3\nneed v0 + 5 else b1\nv9 = load_u8 v0 + 4", 0x88},
    {"v0 = const.u64 3\nneed v0 + 5 else b1\nv9 = load_u8 v0", 0x44},
    {"v9 = meta wire_len", 99},
    {"v9 = meta ct_state", 7},
    {"v0 = const 0xffffffff\nv9 = add v0, 2", 1},
    {"v0 = const 1\nv9 = sub v0, 2", 0xffffffff},
    {"v0 = const 0x10000\nv9 = mul v0, v0", 0},
    {"v0 = const 100\nv9 = div v0, 7", 14},
    {"v0 = const 100\nv9 = div v0, 0", 0},
    {"v0 = const 100\nv9 = mod v0, 7", 2},
    {"v0 = const 100\nv9 = mod v0, 0", 0},
    {"v0 = const 12\nv9 = and v0, 10", 8},
    {"v0 = const 12\nv9 = or v0, 10", 14},
    {"v0 = const 12\nv9 = xor v0, 10", 6},
    {"v0 = const 3\nv9 = shl v0, 31", 0x80000000},
    {"v0 = const 3\nv9 = shl v0, 32", 0},
    {"v0 = const 0x80000000\nv9 = shr v0, 31", 1},
    {"v0 = const 0x80000000\nv9 = shr v0, 0xffffffff", 0},
    {"v0 = const.u64 0x8000000000000000\nv1 = shr v0, 63\nv9 = trunc v1", 1},
    {"v0 = const.u64 1\nv1 = shl v0, 64\nv9 = trunc v1", 0},
    {"v0 = const 5\nv9 = eq v0, 5", 1},
    {"v0 = const 5\nv9 = eq v0, 6", 0},
    {"v0 = const.u64 0x100000005\nv9 = eq v0, 5", 0},
    {"v0 = const 5\nv9 = ne v0, 5", 0},
    {"v0 = const 5\nv9 = ne v0, 6", 1},
    {"v0 = const 5\nv9 = lt v0, 5", 0},
    {"v0 = const 0x80000000\nv9 = lt v0, 1", 0},
    {"v0 = const 5\nv9 = lt v0, 6", 1},
    {"v0 = const 5\nv9 = le v0, 5", 1},
    {"v0 = const 5\nv9 = le v0, 4", 0},
    {"v0 = const 12\nv9 = any v0, 10", 1},
    {"v0 = const 12\nv9 = any v0, 3", 0},
    {"v0 = const.u64 0x8000000000000000\nv9 = any v0, 0x8000000000000000", 1},
    {"v0 = const 12\nv1 = const 4\nv9 = any v0, v1", 1},
    {"v0 = const 1\nv9 = neg v0", 0xffffffff},
    {"v0 = const 0x12345678\nv9 = bswap v0", 0x78563412},
    {"v0 = const.u64 0x12345678\nv1 = bswap v0\nv2 = shr v1, 32\nv9 = trunc v2", 0x78563412},
    {"v0 = const 0xffffffff\nv1 = zext v0\nv2 = add v1, 1\nv3 = shr v2, 32\nv9 = trunc v3", 1},
    {"v0 = const 5\nv9 = find table0, v0", 50},
    {"v0 = const 6\nv9 = find table0, v0", 9},
    {"v0 = const.u64 0x100000005\nv9 = find table0, v0", 9},
};

TEST(Interpret, EachOp) {
  for (const Value& c : kValues) {
    const std::string text =
        "table0: u32 miss 9 {5 = 50, 7 = 70}\nb0: need 8 else b1\nneed th 4 else b1\n" +
        std::string(c.text) + "\nret v9\nb1: ret 12345\n";
    EXPECT_EQ(Harness().run(text), c.wanted) << c.text;
  }
}

struct Decision {
  const char* test;  ///< of v0 = 12, v1 = 10, v2 = 12
  bool taken;
};

const Decision kDecisions[] = {
    {"v0 == 12", true}, {"v0 == v1", false},        {"v0 == v2", true},     {"v0 < 12", false},
    {"v1 < v0", true},  {"v0 <= 12", true},         {"v0 <= v1", false},    {"v0 & 4", true},
    {"v0 & 3", false},  {"v0 & v1", true},          {"v0 in table0", true}, {"v1 in table0", false},
    {"v3 < 1", false},  {"v3 == 0xffffffff", true},
};

TEST(Interpret, EachRelation) {
  for (const Decision& c : kDecisions) {
    const std::string text =
        "table0: u8 miss 0 {12}\nb0: v0 = const 12\nv1 = const 10\nv2 = const 12\nv3 = meta "
        "mark\nbr " +
        std::string(c.test) + " -> b1, b2\nb1: ret 1\nb2: ret 0\n";
    EXPECT_EQ(Harness().run(text), c.taken ? 1u : 0u) << c.test;
  }
}

TEST(Interpret, NeedsLookAtTheLengthOfTheirBase) {
  const auto passes = [](const std::string& place) {
    return Harness().run("b0: v0 = const 8\nv1 = const.u64 0xffffffffffffffff\nneed " + place +
                         " else b1\nret 1\nb1: ret v0\n") == 1;
  };
  EXPECT_TRUE(passes("8"));
  EXPECT_FALSE(passes("9"));
  EXPECT_TRUE(passes("th 4"));
  EXPECT_FALSE(passes("th 5"));
  EXPECT_TRUE(passes("v0 + 0"));
  EXPECT_FALSE(passes("v0 + 1"));
  EXPECT_FALSE(passes("v1 + 1"));  // 2^64 is far beyond the packet, not its beginning
}

TEST(Interpret, EachEnding) {
  EXPECT_EQ(Harness().run("b0: ret 0xffffffff\n"), ipjit_result(IPJIT_DONE, 0xffffffff));
  EXPECT_EQ(Harness().run("exits 4\nb0: exit 3\n"), ipjit_result(IPJIT_DONE, 3));
  EXPECT_EQ(Harness().run("resumes 4\nb0: resume 3\n"), ipjit_result(IPJIT_RESUME, 3));
  EXPECT_EQ(Harness().run("b0: pull 64\n"), ipjit_result(IPJIT_NEED_BYTES, 64));
  EXPECT_EQ(Harness().run("b0: v0 = const 65\npull v0\n"), ipjit_result(IPJIT_NEED_BYTES, 65));
}

TEST(Interpret, SwitchesGoToTheCaseOrElse) {
  for (uint32_t n : {0u, 1u, 2u, 3u}) {
    const std::string text = "b0: v0 = const " + std::to_string(n) +
                             "\nv1 = const 77\nswitch v0 {0 -> b1, 2 -> b2(v1)} else b3\n"
                             "b1: ret 10\nb2(v2: u32): ret v2\nb3: ret 30\n";
    EXPECT_EQ(Harness().run(text), n == 0 ? 10u : n == 2 ? 77u : 30u);
  }
}

TEST(Interpret, EdgesPassAllArgumentsAtOnce) {
  EXPECT_EQ(Harness().run("b0: v0 = const 1\nv1 = const 2\njump b1(v0, v1)\n"
                          "b1(v2: u32, v3: u32): jump b2(v3, v2)\n"
                          "b2(v4: u32, v5: u32): v6 = shl v4, 4\nv7 = or v6, v5\nret v7\n"),
            0x21u);
}

TEST(Interpret, EffectsAndCountersAreRecordedInOrder) {
  Harness harness;
  harness.run(
      "counters 4\nb0: effect 7\ncount 3\neffect 65535\ncount 3\ncount 0\njump b1\n"
      "b1: effect 1\nret 0\n");
  ASSERT_EQ(harness.actions.count, 3u);
  EXPECT_EQ(harness.actions.id[0], 7);
  EXPECT_EQ(harness.actions.id[1], 65535);
  EXPECT_EQ(harness.actions.id[2], 1);
  EXPECT_EQ(harness.counters[3], 2u);
  EXPECT_EQ(harness.counters[0], 1u);
}

TEST(Interpret, ContractSums) {
  const Result<Program> program = parse(
      "filter f\nb0: v0 = meta mark\nneed 1 else b2\neffect 1\nbr v0 == 1 -> b1, b3\n"
      "b1: effect 2\neffect 3\njump b3\nb2: effect 4\nret 0\nb3: effect 5\nret 0\n");
  ASSERT_TRUE(program);
  EXPECT_EQ(max_actions(*program), 4u);
  EXPECT_EQ(fields_read(*program), uint64_t{1} << IPJIT_FIELD_mark);
}

}  // namespace
}  // namespace ipjit::ir
