// SPDX-License-Identifier: BSD-2-Clause
// Which checks are asked early in kernel form: IR text in, IR text out.
#include <gtest/gtest.h>

#include "ir/kernel_form.h"
#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

Program parsed(const std::string& text) {
  Result<Program> program = parse(text);
  if (!program) ADD_FAILURE() << to_string(program.error()) << "\n" << text;
  if (program && validate(*program)) return *program;
  ADD_FAILURE() << text;
  return parse("filter f\nb0: ret 0\n").operator*();
}

/// The needs that are left, in order: "34, v1 + 18".
std::string needs_of(const std::string& text) {
  Program program = parsed(text);
  optimize_kernel_form(program);
  EXPECT_TRUE(validate(program)) << print(program);
  EXPECT_TRUE(is_kernel_form(program)) << print(program);
  std::string needs;
  for (const Block& block : program.blocks)
    for (const Insn& insn : program.insns_of(block))
      if (insn.op == Op::kNeed)
        needs += (needs.empty() ? "" : ", ") + std::string(insn.a == kNoValue ? "" : "v + ") +
                 std::to_string(insn.imm);
  return needs;
}

TEST(RaiseNeeds, OneCheckForAllThatSomeWayNeedsUpTo42) {
  EXPECT_EQ(needs_of("filter f\n"
                     "b0: need 14 else b6\n"
                     "    v0 = load_be16 12\n"
                     "    br v0 == 0x800 -> b1, b3\n"
                     "b1: need 34 else b6\n"
                     "    v1 = load_be32 30\n"
                     "    br v1 == 1 -> b4, b2\n"
                     "b2: need 42 else b6\n"
                     "    v2 = load_be32 38\n"
                     "    br v2 == 1 -> b4, b5\n"
                     "b3: need 58 else b6\n"
                     "    v3 = load_be16 56\n"
                     "    br v3 == 80 -> b4, b5\n"
                     "b4: ret 1\nb5: ret 0\nb6: pull 0\n"),
            "42, 58");
}

TEST(RaiseNeeds, NotBeforeALinkHeaderIsThere) {
  EXPECT_EQ(needs_of("filter f\n"
                     "b0: need 1 else b4\n"
                     "    v0 = load_u8 0\n"
                     "    br v0 == 7 -> b1, b2\n"
                     "b1: need 20 else b4\n"
                     "    v1 = load_be16 18\n"
                     "    br v1 == 8 -> b2, b3\n"
                     "b2: ret 1\nb3: ret 0\nb4: pull 0\n"),
            "1, 20");
}

TEST(RaiseNeeds, FurtherOnTwelveBytesAhead) {
  const auto needs = [](int second) {
    return needs_of(
        "filter f\n"
        "b0: need 56 else b4\n"
        "    v0 = load_be16 54\n"
        "    br v0 == 7 -> b2, b1\n"
        "b1: need " +
        std::to_string(second) +
        " else b4\n"
        "    v1 = load_u8 " +
        std::to_string(second - 1) +
        "\n"
        "    br v1 == 8 -> b2, b3\n"
        "b2: ret 1\nb3: ret 0\nb4: pull 0\n");
  };
  EXPECT_EQ(needs(58), "58");
  EXPECT_EQ(needs(68), "68");
  EXPECT_EQ(needs(69), "56, 69");
}

TEST(RaiseNeeds, BehindAnOffsetFromThePortsToTheFlags) {
  const auto needs = [](int second) {
    return needs_of(
        "filter f\n"
        "b0: need 15 else b4\n"
        "    v0 = load_u8 14\n"
        "    v1 = and v0, 15\n"
        "    v2 = shl v1, 2\n"
        "    need v2 + 16 else b4\n"
        "    v3 = load_be16 v2 + 14\n"
        "    br v3 == 80 -> b2, b1\n"
        "b1: need v2 + " +
        std::to_string(second) +
        " else b4\n"
        "    v4 = load_u8 v2 + " +
        std::to_string(second - 1) +
        "\n"
        "    br v4 == 2 -> b2, b3\n"
        "b2: ret 1\nb3: ret 0\nb4: pull 0\n");
  };
  EXPECT_EQ(needs(28), "16, v + 28");
  EXPECT_EQ(needs(29), "16, v + 16, v + 29");
}

TEST(RaiseNeeds, OnlyProgramsWithoutEffectsAreKernelForm) {
  EXPECT_TRUE(is_kernel_form(parsed("filter f\nb0: need 1 else b1\n    ret 1\nb1: pull 0\n")));
  EXPECT_FALSE(is_kernel_form(parsed("filter f\nb0: need 1 else b1\n    ret 1\nb1: ret 0\n")));
  EXPECT_FALSE(is_kernel_form(
      parsed("filter f\ncounters 1\nb0: count 0\n    need 1 else b1\n    ret 1\nb1: pull 0\n")));
}

}  // namespace
}  // namespace ipjit::ir
