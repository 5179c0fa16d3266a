// SPDX-License-Identifier: BSD-2-Clause
// Block arguments: swaps, cycles, constants, spilled ones, on every kind of edge.
#include <gtest/gtest.h>

#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

std::vector<std::vector<uint8_t>> packets() {
  return {{1, 2, 3, 4}, {0, 0, 0, 0}, {255, 1, 0, 9}, {7, 7, 200, 8}, {2, 1, 1, 0x80}};
}

constexpr const char* kLoads =
    "filter f\nb0: need 4 else b1\n    v0 = load_u8 0\n    v1 = load_u8 1\n    v2 = load_u8 2\n"
    "    v3 = load_u8 3\n";

/// Every parameter in another digit of the answer.
constexpr const char* kMix =
    "    v20 = mul v10, 1000003\n    v21 = mul v11, 10007\n    v22 = mul v12, 101\n"
    "    v23 = add v20, v21\n    v24 = add v23, v22\n    v25 = add v24, v13\n    ret v25\n";

TEST(Edges, EveryOrderOfArguments) {
  // Each permutation, and each map that repeats values: cycles of every length, and fans.
  for (int map = 0; map < 256; ++map) {
    std::string args;
    for (int i = 0; i < 4; ++i) args += (i ? ", v" : "v") + std::to_string(map >> (2 * i) & 3);
    expect_agreement(
        program_of(std::string(kLoads) +
                   "    jump b2(v0, v1, v2, v3)\nb1: ret 0\n"
                   "b2(v4: u32, v5: u32, v6: u32, v7: u32): v8 = load_u8 0\n"
                   "    br v8 == 255 -> b3, b4(v4, v5, v6, v7)\nb3: jump b4(" +
                   [&] {
                     std::string renamed = args;
                     for (char& c : renamed)
                       if (c >= '0' && c <= '3') c = static_cast<char>(c + 4);
                     return renamed;
                   }() +
                   ")\nb4(v10: u32, v11: u32, v12: u32, v13: u32): " + std::string(kMix).substr(4)),
        packets());
  }
}

TEST(Edges, BothSidesOfABranchPassArguments) {
  expect_agreement(
      program_of(std::string(kLoads) +
                 "    br v0 < v1 -> b2(v1, v0, v3, v2), b2(v3, v2, v1, v0)\nb1: ret 0\n"
                 "b2(v10: u32, v11: u32, v12: u32, v13: u32): " +
                 std::string(kMix).substr(4)),
      packets());
}

TEST(Edges, OneSidePassesArguments) {
  for (const char* edges : {"b2, b3(v1, v0, v3, v2)", "b3(v1, v0, v3, v2), b2"})
    expect_agreement(program_of(std::string(kLoads) + "    br v0 == 1 -> " + edges +
                                "\nb1: ret 0\nb2: v4 = add v0, 5\n    jump b3(v4, v4, v0, v1)\n"
                                "b3(v10: u32, v11: u32, v12: u32, v13: u32): " +
                                std::string(kMix).substr(4)),
                     packets());
}

TEST(Edges, ConstantsAreSetOnTheWay) {
  expect_agreement(
      program_of(std::string(kLoads) +
                 "    v4 = const 0\n    v5 = const 0xffffffff\n"
                 "    br v0 == 1 -> b2(v4, v5, v0, v4), b2(v1, v4, v5, v5)\nb1: ret 0\n"
                 "b2(v10: u32, v11: u32, v12: u32, v13: u32): " +
                 std::string(kMix).substr(4)),
      packets());
}

TEST(Edges, ParametersThatNobodyReads) {
  expect_agreement(program_of(std::string(kLoads) + "    jump b2(v3, v2, v1)\nb1: ret 0\n"
                                                    "b2(v10: u32, v11: u32, v12: u32): ret v11\n"),
                   packets());
}

TEST(Edges, AParameterOutlivesThePredecessorRightBeforeIt) {
  // Only dead code reads v11: it once lost its register to v12.
  expect_agreement(
      program_of(std::string(kLoads) +
                 "    jump b2(v3, v2, v1)\nb1: ret 0\n"
                 "b2(v10: u32, v11: u32, v12: u32): v13 = and v11, v11\n    ret v12\n"),
      packets());
}

TEST(Edges, WideValues) {
  expect_agreement(
      program_of("filter f\nb0: need 4 else b1\n    v0 = load_be32 0\n    v1 = zext v0\n"
                 "    v2 = shl v1, 33\n    br v0 < 0x02000000 -> b2(v1, v2), b2(v2, v1)\n"
                 "b1: ret 0\nb2(v3: u64, v4: u64): v5 = shr v3, 31\n    v6 = xor v5, v4\n"
                 "    v7 = shr v6, 8\n    v8 = trunc v7\n    ret v8\n"),
      packets());
}

TEST(Edges, MoreArgumentsThanRegisters) {
  std::string text = "filter f\nb0: need 4 else b1\n    v0 = load_be32 0\n";
  std::string ahead, back, params;
  constexpr int kCount = 24;
  for (int i = 1; i <= kCount; ++i) {
    text += "    v" + std::to_string(i) + " = mul v0, " + std::to_string(2 * i + 1) + "\n";
    ahead += (i > 1 ? ", v" : "v") + std::to_string(i);
    back += (i > 1 ? ", v" : "v") + std::to_string(kCount + 1 - i);
    params += (i > 1 ? ", v" : "v") + std::to_string(100 + i) + ": u32";
  }
  text += "    br v0 < 0x02000000 -> b2(" + ahead + "), b2(" + back + ")\nb1: ret 0\nb2(" + params +
          "): v200 = const 0\n";
  for (int i = 1; i <= kCount; ++i) {
    text += "    v" + std::to_string(300 + i) + " = mul v" + std::to_string(100 + i) + ", " +
            std::to_string(i * 7919) + "\n    v" + std::to_string(200 + i) + " = add v" +
            std::to_string(199 + i) + ", v" + std::to_string(300 + i) + "\n";
  }
  expect_agreement(program_of(text + "    ret v" + std::to_string(200 + kCount) + "\n"), packets());
}

}  // namespace
}  // namespace ipjit::tier1
