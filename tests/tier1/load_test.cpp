// SPDX-License-Identifier: BSD-2-Clause
// Loads and the checks before them: every size, order, base and kind of place, on every length.
#include <gtest/gtest.h>

#include "ir/validate.h"
#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

std::vector<std::vector<uint8_t>> packets() {
  std::vector<std::vector<uint8_t>> out(3);
  for (int i = 0; i < 40; ++i) {
    out[0].push_back(static_cast<uint8_t>(i));
    out[1].push_back(static_cast<uint8_t>(0xff - i * 7));
    out[2].push_back(static_cast<uint8_t>(i < 4 ? 0 : 0x80 | i));
  }
  return out;
}

struct Load {
  std::string word;
  int size;
};
const Load kLoads[] = {{"load_u8", 1},   {"load_be16", 2}, {"load_be32", 4}, {"load_be64", 8},
                       {"load_le16", 2}, {"load_le32", 4}, {"load_le64", 8}};

/// The load's value as a number, folded to 32 bits.
std::string answer(const Load& load) {
  if (load.size < 8) return "    ret v9\n";
  return "    v90 = shr v9, 32\n    v91 = xor v9, v90\n    v92 = trunc v91\n    ret v92\n";
}

class Loads : public testing::TestWithParam<Load> {};

TEST_P(Loads, AtAConstantPlace) {
  for (int place : {0, 1, 14, 31}) {
    const std::string end = std::to_string(place + GetParam().size);
    expect_agreement(
        program_of("filter f\nb0: need " + end + " else b1\n    v9 = " + GetParam().word + " " +
                   std::to_string(place) + "\n" + answer(GetParam()) + "b1: ret 7\n"),
        packets());
  }
}

TEST_P(Loads, AtAValue) {
  for (int place : {0, 3}) {
    const std::string end = std::to_string(place + GetParam().size);
    expect_agreement(program_of("filter f\nb0: need 2 else b1\n    v0 = load_u8 1\n"
                                "    v1 = and v0, 63\n    need v1 + " +
                                end + " else b1\n    v9 = " + GetParam().word + " v1 + " +
                                std::to_string(place) + "\n" + answer(GetParam()) + "b1: ret 7\n"),
                     packets());
  }
}

TEST_P(Loads, FromTheTransportHeader) {
  const std::string size = std::to_string(GetParam().size);
  for (int th_at : {0, 5, 20})
    expect_agreement(program_of("filter f\nb0: need th " + size + " else b1\n    need 1 else b1\n" +
                                "    v0 = load_u8 0\n    need th v0 + " + size +
                                " else b1\n    v1 = load_u8 th 0\n    v9 = " + GetParam().word +
                                " th v0\n" + answer(GetParam()) + "b1: ret 7\n"),
                     packets(), {}, th_at);
}

TEST_P(Loads, IntoAStackSlot) {
  std::string text = "filter f\nb0: need 20 else b1\n    v9 = " + GetParam().word + " 3\n";
  for (int i = 10; i < 30; ++i)
    text += "    v" + std::to_string(i) + " = load_u8 " + std::to_string(i - 10) + "\n";
  std::string sum = "v10";
  for (int i = 11; i < 30; ++i) {
    text += "    v" + std::to_string(i + 30) + " = mul " + sum + ", v" + std::to_string(i) + "\n";
    sum = "v" + std::to_string(i + 30);
  }
  for (int i = 10; i < 30; ++i) {
    text += "    v" + std::to_string(i + 60) + " = sub " + sum + ", v" + std::to_string(i) + "\n";
    sum = "v" + std::to_string(i + 60);
  }
  text += GetParam().size == 8 ? "    v98 = trunc v9\n" : "    v98 = add v9, 0\n";
  expect_agreement(program_of(text + "    v99 = xor v98, " + sum + "\n    ret v99\nb1: ret 1\n"),
                   packets());
}

INSTANTIATE_TEST_SUITE_P(Load, Loads, testing::ValuesIn(kLoads),
                         [](const auto& info) { return info.param.word; });

