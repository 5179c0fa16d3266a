// SPDX-License-Identifier: BSD-2-Clause
// The text form: what prints parses back, and what is wrong is refused at its line.
#include "ir/text.h"

#include <gtest/gtest.h>

namespace ipjit::ir {
namespace {

constexpr const char* kEverything = R"(filter all words; even this
exits 5
resumes 2
counters 1
table0: u32 miss 0 {1, 0xa000001 = 7}
table1: u64 miss 9 {}
b0: need 14 else b4                     ; src 0
    need th 20 else b4
    v0 = load_be16 12                   ; src 1
    v1 = load_le16 12
    v2 = load_u8 th 13
    v3 = meta protocol
    need v0 + 18 else b4
    v4 = load_be32 v0 + 14
    v5 = load_le32 v0 + 14
    v6 = load_be64 4
    v7 = load_le64 4
    v8 = const 0x800
    v9 = const.u64 5
    v10 = add v4, v5
    v11 = sub v4, 4
    v12 = mul v6, v7
    v13 = div v6, 3
    v14 = mod v4, 3
    v15 = and v4, 0xffff00
    v16 = or v4, 1
    v17 = xor v4, v5
    v18 = shl v4, 2
    v19 = shr v4, 2
    v20 = neg v4
    v21 = bswap v4
    v22 = zext v4
    v23 = trunc v6
    v24 = find table0, v4
    effect 7
    count 0
    br v0 == 0x800 -> b1, b2(v4, v6)    ; src 2
b1: br v4 in table0 -> b3, b2(v5, v7)
b2(v25: u32, v26: u64): switch v25 {0 -> b3, 1 -> b4, 0x12345 -> b5} else b6
b3: exit 3
b4: resume 0
b5: pull 64
b6: br v0 < v1 -> b7, b8
b7: br v0 <= 4 -> b8, b9
b8: jump b9
b9: br v0 & 4 -> b10, b11
b10: pull v25
b11: exit 0                             ; src 9
)";

TEST(Text, EveryWordPrintsAsItWasRead) {
  const Result<Program> program = parse(kEverything);
  ASSERT_TRUE(program) << to_string(program.error());
  EXPECT_EQ(print(*program), kEverything);
  EXPECT_EQ(program->name, "all words; even this");
  EXPECT_EQ(program->exits, 5u);
  EXPECT_EQ(program->insns[0].source, 0u);
  EXPECT_EQ(program->insns[1].source, kNoSource);
}

TEST(Text, ParsedTwiceIsTheSameProgram) {
  const Result<Program> once = parse(kEverything);
  ASSERT_TRUE(once);
  const Result<Program> twice = parse(print(*once));
  ASSERT_TRUE(twice);
  EXPECT_EQ(*once, *twice);
}

TEST(Text, ValuesAreRenumberedInOrderOfAppearance) {
  const Result<Program> program = parse(
      "filter f\n"
      "b0: v90 = const 1 ; not a source\n"
      "\n"
      "    ; a line of its own\n"
      "    v7 = const 0x2\n"
      "    v8 = add v90,\n v7\n");
  EXPECT_FALSE(program);  // a line goes on only inside () and {}
  const Result<Program> good = parse(
      "filter f\r\nb0:\n v90 = const 1\n\n v7 = const 0x2\n v8 = add v90, v7\n br v8 == 3 -> b1(\n"
      "v7), b1(v8)\nb1(v1: u32): ret v1");
  ASSERT_TRUE(good) << to_string(good.error());
  EXPECT_EQ(print(*good),
            "filter f\n"
            "b0: v0 = const 1\n"
            "    v1 = const 2\n"
            "    v2 = add v0, v1\n"
            "    br v2 == 3 -> b1(v1), b1(v2)\n"
            "b1(v3: u32): ret v3\n");
}

TEST(Text, LongTablesAreWrapped) {
  std::string text = "filter f\ntable0: u16 miss 0 {0";
  for (int i = 1; i < 20; ++i) text += ", " + std::to_string(i);
  text += "}\nb0: ret 0\n";
  const Result<Program> program = parse(text);
  ASSERT_TRUE(program);
  EXPECT_NE(print(*program).find("7,\n    8, "), std::string::npos);
  const Result<Program> again = parse(print(*program));
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, *program);
}

