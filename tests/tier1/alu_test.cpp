// SPDX-License-Identifier: BSD-2-Clause
// Every arithmetic op, both widths, with values, immediates and constants, on operands at the
// edges.
#include <gtest/gtest.h>

#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

constexpr uint64_t kEdges[] = {0,          1,          2,          3,          31,
                               32,         33,         63,         64,         65,
                               0xff,       0x100,      0xffff,     0x10000,    0x7fffffff,
                               0x80000000, 0xfffffffe, 0xffffffff, 1ull << 32, 0x123456789abcdef0,
                               ~0ull >> 1, 1ull << 63, ~0ull};

std::vector<uint8_t> big_endian(std::initializer_list<uint64_t> words) {
  std::vector<uint8_t> out;
  for (uint64_t word : words)
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(word >> shift));
  return out;
}

/// Every pair of edges as one packet of 16 bytes; only whole ones are interesting here.
std::vector<std::vector<uint8_t>> pairs() {
  std::vector<std::vector<uint8_t>> out;
  for (uint64_t a : kEdges)
    for (uint64_t b : kEdges) out.push_back(big_endian({a, b}));
  return out;
}

/// A program that computes `lines` from v0 and v1, and answers with all bits of v9.
std::string program_around(bool wide, const std::string& lines) {
  const std::string loads = wide ? "    v0 = load_be64 0\n    v1 = load_be64 8\n"
                                 : "    v0 = load_be32 4\n    v1 = load_be32 12\n";
  const std::string answer = wide ? "    v190 = shr v9, 32\n    v191 = xor v9, v190\n"
                                    "    v192 = trunc v191\n    ret v192\n"
                                  : "    ret v9\n";
  return "filter alu\nb0: need 16 else b1\n" + loads + lines + answer + "b1: ret 77\n";
}

void expect_agreement_on_pairs(const std::string& text) {
  const ir::Program program = program_of(text);
  const std::vector<std::vector<uint8_t>> packets = pairs();
  GuardedBytes guarded;
  for (const arch::Target* target : targets_under_test()) {
    const Native native(program, *target);
    ASSERT_TRUE(native.ok());
    for (const std::vector<uint8_t>& packet : packets) {
      const std::span<const uint8_t> data = guarded.hold(packet);
      ASSERT_EQ(outcome_of_native(native, program, data, {}),
                outcome_of_interpreter(program, data, {}))
          << target->name << ", " << testing::PrintToString(packet) << "\n"
          << text;
    }
  }
}

class Binary : public testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  std::string op() const { return std::get<0>(GetParam()); }
  bool wide() const { return std::get<1>(GetParam()); }
  bool fits(uint64_t n) const { return wide() || n <= UINT32_MAX; }

  /// result = op operands; tests give 32 bits whatever they compare.
  std::string line(const std::string& result, const std::string& operands) const {
    const bool test = ir::is_test(
        program_of("filter f\nb0: v0 = meta mark\n    v1 = " + op() + " v0, v0\n    ret v1\n")
            .insns[1]
            .op);
    if (!wide() || !test) return "    " + result + " = " + op() + " " + operands + "\n";
    return "    v8 = " + op() + " " + operands + "\n    " + result + " = zext v8\n";
  }
};

TEST_P(Binary, TwoValues) {
  expect_agreement_on_pairs(program_around(wide(), line("v9", "v0, v1")));
}

TEST_P(Binary, BothOperandsStayAlive) {
  expect_agreement_on_pairs(
      program_around(wide(), line("v2", "v0, v1") + "    v3 = xor v0, v2\n    v9 = add v3, v1\n"));
}

TEST_P(Binary, TheSecondOperandsRegisterIsFree) {
  // v0 is used later, so the result can only take the place of v1.
  expect_agreement_on_pairs(program_around(wide(), line("v2", "v0, v1") + "    v9 = add v2, v0\n"));
}

TEST_P(Binary, WithItself) {
  expect_agreement_on_pairs(program_around(wide(), line("v9", "v0, v0")));
}

