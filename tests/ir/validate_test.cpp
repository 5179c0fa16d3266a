// SPDX-License-Identifier: BSD-2-Clause
// One program for each thing that validate() refuses, and the near misses that it accepts.
#include "ir/validate.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace ipjit::ir {
namespace {

Program program_of(const std::string& body) {
  Result<Program> program = parse("filter f\n" + body);
  EXPECT_TRUE(program) << to_string(program.error()) << "\n" << body;
  return program ? std::move(*program) : Program();
}

struct Refused {
  const char* about;
  const char* text;
  Code code;
  uint64_t block;
};

const Refused kRefused[] = {
    {"a jump to itself", "b0: jump b0\n", Code::kNotAcyclic, 0},
    {"a jump back", "b0: jump b1\nb1: br v0 == 0 -> b0, b2\nb2: ret 0\n", Code::kUndefinedValue, 1},
    {"a need that fails back", "b0: jump b1\nb1: need 4 else b1\n ret 0\n", Code::kNotAcyclic, 1},
    {"a block that is not there", "b0: jump b1\n", Code::kBadId, 0},
    {"an else block that is not there", "b0: need 1 else b9\n ret 0\n", Code::kBadId, 0},
    {"a value that is never defined", "b0: ret v0\n", Code::kUndefinedValue, 0},
    {"a use before the definition", "b0: v0 = add v1, 1\n v1 = const 1\n ret v0\n",
     Code::kUndefinedValue, 0},
    {"a value from one of two paths",
     "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: v1 = const 1\n jump b2\nb2: ret v1\n",
     Code::kUndefinedValue, 2},
    {"a value defined behind the need, used in its else block",
     "b0: need 1 else b1\n v0 = load_u8 0\n ret v0\nb1: ret v0\n", Code::kUndefinedValue, 1},
    {"an argument from the other path",
     "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: v1 = const 1\n ret 0\nb2: jump b3(v1)\n"
     "b3(v2: u32): ret v2\n",
     Code::kUndefinedValue, 2},
    {"a 64-bit operand among 32 bits",
     "b0: v0 = const 1\n v1 = const.u64 1\n v2 = add v0, v1\n ret v2\n", Code::kTypeMismatch, 0},
    {"a constant wider than its type", "b0: v0 = const 0x100000000\n ret v0\n", Code::kTypeMismatch,
     0},
    {"an operand wider than its type", "b0: v0 = meta mark\n v1 = and v0, 0x100000000\n ret v1\n",
     Code::kTypeMismatch, 0},
    {"zext of 64 bits", "b0: v0 = const.u64 1\n v1 = zext v0\n ret 0\n", Code::kTypeMismatch, 0},
    {"trunc of 32 bits", "b0: v0 = const 1\n v1 = trunc v0\n ret v1\n", Code::kTypeMismatch, 0},
    {"a 64-bit verdict", "b0: v0 = const.u64 1\n ret v0\n", Code::kTypeMismatch, 0},
    {"a verdict of 33 bits", "b0: ret 0x100000000\n", Code::kTypeMismatch, 0},
    {"a comparison with a wide number",
     "b0: v0 = const 1\n br v0 < 0x100000000 -> b1, b1\nb1: ret 0\n", Code::kTypeMismatch, 0},
    {"a comparison of two types",
     "b0: v0 = const 1\n v1 = const.u64 1\n br v0 < v1 -> b1, b1\nb1: ret 0\n", Code::kTypeMismatch,
     0},
    {"too few arguments", "b0: jump b1\nb1(v0: u32): ret v0\n", Code::kTypeMismatch, 0},
    {"an argument of another type", "b0: v0 = const.u64 1\n jump b1(v0)\nb1(v1: u32): ret v1\n",
     Code::kTypeMismatch, 0},
    {"an else block with parameters", "b0: need 1 else b1\n ret 0\nb1(v0: u32): ret v0\n",
     Code::kTypeMismatch, 0},
    {"parameters of the entry", "b0(v0: u32): ret v0\n", Code::kTypeMismatch, 0},
    {"a load without a need", "b0: v0 = load_u8 0\n ret v0\n", Code::kUncheckedLoad, 0},
    {"a need that is a byte short", "b0: need 13 else b1\n v0 = load_be16 12\n ret v0\nb1: ret 0\n",
     Code::kUncheckedLoad, 0},
    {"a need of the other base", "b0: need th 14 else b1\n v0 = load_be16 12\n ret v0\nb1: ret 0\n",
     Code::kUncheckedLoad, 0},
    {"a load in the else block", "b0: need 14 else b1\n ret 1\nb1: v0 = load_u8 0\n ret v0\n",
     Code::kUncheckedLoad, 1},
    {"a need on one of two paths",
     "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: need 4 else b3\n jump b2\n"
     "b2: v1 = load_u8 0\n ret v1\nb3: ret 0\n",
     Code::kUncheckedLoad, 2},
    {"a need with another value",
     "b0: v0 = meta mark\n v1 = meta cpu\n need v0 + 4 else b1\n v2 = load_u8 v1 + 0\n ret v2\n"
     "b1: ret 0\n",
     Code::kUncheckedLoad, 0},
    {"a need with a value in a sibling",
     "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: need v0 + 4 else b2\n ret 0\n"
     "b2: v1 = load_u8 v0 + 0\n ret v1\n",
     Code::kUncheckedLoad, 2},
    {"a constant need for a load with a value",
     "b0: v0 = meta mark\n need 400 else b1\n v1 = load_u8 v0 + 0\n ret v1\nb1: ret 0\n",
     Code::kUncheckedLoad, 0},
    {"a table that is not there", "b0: v0 = meta mark\n v1 = find table0, v0\n ret v1\n",
     Code::kBadId, 0},
    {"a branch on a table that is not there",
     "b0: v0 = meta mark\n br v0 in table0 -> b1, b1\nb1: ret 0\n", Code::kBadId, 0},
    {"an exit in a filter without exits", "b0: exit 0\n", Code::kBadId, 0},
    {"an exit too high", "exits 2\nb0: exit 2\n", Code::kBadId, 0},
    {"a ret in a chain", "exits 2\nb0: ret 0\n", Code::kBadId, 0},
    {"a resume point too high", "resumes 2\nb0: resume 2\n", Code::kBadId, 0},
    {"a counter too high", "counters 2\nb0: count 2\n ret 0\n", Code::kBadId, 0},
    {"an effect of 17 bits", "b0: effect 0x10000\n ret 0\n", Code::kBadId, 0},
    {"too many counters", "counters 65\nb0: ret 0\n", Code::kTooLong, 0},
    {"a place too far", "b0: need 0x400000001 else b1\n ret 0\nb1: ret 0\n", Code::kTooLong, 0},
    {"keys that do not ascend", "table0: u32 miss 0 {2, 1}\nb0: ret 0\n", Code::kBadId, 0},
    {"a key twice", "table0: u32 miss 0 {2, 2}\nb0: ret 0\n", Code::kBadId, 0},
    {"a key that maps to the miss value", "table0: u32 miss 1 {2}\nb0: ret 0\n", Code::kBadId, 0},
    {"a key wider than the table's", "table0: u8 miss 0 {0x100}\nb0: ret 0\n", Code::kTypeMismatch,
     0},
    {"a table of 24-bit keys", "table0: u24 miss 0 {}\nb0: ret 0\n", Code::kTypeMismatch, 0},
    {"cases that do not ascend",
     "b0: v0 = meta mark\n switch v0 {1 -> b1, 0 -> b1} else b1\nb1: ret 0\n", Code::kBadId, 0},
    {"a case wider than the value",
     "b0: v0 = meta mark\n switch v0 {0x100000000 -> b1} else b1\nb1: ret 0\n", Code::kTypeMismatch,
     0},
};

TEST(Validate, RefusesWhatIsNoProgram) {
  for (const Refused& c : kRefused) {
    const Status status = validate(program_of(c.text));
    ASSERT_FALSE(status) << c.about << "\n" << c.text;
    EXPECT_EQ(status.error().code, c.code) << c.about << ": " << to_string(status.error());
    EXPECT_EQ(status.error().at, c.block) << c.about << ": " << to_string(status.error());
    EXPECT_EQ(status.error().stage, Stage::kIr);
  }
}

const char* const kAccepted[] = {
    "b0: ret 0\n",
    // The else block sees what stands before the need.
    "b0: v0 = meta mark\n need 1 else b1\n ret 0\nb1: ret v0\n",
    // Both ways need enough, each in its own words.
    "b0: v0 = meta mark\n br v0 == 0 -> b1, b2\nb1: need 4 else b4\n jump b3\n"
    "b2: need 9 else b4\n jump b3\nb3: v1 = load_be32 0\n ret v1\nb4: ret 0\n",
    // A need with a value is also one of its constant part: no value is negative.
    "b0: v0 = meta mark\n need v0 + 4 else b1\n v1 = load_be32 0\n v2 = load_u8 v0 + 3\n ret v2\n"
    "b1: ret 0\n",
    // The smaller need inside does not hide the larger one outside.
    "b0: v0 = meta mark\n need v0 + 9 else b1\n need v0 + 2 else b1\n v1 = load_be64 v0 + 1\n"
    " need v0 + 8 else b1\n br v0 == 0 -> b2, b1\nb1: ret 0\nb2: v2 = load_u8 v0 + 8\n ret v2\n",
    // A block without a way to it.
    "b0: ret 0\nb1: v0 = const 1\n jump b2(v0)\nb2(v1: u32): ret v1\n",
    "exits 1\nresumes 1\ncounters 1\nb0: need th 4 else b1\n v0 = load_be16 th 2\n count 0\n"
    " effect 65535\n br v0 == 0 -> b1, b2\nb1: resume 0\nb2: exit 0\n",
};

TEST(Validate, AcceptsWhatIsOne) {
  for (const char* text : kAccepted) {
    const Status status = validate(program_of(text));
    EXPECT_TRUE(status) << to_string(status.error()) << "\n" << text;
  }
}

TEST(Validate, RefusesAnEmptyProgram) {
  const Status status = validate(Program());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kEmpty);
}

