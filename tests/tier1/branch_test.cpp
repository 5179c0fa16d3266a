// SPDX-License-Identifier: BSD-2-Clause
// Comparisons of memory, registers and constants in either byte order; switches.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

struct Source {
  const char* word;
  int size;
};
constexpr Source kSources[] = {{"load_u8", 1},   {"load_be16", 2}, {"load_be32", 4},
                               {"load_be64", 8}, {"load_le16", 2}, {"load_le32", 4},
                               {"load_le64", 8}};

/// Packets around the constants below, in both byte orders.
std::vector<std::vector<uint8_t>> packets() {
  std::vector<std::vector<uint8_t>> out;
  for (uint64_t word :
       {0x0ull, 0x1ull, 0x0600ull, 0x06ull, 0x0800ull, 0x0008ull, 0x0a000001ull, 0x0a00ffffull,
        0x00060000ull, 0xc0a80101ull, 0x1fffull, 0x2000ull, 0xffffull, 0xffffffffull,
        0x0123456789abcdefull, 0x0a00000000000000ull, ~0ull}) {
    for (int swap : {0, 1}) {
      std::vector<uint8_t> packet;
      for (int i = 0; i < 8; ++i)
        packet.push_back(static_cast<uint8_t>(word >> (swap ? 8 * i : 56 - 8 * i)));
      out.push_back(packet);
      std::rotate(packet.begin(), packet.begin() + 4, packet.end());
      out.push_back(packet);
      std::rotate(packet.begin(), packet.begin() + 2, packet.end());
      out.push_back(packet);
    }
  }
  return out;
}

constexpr uint64_t kConstants[] = {
    0,          1,          6,          0x80,        0xff,
    0x100,      0x0800,     0x1fff,     0xffff,      0x10000,
    0xc0a80101, 0x0a000000, 0xffffffff, 0x100000000, 0x0123456789abcdef,
    ~0ull};

class Comparisons : public testing::TestWithParam<std::tuple<Source, std::string>> {
 protected:
  bool fits(uint64_t n) const { return std::get<0>(GetParam()).size == 8 || n <= UINT32_MAX; }
  std::string load(const char* fail) const {
    const Source& source = std::get<0>(GetParam());
    return "filter f\nb0: need " + std::to_string(source.size) + " else " + fail +
           "\n    v0 = " + source.word + " 0\n";
  }
  std::string type() const { return std::get<0>(GetParam()).size == 8 ? "const.u64 " : "const "; }
  std::string rel() const { return " " + std::get<1>(GetParam()) + " "; }
  void expect_for_each_constant(const std::function<std::string(const std::string&)>& text) const {
    for (uint64_t c : kConstants)
      if (fits(c)) expect_agreement(program_of(text(std::to_string(c))), packets());
  }
};

TEST_P(Comparisons, OfALoadUsedOnce) {
  expect_for_each_constant([&](const std::string& c) {
    return load("b1") + "    br v0" + rel() + c + " -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: ret 3\n";
  });
}

TEST_P(Comparisons, OfALoadInAnotherBlock) {
  expect_for_each_constant([&](const std::string& c) {
    return load("b2") + "    v1 = load_u8 0\n    br v1 == 0 -> b1, b2\nb1: br v0" + rel() + c +
           " -> b3, b4\nb2: ret 1\nb3: ret 9\nb4: ret 3\n";
  });
}

TEST_P(Comparisons, OfAValueUsedOften) {
  expect_for_each_constant([&](const std::string& c) {
    return load("b3") + "    br v0" + rel() + c +
           " -> b4, b1\nb1: br v0 == 0x0800 -> b5, b2\n"
           "b2: br v0 & 0x1f00 -> b6, b3\nb3: ret 1\nb4: ret 2\nb5: ret 3\nb6: ret 4\n";
  });
}

TEST_P(Comparisons, OfAValueThatIsANumberElsewhere) {
  const bool wide = std::get<0>(GetParam()).size == 8;
  expect_for_each_constant([&](const std::string& c) {
    return load("b1") + "    br v0" + rel() + c + " -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: " +
           (wide ? "v1 = trunc v0\n" : "v1 = add v0, 1\n") + "    ret v1\n";
  });
}

TEST_P(Comparisons, WithAConstantValue) {
  expect_for_each_constant([&](const std::string& c) {
    return load("b1") + "    v1 = " + type() + c + "\n    br v0" + rel() +
           "v1 -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: ret 3\n";
  });
}

