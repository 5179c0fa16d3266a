// SPDX-License-Identifier: BSD-2-Clause
// Ends of runs, actions and counters; and what the contract says of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

std::vector<std::vector<uint8_t>> packets() { return {{}, {0}, {1, 2}, {2, 0}, {255, 255, 255}}; }

ir::MachineCode compiled(const std::string& text) {
  Result<ir::MachineCode> code =
      compiler_under_test().compile(program_of(text), arch::targets()[0]);
  if (!code) ADD_FAILURE() << to_string(code.error());
  return code ? *code : ir::MachineCode{};
}

TEST(Ends, ConstantsOfEveryKind) {
  for (const char* end : {"ret 0", "ret 1", "ret 0x80000000", "ret 0xffffffff", "pull 0", "pull 1",
                          "pull 0xffffffff", "resume 0", "resume 9"})
    expect_agreement(program_of(std::string("filter f\nresumes 10\nb0: ") + end + "\n"), packets());
  expect_agreement(program_of("filter f\nexits 0x10000\nb0: exit 0xffff\n"), packets());
}

TEST(Ends, ValuesOfEveryKind) {
  for (const char* end : {"ret", "pull"}) {
    expect_agreement(program_of(std::string("filter f\nb0: need 1 else b1\n    v0 = load_u8 0\n"
                                            "    v1 = mul v0, 0x01010101\n    ") +
                                end + " v1\nb1: ret 3\n"),
                     packets());
    expect_agreement(program_of(std::string("filter f\nb0: v0 = const 77\n    ") + end + " v0\n"),
                     packets());
  }
}

TEST(Ends, BothSidesReturnConstants) {
  for (const char* ends : {"ret 0\nb2: ret 1", "ret 1\nb2: ret 0", "ret 5\nb2: ret 5",
                           "resume 0\nb2: ret 1", "pull 6\nb2: pull 7", "ret 1\nb2: pull 1"})
    for (const char* test : {"==", "<", "<=", "&"})
      expect_agreement(
          program_of(std::string("filter f\nresumes 1\nb0: need 1 else b1\n    v0 = load_u8 0\n"
                                 "    br v0 ") +
                     test + " 1 -> b1, b2\nb1: " + ends + "\n"),
          packets());
}

TEST(Ends, ManyDifferentOnes) {
  std::string text =
      "filter f\nexits 300\nb0: need 1 else b299\n    v0 = load_u8 0\n    switch v0 {";
  for (int i = 0; i < 256; ++i)
    text += (i ? ", " : "") + std::to_string(i) + " -> b" + std::to_string(1 + i);
  text += "} else b1\n";
  for (int i = 1; i < 300; ++i)
    text += "b" + std::to_string(i) + ": exit " + std::to_string(i % 7 == 0 ? 7 : i) + "\n";
  std::vector<std::vector<uint8_t>> all = {{}};
  for (int i = 0; i < 256; ++i) all.push_back({static_cast<uint8_t>(i)});
  expect_agreement(program_of(text), all);
}

TEST(Ends, ReturnsAreFiveBytes) {
  const ir::MachineCode code = compiled("filter f\nb0: need 1 else b1\n    ret 1\nb1: ret 0\n");
  const std::vector<uint8_t> slot = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
  const auto end = code.bytes.begin() + code.code_len;
  const auto first = std::search(code.bytes.begin(), end, slot.begin(), slot.end());
  ASSERT_NE(first, end);
  EXPECT_NE(std::search(first + 5, end, slot.begin(), slot.end()), end);
  EXPECT_TRUE(std::equal(slot.begin(), slot.end(), end - 5));
}

TEST(Actions, AsManyAsThereMayBe) {
  std::string text = "filter f\nexits 1\nb0: ";
  for (int i = 0; i < IPJIT_MAX_ACTIONS; ++i)
    text += "    effect " + std::to_string(i * 1000) + "\n";
  expect_agreement(program_of(text + "    exit 0\n"), packets());
  EXPECT_EQ(compiled(text + "    exit 0\n").contract.actions, uint32_t{IPJIT_MAX_ACTIONS});
}