TEST(Validate, RefusesAValueDefinedTwice) {
  Program program = program_of("b0: v0 = const 1\n v1 = const 2\n ret v1\n");
  program.insns[1].result = ValueId{0};
  program.blocks[0].term.a = ValueId{0};
  const Status status = validate(program);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUndefinedValue);
}

TEST(Validate, RefusesPoolsThatAreTooSmall) {
  const Program good =
      program_of("b0: v0 = meta mark\n switch v0 {1 -> b1(v0)} else b1(v0)\nb1(v1: u32): ret v1\n");
  ASSERT_TRUE(validate(good));
  const auto refused = [&](auto spoil) {
    Program bad = good;
    spoil(bad);
    return !validate(bad);
  };
  EXPECT_TRUE(refused([](Program& p) { p.insns.clear(); }));
  EXPECT_TRUE(refused([](Program& p) { p.params.clear(); }));
  EXPECT_TRUE(refused([](Program& p) { p.cases.clear(); }));
  EXPECT_TRUE(refused([](Program& p) { p.edge_args.clear(); }));
  EXPECT_TRUE(refused([](Program& p) { p.values.resize(1); }));
  EXPECT_TRUE(refused([](Program& p) { p.blocks[0].first = 0xffffffff; }));
  EXPECT_TRUE(refused([](Program& p) { p.insns[0].op = static_cast<Op>(200); }));
  EXPECT_TRUE(refused([](Program& p) { p.blocks[0].term.kind = static_cast<TermKind>(9); }));
  EXPECT_TRUE(refused([](Program& p) { p.values[0] = static_cast<Type>(9); }));
}

TEST(Validate, RefusesMoreEffectsThanTheActionListHolds) {
  std::string text = "b0:\n";
  for (uint32_t i = 0; i < IPJIT_MAX_ACTIONS; ++i) text += " effect 1\n";
  EXPECT_TRUE(validate(program_of(text + " ret 0\n")));
  const Status status = validate(program_of(text + " effect 1\n ret 0\n"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kTooLong);
}

TEST(Validate, JoinsOfLongChainsCostLittle) {
  // Each block can leave to the one `ret` at the end; a walk up the tree for each would take
  // 200,000 * 100,000 steps.
  std::string text = "b0: v0 = meta mark\n jump b1\n";
  constexpr int kBlocks = 200000;
  for (int i = 1; i < kBlocks; ++i)
    text += "b" + std::to_string(i) + ": br v0 == " + std::to_string(i) + " -> b" +
            std::to_string(kBlocks) + ", b" + std::to_string(i + 1) + "\n";
  text += "b" + std::to_string(kBlocks) + ": ret v0\n";
  EXPECT_TRUE(validate(program_of(text)));
}

}  // namespace
}  // namespace ipjit::ir
