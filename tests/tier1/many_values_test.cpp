// SPDX-License-Identifier: BSD-2-Clause
// More values alive at once than there are registers: loads are repeated, the rest is on the stack.
#include <gtest/gtest.h>

#include <iterator>

#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::tier1 {
namespace {

constexpr int kWords = 60;

std::string name(int v) { return "v" + std::to_string(v); }

std::vector<std::vector<uint8_t>> packets() {
  std::vector<std::vector<uint8_t>> made;
  for (uint32_t seed : {1u, 77u, 4711u}) {
    std::vector<uint8_t> bytes(4 * kWords + 8);
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>((seed = seed * 1103515245 + 12345) >> 16);
    made.push_back(bytes);
    made.push_back({bytes.begin(), bytes.begin() + 100});
  }
  return made;
}

/// v0, v1, ...: loads of every kind.
std::string loads() {
  constexpr const char* kOps[] = {"load_be32", "load_u8", "load_be16", "load_le32", "load_le16"};
  std::string text;
  for (int i = 0; i < kWords; ++i)
    text +=
        "    " + name(i) + " = " + kOps[i % std::size(kOps)] + " " + std::to_string(4 * i) + "\n";
  return text;
}

/// Each value once in order and once backwards, so that all are alive in the middle.
std::string mixed(int first) {
  std::string text, sum = "v0";
  for (int i = 1; i < 2 * kWords; ++i) {
    const int v = i < kWords ? i : 2 * kWords - 1 - i;
    const char* op = i % 3 == 0 ? "add" : i % 3 == 1 ? "xor" : "sub";
    text += "    " + name(first + i) + " = " + op + " " + sum + ", " + name(v) + "\n";
    sum = name(first + i);
  }
  return text + "    ret " + sum + "\n";
}

TEST(ManyValues, WordsOfThePacketAreReadAgain) {
  const ir::Program program =
      program_of("filter f\nb0: need 244 else b1\n" + loads() + mixed(100) + "b1: ret 0\n");
  Tier1 tier;
  ASSERT_TRUE(tier.compile(program, arch::targets()[0]));
  expect_agreement(program, packets());
}

TEST(ManyValues, AlsoInOtherBlocksAndAsKeysAndDivisors) {
  const ir::Program program = program_of(
      "filter f\ntable0: u32 miss 0 {1, 2, 5, 6, 7, 8, 0x1000, 0x2000, 0x12345678}\n"
      "b0: need 244 else b7\n" +
      loads() +
      "    br v0 == 0x01020304 -> b6, b1\n"
      "b1: br v15 in table0 -> b2, b3\n"
      "b2: switch v20 {1 -> b7, 2 -> b3, 0x11223344 -> b3} else b3\n"
      "b3: br v2 < v7 -> b4, b6\n"
      "b4: v80 = eq v12, 0x1234\n    br v80 == 1 -> b6, b5\n"
      "b5:" +
      mixed(100).substr(3) +
      "b6: v70 = div v1, v3\n    v71 = mod v5, v6\n    v72 = shl v8, v11\n"
      "    v73 = find table0, v10\n    v74 = add v70, v71\n    v75 = add v72, v73\n"
      "    v76 = xor v74, v75\n    ret v76\n"
      "b7: ret 0\n");
  expect_agreement(program, packets());
}

TEST(ManyValues, OffsetsAndArgumentsKeepAPlace) {
  std::string text = "filter f\nb0: need 244 else b1\n" + loads();
  text += "    v70 = and v1, 15\n    need v70 + 40 else b1\n    v71 = load_be32 v70 + 36\n";
  text += "    need v6 + 4 else b1\n    v72 = load_u8 v6 + 3\n    v73 = xor v71, v72\n";
  text += "    br v73 < v0 -> b2(v0, v50), b2(v55, v40)\nb1: ret 0\n";
  text += "b2(v80: u32, v81: u32): v82 = sub v80, v81\n";
  expect_agreement(program_of(text + mixed(100)), packets());
}

}  // namespace
}  // namespace ipjit::tier1
