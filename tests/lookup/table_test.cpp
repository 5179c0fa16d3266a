// SPDX-License-Identifier: BSD-2-Clause
// Tables of every size and of awkward keys, against a plain search of the source.
#include "lookup/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>

namespace ipjit::lookup {
namespace {

ir::Table set_of(uint32_t key_bits, std::vector<uint64_t> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  ir::Table table{.key_bits = key_bits, .miss = 0, .entries = {}};
  for (uint64_t key : keys) table.entries.push_back({key, 1});
  return table;
}

ir::Table map_of(uint32_t key_bits, std::vector<uint64_t> keys, uint32_t miss) {
  ir::Table table = set_of(key_bits, std::move(keys));
  table.miss = miss;
  uint32_t value = miss;
  for (ir::Table::Entry& entry : table.entries) entry.value = ++value;
  return table;
}

uint32_t plain_search(const ir::Table& table, uint64_t key) {
  for (const ir::Table::Entry& entry : table.entries)
    if (entry.key == key) return entry.value;
  return table.miss;
}

/// Every key, its neighbours and bit flips, and keys that share nothing with the table.
void expect_agrees(const ir::Table& source) {
  Result<ReadOnlyTable> table = build(source);
  ASSERT_TRUE(table) << to_string(table.error());
  ASSERT_EQ(table->bytes.size() % 64, 0u);
  for (const ir::Table::Entry& entry : source.entries)
    ASSERT_EQ(find(*table, entry.key), entry.value) << entry.key << " of " << source.entries.size();
  std::mt19937_64 random(source.entries.size());
  const auto absent = [&](uint64_t key) {
    const auto at =
        std::lower_bound(source.entries.begin(), source.entries.end(), key,
                         [](const ir::Table::Entry& entry, uint64_t k) { return entry.key < k; });
    return at == source.entries.end() || at->key != key;
  };
  for (int i = 0; i < 64; ++i) {
    uint64_t key = random() >> (random() % 64);
    if (!source.entries.empty() && i % 2 == 0)
      key = source.entries[random() % source.entries.size()].key ^ uint64_t { 1 }
                                                                       << (random() % 64);
    if (!absent(key)) continue;
    ASSERT_EQ(find(*table, key), source.miss) << key;
  }
}

std::vector<uint64_t> keys_by(size_t count, const std::function<uint64_t(uint64_t)>& key) {
  std::vector<uint64_t> keys(count);
  for (size_t i = 0; i < count; ++i) keys[i] = key(i);
  return keys;
}

TEST(Table, EmptyMissesAlways) {
  for (uint32_t bits : {8u, 16u, 32u, 64u}) {
    Result<ReadOnlyTable> table = build({.key_bits = bits, .miss = 7, .entries = {}});
    ASSERT_TRUE(table);
    EXPECT_EQ(table->layout.shape, Shape::kNothing);
    for (uint64_t key : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) EXPECT_EQ(find(*table, key), 7u);
  }
}

TEST(Table, ShapesFollowKeysAndValues) {
  const auto shape = [](const ir::Table& table) { return build(table)->layout.shape; };
  EXPECT_EQ(shape(set_of(8, {6, 17})), Shape::kArray);
  EXPECT_EQ(shape(set_of(16, {80, 443})), Shape::kBitmap);
  EXPECT_EQ(shape(map_of(8, {6, 17}, 0)), Shape::kArray);
  EXPECT_EQ(shape(map_of(16, {80, 443}, 0)), Shape::kSlots);
  EXPECT_EQ(shape(set_of(32, {1, 2, 3})), Shape::kSlots);
  EXPECT_EQ(shape(set_of(32, keys_by(1000, std::identity{}))), Shape::kGroups);
}

TEST(Table, EverySmallKeyIsRight) {
  std::mt19937_64 random(1);
  for (uint32_t bits : {8u, 16u}) {
    std::vector<uint64_t> keys;
    for (int i = 0; i < 100; ++i) keys.push_back(random() % (uint64_t{1} << bits));
    for (const ir::Table& source : {set_of(bits, keys), map_of(bits, keys, 3)}) {
      Result<ReadOnlyTable> table = build(source);
      ASSERT_TRUE(table);
      for (uint64_t key = 0; key < 70000; ++key)
        ASSERT_EQ(find(*table, key), plain_search(source, key)) << key;
    }
  }
}

TEST(Table, WiderKeysMiss) {
  for (uint32_t bits : {8u, 16u, 32u}) {
    const ir::Table source = set_of(bits, {0, 5});
    Result<ReadOnlyTable> table = build(source);
    ASSERT_TRUE(table);
    for (uint32_t bit = bits; bit < 64; ++bit)
      EXPECT_EQ(find(*table, 5 | uint64_t{1} << bit), 0u) << bits << " " << bit;
  }
}

TEST(Table, EverySizeOfRandomSets) {
  std::mt19937_64 random(2);
  std::vector<uint64_t> keys;
  for (size_t size = 1; size <= 5000; ++size) {
    keys.push_back(static_cast<uint32_t>(random()));
    expect_agrees(set_of(32, keys));
    expect_agrees(map_of(32, keys, 9));
  }
}

TEST(Table, EverySizeBuilds) {
  std::mt19937_64 random(3);
  ir::Table narrow{.key_bits = 32, .miss = 0, .entries = {}};
  ir::Table wide{.key_bits = 64, .miss = 0, .entries = {}};
  uint64_t key = 0;
  for (size_t size = 1; size <= 5000; ++size) {
    key += 1 + random() % 800000;
    narrow.entries.push_back({key, 1});
    wide.entries.push_back({key << 31, 1});
    for (const ir::Table& source : {std::cref(narrow), std::cref(wide)}) {
      Result<ReadOnlyTable> table = build(source);
      ASSERT_TRUE(table) << size;
      ASSERT_EQ(find(*table, source.entries.front().key), 1u);
      ASSERT_EQ(find(*table, source.entries.back().key), 1u);
    }
  }
}

struct Awkward {
  const char* name;
  uint32_t key_bits;
  uint64_t (*key)(uint64_t);
};

class AwkwardKeys : public testing::TestWithParam<Awkward> {};

TEST_P(AwkwardKeys, SetsAndMapsAgree) {
  for (size_t size : {1, 2, 3, 7, 16, 40, 41, 64, 100, 255, 256, 1000, 4096, 20000}) {
    const std::vector<uint64_t> keys = keys_by(size, GetParam().key);
    expect_agrees(set_of(GetParam().key_bits, keys));
    expect_agrees(map_of(GetParam().key_bits, keys, 0xffffffff));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, AwkwardKeys,
    testing::Values(
        Awkward{"consecutive", 32, [](uint64_t i) { return 0xc0000200 + i; }},
        Awkward{"from_zero", 32, [](uint64_t i) { return i; }},
        Awkward{"slash24", 32, [](uint64_t i) { return i << 8; }},
        Awkward{"slash16", 32, [](uint64_t i) { return (i << 16 | i >> 16) & 0xffffffff; }},
        Awkward{"even", 32, [](uint64_t i) { return 0x0a000000 + 2 * i; }},
        Awkward{"ends", 32, [](uint64_t i) { return i % 2 ? 0xffffffff - i : i; }},
        Awkward{"first_and_last_octet", 32, [](uint64_t i) { return (i & 255) << 24 | i >> 8; }},
        Awkward{"addr_port", 64, [](uint64_t i) { return (0xc0000200 + i) << 16 | 80; }},
        Awkward{"high_half", 64, [](uint64_t i) { return i << 32; }},
        Awkward{"high_bits", 64, [](uint64_t i) { return i << 49; }},
        Awkward{"both_halves", 64, [](uint64_t i) { return i << 32 | i; }},
        Awkward{"powers_and_more", 64,
                [](uint64_t i) { return i < 64 ? uint64_t{1} << i : i * 0x9e3779b97f4a7c15; }}),
    [](const testing::TestParamInfo<Awkward>& info) { return std::string(info.param.name); });

TEST(Table, BuildsTheSameBytesEveryTime) {
  const ir::Table source = map_of(32, keys_by(3000, [](uint64_t i) { return i * i; }), 0);
  EXPECT_EQ(*build(source), *build(source));
}

TEST(Table, RefusesTooManyKeys) {
  ir::Table source{.key_bits = 32, .miss = 0, .entries = {}};
  source.entries.resize((1 << 20) + 1);
  for (uint32_t i = 0; i < source.entries.size(); ++i) source.entries[i] = {i, 1};
  Result<ReadOnlyTable> table = build(source);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::kTooLong);
  EXPECT_EQ(table.error().why, "a table of 1048577 keys; the limit is 1048576");
}

TEST(Table, LargestTableStaysSmall) {
  const ir::Table source = set_of(32, keys_by(1 << 20, [](uint64_t i) { return i * 4001; }));
  Result<ReadOnlyTable> table = build(source);
  ASSERT_TRUE(table);
  EXPECT_LE(table->bytes.size(), size_t{10} << 20);
}

}  // namespace
}  // namespace ipjit::lookup
