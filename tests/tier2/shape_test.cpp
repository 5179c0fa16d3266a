// SPDX-License-Identifier: BSD-2-Clause
// What the IR decided is what comes out: block order, returns, bytes; and what is refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ir/random_program.h"
#include "tests/tier1/native.h"
#include "tier2-llvm/tier2.h"

namespace ipjit::tier2 {
namespace {

using tier1::compiler_under_test;
using tier1::program_of;

constexpr const char* kTwoWays =
    "filter f\nb0: need 24 else b5\n    v0 = load_be16 12\n"
    "    br v0 == 0x800 -> b3, b1 ; src 3\nb1: v1 = load_u8 20\n    br v1 == 6 -> b2, b5\n"
    "b2: v2 = load_u8 21\n    br v2 < 9 -> b4, b5\nb3: v3 = load_u8 23\n    br v3 == 17 -> b4, b5\n"
    "b4: ret 7\nb5: ret 0\n";

ir::MachineCode compiled(const ir::Program& program, const arch::Target& target) {
  Result<ir::MachineCode> code = compiler_under_test().compile(program, target);
  if (!code) ADD_FAILURE() << to_string(code.error());
  return code ? *code : ir::MachineCode{};
}

TEST(Shape, BlocksLieInTheOrderOfTheIr) {
  for (const arch::Target& target : arch::targets()) {
    const ir::MachineCode code = compiled(program_of(kTwoWays), target);
    ASSERT_GE(code.marks.size(), 4u);
    EXPECT_TRUE(std::is_sorted(code.marks.begin(), code.marks.end(), [](auto& a, auto& b) {
      return a.offset < b.offset && a.block <= b.block;
    }));
    EXPECT_TRUE(std::any_of(code.marks.begin(), code.marks.end(),
                            [](auto& mark) { return mark.source == 3; }));
  }
}

TEST(Shape, AReturnHasRoomForAJump) {
  const ir::MachineCode code = compiled(program_of("filter f\nb0: ret 5\n"), arch::targets()[0]);
  ASSERT_GE(code.code_len, 5u);
  const std::vector<uint8_t> end(code.bytes.begin() + code.code_len - 5,
                                 code.bytes.begin() + code.code_len);
  EXPECT_EQ(end, (std::vector<uint8_t>{0xc3, 0xcc, 0xcc, 0xcc, 0xcc}));
}

TEST(Shape, TheSameProgramGivesTheSameBytes) {
  Tier2 other;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const ir::Program program = ir::random_program(seed);
    const arch::Target& target = arch::targets()[seed % arch::targets().size()];
    const Result<ir::MachineCode> again = other.compile(program, target);
    ASSERT_TRUE(again) << "seed " << seed;
    EXPECT_EQ(compiled(program, target).bytes, again->bytes) << "seed " << seed;
  }
}

TEST(Refusals, MoreThanACompileMayTake) {
  ir::Program program = program_of("filter f\nb0: ret 5\n");
  program.blocks.resize(kMaxProgramSize + 1, program.blocks[0]);
  const Result<ir::MachineCode> code = compiler_under_test().compile(program, arch::targets()[0]);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().stage, Stage::kTier2);
  EXPECT_EQ(code.error().code, Code::kTooLong);
}

TEST(Refusals, MoreValuesThanTheStackHolds) {
  std::string text = "filter f\nb0: need 200 else b1\n";
  for (int i = 0; i < 120; ++i)
    text += "    v" + std::to_string(i) + " = load_u8 " + std::to_string(i) + "\n";
  std::string last = "v0";
  for (int i = 1; i < 240; ++i) {
    const std::string next = "v" + std::to_string(200 + i);
    text += "    " + next + " = sub " + last + ", v" + std::to_string((i * 7) % 120) + "\n";
    last = next;
  }
  const Result<ir::MachineCode> code = compiler_under_test().compile(
      program_of(text + "    ret " + last + "\nb1: ret 0\n"), arch::targets()[0]);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Code::kTooLong);
  EXPECT_NE(code.error().why.find("the limit is 256"), std::string::npos) << code.error().why;
  EXPECT_NE(compiled(program_of(kTwoWays), arch::targets()[0]).code_len, 0u);
}

TEST(Text, IsLlvmsAndNamesOurBlocks) {
  const Result<std::string> text = emit_llvm_text(program_of(kTwoWays), arch::targets()[2]);
  ASSERT_TRUE(text);
  for (const char* part : {"target triple = \"x86_64-unknown-linux-gnu\"",
                           "b3:", "b5:", "icmp eq i32 %", "\"target-cpu\"=\"x86-64-v3\""})
    EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
}

}  // namespace
}  // namespace ipjit::tier2