TEST_P(Binary, Immediates) {
  for (uint64_t imm : kEdges) {
    if (!fits(imm)) continue;
    const std::string operands = "v0, " + std::to_string(imm);
    expect_agreement_on_pairs(program_around(wide(), line("v9", operands)));
    expect_agreement_on_pairs(
        program_around(wide(), line("v2", operands) + "    v9 = xor v2, v0\n"));
  }
}

TEST_P(Binary, ConstantsAsValues) {
  for (uint64_t imm : kEdges) {
    if (!fits(imm)) continue;
    const std::string constant =
        "    v2 = const" + std::string(wide() ? ".u64 " : " ") + std::to_string(imm) + "\n";
    expect_agreement_on_pairs(program_around(wide(), constant + line("v9", "v0, v2")));
    expect_agreement_on_pairs(program_around(wide(), constant + line("v9", "v2, v1")));
    expect_agreement_on_pairs(program_around(wide(), constant + line("v9", "v2, v2")));
  }
}

INSTANTIATE_TEST_SUITE_P(Alu, Binary,
                         testing::Combine(testing::Values("add", "sub", "mul", "div", "mod", "and",
                                                          "or", "xor", "shl", "shr", "eq", "ne",
                                                          "lt", "le", "any"),
                                          testing::Bool()),
                         [](const auto& info) {
                           return std::get<0>(info.param) +
                                  (std::get<1>(info.param) ? "_u64" : "_u32");
                         });

TEST(Alu, UnaryOps) {
  for (bool wide : {false, true})
    for (const char* op : {"neg", "bswap"}) {
      expect_agreement_on_pairs(program_around(wide, "    v9 = " + std::string(op) + " v0\n"));
      expect_agreement_on_pairs(
          program_around(wide, "    v2 = " + std::string(op) + " v0\n    v9 = sub v2, v0\n"));
    }
}

TEST(Alu, WidthsChange) {
  expect_agreement_on_pairs(program_around(false,
                                           "    v2 = zext v0\n"
                                           "    v3 = mul v2, v2\n"
                                           "    v4 = shr v3, 32\n"
                                           "    v9 = trunc v4\n"));
  expect_agreement_on_pairs(program_around(true,
                                           "    v2 = trunc v0\n"
                                           "    v3 = zext v2\n"
                                           "    v9 = add v3, v1\n"));
  expect_agreement_on_pairs(program_around(true,
                                           "    v2 = trunc v0\n"
                                           "    v3 = add v2, 1\n"
                                           "    v4 = zext v3\n"
                                           "    v9 = xor v4, v0\n"));
}

TEST(Alu, DivisionSparesTheContext) {
  ipjit_ctx ctx = {};
  ctx.mark = 1234;
  const std::vector<std::vector<uint8_t>> packets = pairs();
  expect_agreement(program_of("filter f\n"
                              "b0: need 16 else b1\n"
                              "    v0 = load_be32 4\n"
                              "    v1 = load_be32 12\n"
                              "    v2 = div v0, v1\n"
                              "    v3 = mod v0, v1\n"
                              "    v4 = meta mark\n"
                              "    v5 = add v2, v3\n"
                              "    v6 = add v5, v4\n"
                              "    ret v6\n"
                              "b1: ret 0\n"),
                   std::span(packets).first(60), ctx);
}

TEST(Alu, MoreValuesThanRegisters) {
  for (bool wide : {false, true}) {
    for (const char* op : {"add", "sub", "mul", "div", "shl", "xor"}) {
      std::string lines;
      for (int i = 10; i < 34; ++i)
        lines += "    v" + std::to_string(i) + " = add v0, " + std::to_string(i * 77) + "\n";
      std::string sum = "v1";
      for (int i = 10; i < 34; ++i) {
        const std::string next = "v" + std::to_string(i + 30);
        lines += "    " + next + " = " + op + " " + sum + ", v" + std::to_string(i) + "\n";
        sum = next;
      }
      for (int i = 10; i < 34; ++i) {
        const std::string next = "v" + std::to_string(i + 60);
        lines += "    " + next + " = " + op + " v" + std::to_string(i) + ", " + sum + "\n";
        sum = next;
      }
      expect_agreement_on_pairs(program_around(wide, lines + "    v9 = xor " + sum + ", v0\n"));
    }
  }
}

}  // namespace
}  // namespace ipjit::tier1