TEST(Actions, DependOnThePath) {
  expect_agreement(program_of("filter f\nexits 3\nb0: need 1 else b4\n    v0 = load_u8 0\n"
                              "    br v0 == 1 -> b1, b2\nb1: effect 1\n    effect 2\n    jump b2\n"
                              "b2: need 2 else b5\n    effect 3\n    v1 = load_u8 1\n"
                              "    br v1 & 2 -> b3, b4\nb3: effect 4\n    exit 1\nb4: exit 0\n"
                              "b5: exit 2\n"),
                   packets());
}

TEST(Actions, CountIsWrittenEvenIfThereAreNone) {
  const ir::Program program =
      program_of("filter f\nb0: need 1 else b1\n    effect 5\n    ret 1\nb1: ret 0\n");
  const Native native(program, arch::targets()[0]);
  ASSERT_TRUE(native.ok());
  ipjit_actions actions = {};
  actions.count = 99;
  ipjit_ctx ctx = {};
  ctx.actions = &actions;
  native.run({}, ctx);
  EXPECT_EQ(actions.count, 0u);
}

TEST(Counters, EachIsItsOwn) {
  std::string text =
      "filter f\ncounters 64\nb0: need 1 else b1\n    count 0\n    count 63\n"
      "    count 63\n    ret 1\nb1: count 17\n    ret 0\n";
  expect_agreement(program_of(text), packets());
  EXPECT_EQ(compiled(text).contract.counters, 64u);
}

TEST(Contract, DeclaresWhatTheProgramUses) {
  const ir::MachineCode plain = compiled("filter f\nb0: need 1 else b1\n    ret 1\nb1: ret 0\n");
  EXPECT_EQ(plain.contract.abi, uint32_t{IPJIT_ABI_VERSION});
  EXPECT_EQ(plain.contract.bases, uint32_t{IPJIT_BASE_DATA});
  EXPECT_EQ(plain.contract.fields, 0u);
  EXPECT_EQ(plain.contract.actions, 0u);
  EXPECT_EQ(plain.contract.stack_bytes, 0u);
  EXPECT_EQ(plain.contract.nr_tables, 0u);
  const ir::MachineCode much = compiled(
      "filter f\nexits 4\nresumes 2\nb0: need th 1 else b1\n    v0 = meta mark\n    effect 1\n"
      "    br v0 == 1 -> b1, b2\nb1: exit 3\nb2: resume 1\n");
  EXPECT_EQ(much.contract.bases, uint32_t{IPJIT_BASE_DATA | IPJIT_BASE_TH});
  EXPECT_EQ(much.contract.fields, uint64_t{1} << IPJIT_FIELD_mark);
  EXPECT_EQ(much.contract.actions, 1u);
  EXPECT_EQ(much.contract.exits, 4u);
  EXPECT_EQ(much.contract.resumes, 2u);
}

TEST(Marks, LeadFromCodeToSource) {
  const ir::MachineCode code = compiled(
      "filter f\nb0: need 14 else b2 ; src 0\n    v0 = load_be16 12 ; src 0\n"
      "    br v0 == 0x800 -> b1, b2 ; src 1\nb1: v1 = load_u8 0 ; src 2\n"
      "    ret v1 ; src 3\nb2: ret 0 ; src 4\n");
  ASSERT_FALSE(code.marks.empty());
  EXPECT_EQ(code.marks.front().offset, 0u);
  for (size_t i = 1; i < code.marks.size(); ++i)
    EXPECT_LT(code.marks[i - 1].offset, code.marks[i].offset);
  const auto has = [&](uint32_t block, uint32_t source) {
    return std::any_of(code.marks.begin(), code.marks.end(), [&](const ir::SourceMark& mark) {
      return mark.block == block && mark.source == source && mark.offset < code.code_len;
    });
  };
  EXPECT_TRUE(has(0, 0));
  EXPECT_TRUE(has(0, 1));
  EXPECT_TRUE(has(1, 2));
  EXPECT_TRUE(has(1, 3));
  EXPECT_TRUE(has(2, 4));
}

TEST(Blocks, ThoseThatNothingLeadsToGetNoCode) {
  const ir::Program program = program_of(
      "filter f\nb0: need 0x100000000 else b2\n    v0 = load_u8 5\n    jump b1\n"
      "b1: ret v0\nb2: ret 4\n");
  expect_agreement(program, packets());
  EXPECT_LE(Native(program, arch::targets()[0]).code().code_len, 10u);
}

}  // namespace
}  // namespace ipjit::tier1
