// SPDX-License-Identifier: BSD-2-Clause
// The text form shows every key of the source exactly once, and its value.
#include <gmock/gmock.h>

#include <algorithm>

#include "lookup/table.h"

namespace ipjit::lookup {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(uint32_t key_bits, std::vector<ir::Table::Entry> entries) {
  auto table = build({.key_bits = key_bits, .miss = 0, .entries = std::move(entries)});
  EXPECT_TRUE(table) << to_string(table.error());
  return print(*table);
}

size_t lines_of(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Print, Bitmap) {
  std::string text = text_of(16, {{80, 1}, {443, 1}});
  EXPECT_THAT(text, StartsWith("bitmap: u16 keys, miss 0, 8192 bytes\n"));
  EXPECT_THAT(text, HasSubstr("0x50\n0x1bb\n"));
}

TEST(Print, ArrayWithValues) {
  std::string text = text_of(8, {{6, 7}, {17, 9}});
  EXPECT_THAT(text, StartsWith("array: u8 keys"));
  EXPECT_THAT(text, HasSubstr("0x6 = 7\n0x11 = 9\n"));
}

TEST(Print, SlotsWithValues) {
  std::string text = text_of(32, {{0xc0000201, 5}, {0xc0000202, 6}});
  EXPECT_THAT(text, StartsWith("slots: u32 keys"));
  EXPECT_THAT(text, HasSubstr(": 0xc0000201 = 5\n"));
  EXPECT_THAT(text, HasSubstr(": 0xc0000202 = 6\n"));
  EXPECT_EQ(lines_of(text), 3u);
}

TEST(Print, EveryKeyOfManyOnce) {
  for (uint32_t key_bits : {32u, 64u}) {
    std::vector<ir::Table::Entry> entries;
    for (uint64_t i = 0; i < 1000; ++i) entries.push_back({i * 0x10001 + 3, 1});
    std::string text = text_of(key_bits, std::move(entries));
    EXPECT_THAT(text, StartsWith("groups: u" + std::to_string(key_bits)));
    EXPECT_EQ(lines_of(text), 1001u);
  }
}

TEST(Print, Nothing) { EXPECT_EQ(text_of(32, {}), "nothing: u32 keys, miss 0, 0 bytes\n"); }

}  // namespace
}  // namespace ipjit::lookup
