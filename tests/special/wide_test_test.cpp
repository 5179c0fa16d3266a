// SPDX-License-Identifier: BSD-2-Clause
#include "ir/special/wide_test.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/interpreter.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kReadable = 24;

std::vector<WideTest> widened(const std::vector<FieldTest>& fields, uint64_t readable = kReadable) {
  return widen(fields, [&](Base, ValueId) { return readable; });
}

FieldTest field(uint64_t place, uint32_t size, uint64_t mask, uint64_t value) {
  return {Base::kData, kNoValue, place, size, mask, value};
}

TEST(WideTest, FragmentAndProtocolAreFourBytes) {
  const auto made =
      widened({field(12, 2, 0xffff, 0x800), field(20, 2, 0x1fff, 0), field(23, 1, 0xff, 6)});
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].test.place, 20u);
  EXPECT_EQ(made[0].test.size, 4u);
  EXPECT_EQ(made[0].test.mask, 0xff00ff1fu);
  EXPECT_EQ(made[0].test.value, 0x6000000u);
}

TEST(WideTest, AWindowReachesBackFromTheEndOfWhatIsReadable) {
  const auto made = widened({field(4, 2, 0xffff, 1), field(6, 1, 0xff, 2)}, 7);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].test.place, 3u);
  EXPECT_EQ(made[0].test.size, 4u);
  EXPECT_TRUE(widened({field(4, 2, 0xffff, 1), field(6, 1, 0xff, 2)}, 3).empty());
}

TEST(WideTest, ContradictionsAndOtherPlacesStayApart) {
  EXPECT_TRUE(widened({field(4, 1, 0xff, 1), field(4, 1, 0xff, 2)}).empty());
  FieldTest behind = field(6, 1, 0xff, 2);
  behind.offset = ValueId{3};
  EXPECT_TRUE(widened({field(4, 1, 0xff, 1), behind}).empty());
}

TEST(WideTest, HoldsWhereAllOfItsFieldsHold) {
  std::mt19937_64 random(1);
  uint64_t wide_ones = 0, held = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> bytes(kReadable);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    std::vector<FieldTest> fields;
    for (int i = 0; i < 4; ++i) {
      const uint32_t size = 1u << random() % 3;
      const uint64_t place = random() % (kReadable - size + 1);
      const uint64_t mask = random() >> (64 - 8 * size);
      const uint64_t there = load_be(bytes.data() + place, size) & mask;
      if (mask == 0) continue;
      const bool other = random() % 4 == 0;
      fields.push_back(field(place, size, mask, other ? there ^ (mask & (0 - mask)) : there));
    }
    for (const WideTest& wide : widened(fields)) {
      bool all = true;
      for (uint32_t i : wide.of) {
        const FieldTest& f = fields[i];
        all &= (load_be(bytes.data() + f.place, f.size) & f.mask) == f.value;
      }
      ASSERT_LE(wide.test.place + wide.test.size, kReadable);
      const uint64_t loaded = load_le(bytes.data() + wide.test.place, wide.test.size);
      ASSERT_EQ((loaded & wide.test.mask) == wide.test.value, all) << "round " << round;
      ++wide_ones;
      held += all;
    }
  }
  EXPECT_GT(wide_ones, 1000u);
  EXPECT_GT(held, 200u);
}

}  // namespace
}  // namespace ipjit::ir
