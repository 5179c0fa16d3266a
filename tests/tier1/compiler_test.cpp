// SPDX-License-Identifier: BSD-2-Clause
// What tier 1 refuses, and that it goes on afterwards.
#include <gtest/gtest.h>

#include "ir/validate.h"
#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::tier1 {
namespace {

TEST(Compiler, RefusesMoreValuesThanTheStackHolds) {
  std::string text = "filter f\nb0: need 4 else b1\n    v0 = load_be32 0\n";
  for (int i = 1; i < 60; ++i)
    text += "    v" + std::to_string(i) + " = add v0, " + std::to_string(i) + "\n";
  std::string sum = "v0";
  for (int i = 1; i < 60; ++i) {
    text += "    v" + std::to_string(100 + i) + " = xor " + sum + ", v" + std::to_string(i) + "\n";
    sum = "v" + std::to_string(100 + i);
  }
  const ir::Program program = program_of(text + "    ret " + sum + "\nb1: ret 0\n");
  Tier1 tier;
  const Result<ir::MachineCode> code = tier.compile(program, arch::targets()[0]);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Code::kTooLong);
  EXPECT_NE(code.error().why.find("256 bytes of stack"), std::string::npos) << code.error().why;
}

TEST(Compiler, IsReusedAfterARefusal) {
  Tier1 tier;
  std::string text = "filter f\nb0: need 1 else b1\n    v0 = load_u8 0\n";
  std::string sum = "v0";
  for (int i = 1; i < 80; ++i)
    text += "    v" + std::to_string(i) + " = mul v0, " + std::to_string(i) + "\n";
  for (int i = 1; i < 80; ++i) {
    text += "    v" + std::to_string(i + 100) + " = xor v" + std::to_string(i) + ", " + sum + "\n";
    sum = "v" + std::to_string(i + 100);
  }
  EXPECT_FALSE(
      tier.compile(program_of(text + "    ret " + sum + "\nb1: ret 0\n"), arch::targets()[0]));
  const ir::Program good = program_of("filter f\nb0: ret 5\n");
  const Result<ir::MachineCode> code = tier.compile(good, arch::targets()[0]);
  ASSERT_TRUE(code);
  EXPECT_EQ(code->bytes, Native(good, arch::targets()[0]).code().bytes);
}

TEST(Compiler, RefusesCodeThatIsTooLong) {
  std::string text =
      "filter f\nb0: need 0x70000 else b1\n    v0 = const 0\n    jump b2(v0)\nb1: ret 0\n";
  ir::Program program = program_of(text + "b2(v1: u32): ret v1\n");
  ASSERT_EQ(program.blocks.size(), 3u);
  // One block of 200,000 loads and additions, built directly: as text it would take seconds.
  ir::Block& last = program.blocks.back();
  last.first = static_cast<uint32_t>(program.insns.size());
  ir::ValueId sum = program.params[last.params];
  for (uint32_t i = 0; i < 200'000; ++i) {
    const ir::ValueId loaded = program.add_value(ir::Type::kU32);
    const ir::ValueId next = program.add_value(ir::Type::kU32);
    program.insns.push_back(
        {.op = ir::Op::kLoad8, .type = ir::Type::kU32, .result = loaded, .imm = i});
    program.insns.push_back(
        {.op = ir::Op::kAdd, .type = ir::Type::kU32, .result = next, .a = sum, .b = loaded});
    sum = next;
  }
  last.count = static_cast<uint32_t>(program.insns.size()) - last.first;
  last.term.a = sum;
  ASSERT_TRUE(ir::validate(program));
  Tier1 tier;
  const Result<ir::MachineCode> code = tier.compile(program, arch::targets()[0]);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().stage, Stage::kTier1);
  EXPECT_EQ(code.error().code, Code::kTooLong);
  EXPECT_NE(code.error().why.find("the limit is 1048576"), std::string::npos) << code.error().why;
}

}  // namespace
}  // namespace ipjit::tier1