TEST(Need, ConstantsAsOffsets) {
  expect_agreement(program_of("filter f\nb0: v0 = const 4\n    need v0 + 4 else b1\n"
                              "    v9 = load_be32 v0\n    ret v9\nb1: ret 7\n"),
                   packets());
}

TEST(Need, NothingIsAlwaysThere) {
  expect_agreement(program_of("filter f\nb0: need 0 else b1\n    ret 1\nb1: ret 7\n"), packets());
}

TEST(Need, PlacesBeyondEveryPacket) {
  for (const char* place :
       {"0x7ffffff0", "0x7fffffff", "0x80000000", "0xffffffff", "0x100000000", "0x200000000"}) {
    expect_agreement(program_of("filter f\nb0: need " + std::string(place) +
                                " else b1\n    v0 = load_u8 0x7000\n    ret v0\nb1: ret 7\n"),
                     packets());
    expect_agreement(
        program_of("filter f\nb0: need 4 else b1\n    v0 = load_be32 0\n    need v0 + " +
                   std::string(place) +
                   " else b1\n    v9 = load_be16 v0 + 4\n    ret v9\nb1: ret 7\n"),
        packets());
  }
}

TEST(Need, WideOffsetsDoNotWrap) {
  for (const char* base : {"", "th "})
    for (const char* add : {"1", "4", "0x7fffffff", "0x100000000"}) {
      // Offsets of the second packet are near 2^64, those of the third small and large.
      expect_agreement(
          program_of("filter f\nb0: need 8 else b1\n    v0 = load_be64 0\n    need " +
                     std::string(base) + "v0 + " + add + " else b2\n    v9 = load_u8 " + base +
                     "v0\n    ret v9\nb1: ret 7\nb2: ret 300\n"),
          packets(), {}, 2);
    }
}

TEST(Need, OffsetsThatAreSumsWhichMayWrap) {
  // The place also proves the bytes before it; once the verifier learnt nothing from such a need.
  for (const char* sum : {"add v0, 3", "sub v0, 3", "mul v0, 3", "neg v0", "xor v0, 1"})
    expect_agreement(
        program_of(
            "filter f\nb0: need 8 else b1\n    v0 = load_be64 0\n    v1 = " + std::string(sum) +
            "\n    need v1 + 20 else b1\n    v2 = load_u8 v1 + 19\n"
            "    v3 = load_u8 19\n    v4 = add v2, v3\n    ret v4\nb1: ret 7\n"),
        packets());
  expect_agreement(
      program_of("filter f\nb0: v0 = const.u64 0\n    v1 = sub v0, 3\n"
                 "    need v1 + 3 else b1\n    v2 = load_u8 v1\n    ret v2\nb1: ret 7\n"),
      packets());
}

TEST(Need, TheElseBlockSeesWhatWasThere) {
  expect_agreement(program_of("filter f\nb0: need 2 else b1\n    v0 = load_be16 0\n"
                              "    need 10 else b2\n    v1 = load_u8 9\n    v2 = add v0, v1\n"
                              "    ret v2\nb1: ret 0\nb2: v3 = xor v0, 0xffff\n    ret v3\n"),
                   packets());
}

TEST(Meta, EveryFieldIsItsOwn) {
  ipjit_ctx ctx = {};
  uint32_t value = 100;
#define IPJIT_FIELD(name, meaning) ctx.name = value++;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
#define IPJIT_FIELD(name, meaning)                                                                 \
  expect_agreement(program_of("filter f\nb0: v0 = meta " #name "\n    ret v0\n"), packets(), ctx); \
  expect_agreement(program_of("filter f\nb0: v0 = meta " #name "\n    br v0 == " +                 \
                              std::to_string(ctx.name) + " -> b1, b2\nb1: ret 1\nb2: ret 2\n"),    \
                   packets(), ctx);
#include "ipjit/fields.def"
#undef IPJIT_FIELD
}

}  // namespace
}  // namespace ipjit::tier1
