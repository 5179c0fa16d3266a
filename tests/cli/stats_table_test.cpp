// SPDX-License-Identifier: BSD-2-Clause
// The table of `ipjit stats` stays in shape with every record: no line is wider than it may be.
#include "tools/ipjit/stats_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/lines.h"

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kNow = 2'000'000'000'000'000'000;

FilterRecord live() {
  FilterRecord record;
  record.pid = 4711;
  record.comm = "tcpdump";
  record.alive = true;
  record.name = "tcp port 80";
  record.engine = "tier1";
  record.packets = 1'234'567;
  record.matched = 12'345;
  record.code_bytes = 231;
  record.samples = 1204;
  record.ns_per_packet = 3.42;
  record.replaced_ns_per_packet = 27.1;
  record.saved_seconds = 0.0292;
  return record;
}

FilterRecord extreme() {
  FilterRecord record = live();
  record.pid = 4194304;
  record.comm = "0123456789abcde";
  record.alive = false;
  record.finished_ns = 1;
  record.name = std::string(511, 'x');
  record.note = std::string(255, 'n');
  record.last_refusal = std::string(255, 'r');
  record.packets = record.matched = record.code_bytes = UINT64_MAX;
  record.samples = record.swaps = record.refusals = UINT64_MAX;
  record.ns_per_packet = record.replaced_ns_per_packet = 12345.6;
  record.saved_seconds = -9'999'999;
  return record;
}

TEST(StatsTable, ShowsEveryNumber) {
  std::string table = stats_table(std::vector{live()}, 80, kNow);
  std::vector<std::string> lines = lines_of(table);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[2], testing::StartsWith("tcp port 80 "));
  EXPECT_THAT(lines[2], testing::EndsWith(" tcpdump 4711"));
  for (const char* part : {"tier1", "1.2M", "12.3k", "3.4", "27.1", "29 ms", "1204", "231"})
    EXPECT_THAT(lines[3], HasSubstr(part));
}

TEST(StatsTable, NoLineIsTooWide) {
  std::vector<FilterRecord> records = {live(), extreme()};
  for (size_t columns : {80, 93, 120}) {
    std::vector<std::string> lines = lines_of(stats_table(records, columns, kNow));
    ASSERT_EQ(lines.size(), 9u);
    for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
  }
}

TEST(StatsTable, NumbersStandBelowTheirHeads) {
  std::vector<std::string> lines = lines_of(stats_table(std::vector{live(), extreme()}, 80, kNow));
  for (size_t row : {3u, 6u}) EXPECT_EQ(lines[row].size(), lines[1].size()) << lines[row];
}

TEST(StatsTable, WhatWasNotSampledIsNoNumber) {
  FilterRecord record = live();
  record.samples = 0;
  std::string row = lines_of(stats_table(std::vector{record}, 80, kNow)).back();
  EXPECT_THAT(row, Not(HasSubstr("3.4")));
  EXPECT_THAT(row, Not(HasSubstr("ms")));
}

TEST(StatsTable, NoTimeAtAllIsNoNumber) {
  FilterRecord record = live();
  record.ns_per_packet = record.replaced_ns_per_packet = 0;
  std::string row = lines_of(stats_table(std::vector{record}, 80, kNow)).back();
  EXPECT_THAT(row, Not(HasSubstr("0.0")));
  EXPECT_THAT(row, HasSubstr(" - "));
}

TEST(StatsTable, OtherUsersCannotSendEscapes) {
  FilterRecord record = live();
  record.name = "tcp\x1b[2J\nport \xc2\x9b;5m";
  record.comm = "\x1b]0;x";
  EXPECT_THAT(stats_table(std::vector{record}, 80, kNow),
              AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x9b"))));
  EXPECT_EQ(lines_of(stats_table(std::vector{record}, 80, kNow)).size(), 4u);
}

TEST(ShortCount, IsShortAtEverySize) {
  EXPECT_EQ(short_count(0), "0");
  EXPECT_EQ(short_count(9999), "9999");
  EXPECT_EQ(short_count(10000), "10.0k");
  EXPECT_EQ(short_count(999'499), "999k");
  EXPECT_EQ(short_count(999'500), "1.0M");
  for (uint64_t number = 1; number < UINT64_MAX / 3; number *= 3)
    EXPECT_LE(short_count(number).size(), 6u) << number;
  EXPECT_LE(short_count(UINT64_MAX).size(), 6u);
}

TEST(ShortSeconds, PicksTheUnit) {
  EXPECT_EQ(short_seconds(0), "0 s");
  for (double nearly_none : {-0.5e-6, -1e-9, 1e-9, 0.5e-6})
    EXPECT_EQ(short_seconds(nearly_none), "0 us");
  EXPECT_EQ(short_seconds(-0.6e-6), "-1 us");
  EXPECT_EQ(short_seconds(35e-6), "35 us");
  EXPECT_EQ(short_seconds(-0.0123), "-12 ms");
  EXPECT_EQ(short_seconds(1.25), "1.2 s");
  EXPECT_EQ(short_seconds(150), "2 min");
  EXPECT_EQ(short_seconds(7200), "2.0 h");
}

}  // namespace
}  // namespace ipjit::cli