TEST_P(Comparisons, OfTwoConstants) {
  expect_for_each_constant([&](const std::string& c) {
    return "filter f\nb0: v0 = " + type() + "0x0800\n    br v0" + rel() + c +
           " -> b1, b2\nb1: ret 1\nb2: ret 2\n";
  });
}

TEST_P(Comparisons, OfTwoValues) {
  const Source& source = std::get<0>(GetParam());
  for (int at : {0, 1, 3})
    expect_agreement(program_of("filter f\nb0: need " + std::to_string(source.size + at) +
                                " else b1\n    v0 = " + source.word + " 0\n    v1 = " +
                                source.word + " " + std::to_string(at) + "\n    br v0" + rel() +
                                "v1 -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: ret 3\n"),
                     packets());
}

TEST_P(Comparisons, OfAMaskedLoad) {
  for (uint64_t mask : kConstants) {
    if (!fits(mask)) continue;
    expect_for_each_constant([&](const std::string& c) {
      return load("b1") + "    v1 = and v0, " + std::to_string(mask) + "\n    br v1" + rel() + c +
             " -> b2, b3\nb1: ret 1\nb2: ret 2\nb3: ret 3\n";
    });
  }
}

TEST_P(Comparisons, OfAMaskedValueUsedOften) {
  for (uint64_t mask : {0x1fffull, 0xff00ull, 0xffff0000ull, 0xf0ull}) {
    expect_for_each_constant([&](const std::string& c) {
      return load("b2") + "    v1 = and v0, " + std::to_string(mask) + "\n    br v1" + rel() + c +
             " -> b3, b1\nb1: br v0 == 0x0800 -> b2, b4\nb2: ret 1\nb3: ret 2\nb4: ret 3\n";
    });
  }
}

INSTANTIATE_TEST_SUITE_P(
    Branch, Comparisons,
    testing::Combine(testing::ValuesIn(kSources), testing::Values("==", "<", "<=", "&")),
    [](const auto& info) {
      const std::string rel = std::get<1>(info.param);
      const char* word = rel == "==" ? "eq" : rel == "<" ? "lt" : rel == "<=" ? "le" : "any";
      return std::string(std::get<0>(info.param).word) + "_" + word;
    });

/// The i-th of `count` cases, spread over the values that packets have.
std::string switch_of(const Source& source, int count) {
  std::string cases;
  for (int i = 0; i < count; ++i)
    cases += (i ? ", " : "") + std::to_string(i < 4 ? i * 6 : i * 0x400) + " -> b" +
             std::to_string(2 + i);
  std::string text = "filter f\nb0: need " + std::to_string(source.size) +
                     " else b1\n    v0 = " + source.word + " 0\n    switch v0 {" + cases +
                     "} else b1\nb1: ret 99\n";
  for (int i = 0; i < count; ++i)
    text += "b" + std::to_string(2 + i) + ": ret " + std::to_string(100 + i) + "\n";
  return text;
}

TEST(Switch, EverySourceAndSize) {
  std::vector<std::vector<uint8_t>> all = packets();
  for (int i = 0; i < 70; ++i) {
    all.push_back({0, 0, 0, 0, 0, 0, static_cast<uint8_t>(i * 4), 0});
    all.push_back({static_cast<uint8_t>(i * 4), 0, 0, 0, 0, 0, 0, 0});
    all.push_back({0, 0, static_cast<uint8_t>(i * 4), 0, 0, 0, 0, 0});
  }
  for (const Source& source : kSources)
    for (int count : {0, 1, 4, 5, 9, 40, 64})
      expect_agreement(program_of(switch_of(source, count)), all);
}

TEST(Switch, CasesCarryArguments) {
  expect_agreement(
      program_of("filter f\nb0: need 2 else b1\n    v0 = load_u8 0\n    v1 = load_u8 1\n"
                 "    v2 = xor v0, v1\n"
                 "    switch v0 {0 -> b2(v1), 6 -> b2(v0), 10 -> b2(v2), 128 -> b3(v1, v2),\n"
                 "      192 -> b3(v2, v1), 255 -> b1} else b2(v2)\n"
                 "b1: ret 1\n"
                 "b2(v3: u32): v4 = add v3, 1000\n    ret v4\n"
                 "b3(v5: u32, v6: u32): v7 = shl v5, 8\n    v8 = or v7, v6\n    ret v8\n"),
      packets());
}

}  // namespace
}  // namespace ipjit::tier1
