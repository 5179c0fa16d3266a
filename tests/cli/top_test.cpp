// SPDX-License-Identifier: BSD-2-Clause
// Rates are differences of readings, changes are seen once, and no screen is larger than its
// terminal.
#include "tools/ipjit/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/lines.h"

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kNow = 2'000'000'000 * kSecond;

FilterRecord running(pid_t pid, uint64_t packets) {
  FilterRecord record;
  record.pid = pid;
  record.comm = "tcpdump";
  record.alive = true;
  record.name = "tcp port 80";
  record.engine = "tier1";
  record.packets = packets;
  record.matched = packets / 4;
  record.samples = 100;
  record.ns_per_packet = 5;
  record.replaced_ns_per_packet = 25;
  record.tier.tier = 1;
  return record;
}

FilterRecord specialised(FilterRecord record) {
  record.engine = "tier2";
  record.tier.tier = 2;
  record.tier.backend = "llvm";
  record.tier.changes = 1;
  record.tier.why = "2,000 samples\nit saves 2 ns of 5\n";
  return record;
}

TEST(Rates, AreDifferencesBetweenReadings) {
  Rates rates;
  EXPECT_EQ(rates.next({running(7, 1000)}, kNow)[0].packets_per_second, 0);
  const auto second = rates.next({running(7, 3'001'000)}, kNow + 3 * kSecond);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_DOUBLE_EQ(second[0].packets_per_second, 1e6);
  EXPECT_NEAR(second[0].matched_share, 0.25, 1e-6);
  EXPECT_DOUBLE_EQ(second[0].cpu_share, 0.005);
  const auto idle = rates.next({running(7, 3'001'000)}, kNow + 4 * kSecond);
  EXPECT_EQ(idle[0].packets_per_second, 0);
  EXPECT_NEAR(idle[0].matched_share, 0.25, 1e-6);  // of all its packets
}

TEST(Rates, CountersThatGoBackAreNoRate) {
  Rates rates;
  rates.next({running(7, 1000)}, kNow);
  EXPECT_EQ(rates.next({running(7, 10)}, kNow + kSecond)[0].packets_per_second, 0);
  EXPECT_EQ(rates.next({running(7, 20)}, kNow)[0].packets_per_second, 0);  // the clock was set
}

TEST(Rates, NoteWhatChanged) {
  Rates rates;
  rates.next({running(7, 1000)}, kNow);
  EXPECT_THAT(rates.changes(), SizeIs(0));  // what ran before us is not new
  rates.next({specialised(running(7, 2000)), running(8, 1)}, kNow + kSecond);
  FilterRecord ended = specialised(running(7, 2000));
  ended.alive = false;
  rates.next({running(8, 1), ended}, kNow + 2 * kSecond);
  rates.next({running(8, 1), ended}, kNow + 3 * kSecond);  // said once
  ASSERT_THAT(rates.changes(), SizeIs(3));
  EXPECT_EQ(rates.changes()[0], (Change{kNow + kSecond, "tcpdump 7", "tcp port 80",
                                        "tier1 -> tier2 (llvm)", "it saves 2 ns of 5"}));
  EXPECT_EQ(rates.changes()[1].what, "new, tier1");
  EXPECT_EQ(rates.changes()[2].what, "finished");
}

TEST(Rates, KeepTheYoungestChanges) {
  Rates rates;
  rates.next({}, kNow);
  for (pid_t pid = 1; pid <= 100; ++pid) rates.next({running(pid, 1)}, kNow + kSecond);
  EXPECT_THAT(rates.changes(), SizeIs(Rates::kChangesKept));
  EXPECT_EQ(rates.changes().back().whose, "tcpdump 100");
}

TEST(Rates, Sort) {
  Rate slow{.record = running(3, 1)}, fast{.record = running(2, 1)}, same{.record = running(1, 1)};
  fast.packets_per_second = 9;
  slow.record.ns_per_packet = 90;
  std::vector<Rate> rates = {same, slow, fast};
  const auto pids = [&](SortBy by) {
    sort_rates(rates, by);
    std::vector<pid_t> pids;
    for (const Rate& rate : rates) pids.push_back(rate.record.pid);
    return pids;
  };
  EXPECT_THAT(pids(SortBy::kRate), ElementsAre(2, 1, 3));
  EXPECT_THAT(pids(SortBy::kNs), ElementsAre(3, 1, 2));
  EXPECT_THAT(pids(SortBy::kPid), ElementsAre(1, 2, 3));
}

TEST(TopScreen, ShowsFiltersAndChanges) {
  Rates rates;
  rates.next({running(4711, 1000)}, kNow);
  const auto now = rates.next({specialised(running(4711, 1'201'000))}, kNow + kSecond);
  const std::string screen = top_screen(now, rates.changes(), {120, 0}, SortBy::kRate, kNow);
  for (const char* part : {"1 filter,", "1.2M packets/s", "by PKT/S", "tier2", "tcpdump 4711",
                           "tcp port 80", "tier1 -> tier2 (llvm)", "it saves 2 ns of 5"})
    EXPECT_THAT(screen, HasSubstr(part));
  EXPECT_THAT(top_screen({}, {}, {80, 24}, SortBy::kCpu, kNow), HasSubstr("no filter runs"));
}

TEST(TopScreen, FitsItsTerminal) {
  Rates rates;
  rates.next({}, kNow);
  std::vector<FilterRecord> records;
  for (pid_t pid = 1; pid <= 50; ++pid) {
    records.push_back(specialised(running(4'000'000 + pid, UINT64_MAX)));
    records.back().name = std::string(511, 'x');
    records.back().comm = "0123456789abcde";
    records.back().saved_seconds = -9'999'999;
  }
  const auto now = rates.next(records, kNow + kSecond);
  for (size_t columns : {80, 100, 200})
    for (size_t rows : {1, 3, 4, 10, 24, 54, 61, 62, 63, 100}) {
      const auto lines =
          lines_of(top_screen(now, rates.changes(), {columns, rows}, SortBy::kRate, kNow));
      EXPECT_LE(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
    }
  const std::string small = top_screen(now, rates.changes(), {80, 24}, SortBy::kRate, kNow);
  EXPECT_THAT(small, HasSubstr("and 30 more\n"));
}

TEST(TopScreen, OtherUsersCannotSendEscapes) {
  Rates rates;
  rates.next({}, kNow);
  FilterRecord record = specialised(running(7, 1));
  record.name = "tcp\x1b[2J\nport";
  record.comm = "\x1b]0;x";
  record.tier.backend = "\x1b[1m";
  record.tier.why = "\x1b[5m \xc2\x9b;5m";
  const auto now = rates.next({record}, kNow + kSecond);
  EXPECT_THAT(top_screen(now, rates.changes(), {100, 24}, SortBy::kRate, kNow),
              AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x9b"))));
}

TEST(TopJson, HasTheChangesOfThisReading) {
  Rates rates;
  rates.next({running(7, 1000)}, kNow);
  auto now = rates.next({specialised(running(7, 2000))}, kNow + kSecond);
  auto json = top_json(now, rates.changes(), kNow + kSecond);
  EXPECT_EQ(json["filters"][0]["packets_per_second"], 1000);
  EXPECT_EQ(json["filters"][0]["tier"]["backend"], "llvm");
  EXPECT_EQ(json["changes"][0]["what"], "tier1 -> tier2 (llvm)");
  now = rates.next({specialised(running(7, 2000))}, kNow + 2 * kSecond);
  EXPECT_TRUE(top_json(now, rates.changes(), kNow + 2 * kSecond)["changes"].empty());
}

}  // namespace
}  // namespace ipjit::cli