TEST(Text, PrintsWhatIsNoProgram) {
  Program program;
  program.blocks.resize(1);
  program.blocks[0].count = 3;
  program.blocks[0].term.kind = TermKind::kBranch;
  program.insns.push_back(Insn{.op = Op::kAdd});
  program.insns.push_back(Insn{.op = Op::kMeta, .imm = 999});
  EXPECT_EQ(print(program),
            "filter bpf\n"
            "b0: add v?, 0\n"
            "    meta ?\n"
            "    br v? == 0 -> b?, b?\n");
}

struct Wrong {
  const char* text;
  uint64_t line;
  const char* why;
};

TEST(Text, RefusesAtTheLine) {
  const Wrong cases[] = {
      {"", 1, "`filter` is wanted, not `end of text`"},
      {"filter f\n", 2, "a block is wanted"},
      {"filter f\nb1: ret 0\n", 2, "`b0:` is wanted"},
      {"filter f\nb0: ret 0\nb0: ret 0\n", 3, "`b1:` is wanted"},
      {"filter f\nb0: v0 = load 12\n", 2, "an instruction is wanted, not `load`"},
      {"filter f\nb0:\n need else b1\n", 3, "`vN` is wanted, not `else`"},
      {"filter f\nb0: need 14\nb1: ret 0\n", 2, "`else` is wanted, not `end of line`"},
      {"filter f\nb0: v0 = add 1, 2\n", 2, "`vN` is wanted, not `1`"},
      {"filter f\nb0: v0 = const 1\n v0 = const 2\n ret 0\n", 3, "defined twice"},
      {"filter f\nb0: const 1\n ret 0\n", 2, "const gives a value"},
      {"filter f\nb0: v0 = effect 1\n ret 0\n", 2, "effect gives no value"},
      {"filter f\nb0: ret 0 0\n", 2, "end of line is wanted"},
      {"filter f\nb0: ret 99999999999999999999\n", 2, "a number is wanted"},
      {"filter f\nb0: ret 0x\n", 2, "a number is wanted"},
      {"filter f\nb0: jump b1(v0: u32)\n", 2, "`)` is wanted"},
      {"filter f\nb0(v0: u16): ret 0\n", 2, "`u32` or `u64` is wanted"},
      {"filter f\nb0: br v0 > 1 -> b1, b2\n", 2, "a relation is wanted"},
      {"filter f\nb0: v0 = meta nothing\n", 2, "a field of the context is wanted"},
      {"filter f\ntable1: u32 miss 0 {}\n", 2, "`b0:` is wanted"},
      {"filter f\ntable0: u32 miss 0 {1\n", 3, "`}` is wanted"},
      {"filter f\nexits x\n", 2, "a number of 32 bits is wanted"},
      {"filter f\nb0: ret $\n", 2, "a number is wanted, not `$`"},
  };
  for (const Wrong& c : cases) {
    const Result<Program> program = parse(c.text);
    ASSERT_FALSE(program) << c.text;
    EXPECT_EQ(program.error().code, Code::kSyntax) << c.text;
    EXPECT_EQ(program.error().at, c.line) << c.text << to_string(program.error());
    EXPECT_NE(program.error().why.find(c.why), std::string::npos)
        << c.text << to_string(program.error());
  }
}

TEST(Text, RefusesMoreThanSixteenMebibytes) {
  const Result<Program> program = parse(std::string((size_t{16} << 20) + 1, ' '));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, Code::kTooLong);
}

}  // namespace
}  // namespace ipjit::ir
