// SPDX-License-Identifier: BSD-2-Clause
// The kernel's filters as text and JSON.
#include "tools/ipjit/kernel/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/kernel_sample.h"
#include "tests/cli/lines.h"
#include "tools/ipjit/kernel/rates.h"

namespace ipjit::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(KernelTable, IsThis) {
  EXPECT_EQ(kernel_table(sample_view(), 80, sample_interface),
            R"(IN THE KERNEL, observe: the kernel's own code decides            PROGRAM, SOCKET
  ENGINE  PACKETS  NATIVE  PASSED SAMPLES    BOTH DIFFER SAVING   CODE RETREATS
filter 12, 24 instructions                        tcpdump, packet socket on eth0
  tier2      1.2M    99 %      12    1204    1.2M      0   31 %   1231        1
filter 14, 24 instructions                               dhclient, packet socket
  tier1       553   100 %       0       0     553      0    0 %    160        0
filter 15, 24 instructions, evicted                                   udp socket
  kernel        0       -       0       0       0      -      -      0        0
1,204,553 packets, 0 differences, would save 31 % of filter time
left alone: 2, because: an eBPF program, not a classic one
)");
}

TEST(KernelTable, WhyComesFromTheDaemon) {
  KernelView view = sample_view();
  EXPECT_THAT(kernel_table(view, 80, sample_interface, true),
              HasSubstr("    - tier 2 saves 31 % of tier 1's time on 4096 sampled packets\n"));
  view.daemon = {};
  const std::string text = kernel_table(view, 80, sample_interface, true);
  EXPECT_THAT(text, HasSubstr("nobody offers code"));
  EXPECT_THAT(text, HasSubstr("ipjitd does not run"));
}

TEST(KernelTable, AnEmptyKernelSaysSo) {
  KernelView view;
  view.daemon.running = true;
  EXPECT_EQ(kernel_table(view, 80, sample_interface),
            "IN THE KERNEL, off: nothing is taken over                        PROGRAM, SOCKET\n"
            "no socket has a filter that is taken over\n");
}

TEST(KernelTable, NoLineIsTooWideWhateverTheNumbers) {
  KernelView view = sample_view();
  ipjit_dev_filter& filter = view.filters[0];
  filter.id = filter.packets = filter.native = filter.passed_on = filter.sampled = UINT64_MAX;
  filter.compared = filter.differences = filter.retreats = UINT64_MAX;
  filter.native_cycles = UINT64_MAX;
  filter.kernel_cycles = 1'000'000'000'000'000'000;
  filter.insns = filter.code_bytes = filter.ifindex = filter.protocol = UINT32_MAX;
  filter.family = AF_INET6;
  std::memcpy(filter.comm, "\x1b[2J56789abcdef", sizeof filter.comm);
  for (size_t columns : {80, 93, 120})
    for (const std::string& line : lines_of(kernel_table(view, columns, sample_interface, true))) {
      EXPECT_LE(line.size(), columns) << line;
      EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    }
}

TEST(KernelTable, APauseIsTheKernelsEngine) {
  KernelView view = sample_view();
  view.info.paused = 1;
  EXPECT_EQ(engine_of(view.filters[0], view.info), "kernel");
  EXPECT_THAT(kernel_table(view, 80, sample_interface), HasSubstr("paused: the kernel's own"));
}

TEST(KernelTable, ComparisonsInWords) {
  EXPECT_EQ(comparison_words({}, false), "");
  EXPECT_EQ(comparison_words({.packets = 1, .differences = 1}, true), "1 packet, 1 difference");
  EXPECT_EQ(comparison_words({1204553, 0, 100, 69}, false),
            "1,204,553 packets, 0 differences, would save 31 % of filter time");
  EXPECT_EQ(comparison_words({2, 0, 100, 69}, true),
            "2 packets, 0 differences, saves 31 % of filter time");
  EXPECT_EQ(comparison_words({2, 0, 100, 105}, false),
            "2 packets, 0 differences, would take 5 % more filter time");

  ipjit_dev_info info = {};
  info.mode = IPJIT_DEV_ON;
  EXPECT_TRUE(ours_decides(info));
  info.shadow = 1;
  EXPECT_FALSE(ours_decides(info));
}

TEST(KernelTable, Sockets) {
  ipjit_dev_filter filter = sample_filter(1, "x");
  EXPECT_EQ(socket_words(filter, sample_interface), "packet socket");
  filter.ifindex = 9;
  EXPECT_EQ(socket_words(filter, sample_interface), "packet socket on interface 9");
  filter.family = AF_INET6;
  filter.type = SOCK_STREAM;
  filter.ifindex = 2;
  EXPECT_EQ(socket_words(filter, sample_interface), "tcp6 socket on eth0");
  filter.type = SOCK_RAW;
  filter.protocol = 58;
  filter.ifindex = 0;
  EXPECT_EQ(socket_words(filter, sample_interface), "raw6 socket, protocol 58");
  filter.family = AF_NETLINK;
  EXPECT_EQ(socket_words(filter, sample_interface), "socket of family 16");
}

TEST(KernelTable, JsonHoldsEveryNumber) {
  const auto json = kernel_json(sample_view(), sample_interface);
  EXPECT_EQ(json["mode"], "observe");
  EXPECT_EQ(json["compared"]["packets"], 1'204'553);
  EXPECT_EQ(json["compared"]["words"],
            "1,204,553 packets, 0 differences, would save 31 % of filter time");
  EXPECT_EQ(json["left"]["extended"], 2);
  EXPECT_EQ(json["left"].size(), static_cast<size_t>(IPJIT_DEV_LEFT_COUNT));
  ASSERT_EQ(json["filters"].size(), 3u);
  const auto& dump = json["filters"][0];
  EXPECT_EQ(dump["engine"], "tier2");
  EXPECT_EQ(dump["socket"], "packet socket on eth0");
  EXPECT_NEAR(dump["saving"].get<double>(), 0.31, 1e-9);
  EXPECT_EQ(dump["why"].size(), 1u);
  EXPECT_TRUE(json["filters"][2]["saving"].is_null());
  EXPECT_EQ(json["filters"][2]["evicted"], true);
  EXPECT_EQ(json["filters"][2]["wrong"], false);
  EXPECT_EQ(dump["first_native"], 17);
  EXPECT_EQ(json["filters"][1]["first_native"], 0) << "at once";
  EXPECT_TRUE(json["filters"][2]["first_native"].is_null()) << "never";
}

TEST(KernelTable, WrongCodeIsNamedAtItsFilter) {
  KernelView view = sample_view();
  view.filters[1].flags = IPJIT_DEV_WRONG;
  EXPECT_THAT(kernel_table(view, 120, sample_interface), HasSubstr("taken away: a wrong verdict"));
  EXPECT_EQ(kernel_json(view, sample_interface)["filters"][1]["wrong"], true);
}

TEST(KernelRates, AreDifferences) {
  KernelRates rates;
  KernelView view = sample_view();
  EXPECT_EQ(rates.next(view, 1'000'000'000)[0].packets_per_second, 0);
  view.filters[1].packets += 3000;
  view.filters[1].native += 1500;
  const std::vector<KernelRate> now = rates.next(view, 3'000'000'000);
  ASSERT_EQ(now.size(), 3u);
  EXPECT_EQ(now[0].filter.id, 14u);
  EXPECT_DOUBLE_EQ(now[0].packets_per_second, 1500);
  EXPECT_DOUBLE_EQ(now[0].native_share, 0.5);
  EXPECT_EQ(kernel_rate_lines(now, 80, sample_interface)[2],
            "    1500    50 %     0 % tier1          0  filter 14, dhclient, packet socket");
  EXPECT_EQ(kernel_rates_json(now, sample_interface)[0]["packets_per_second"], 1500);
  EXPECT_TRUE(kernel_rate_lines({}, 80, sample_interface).empty());
}

TEST(DaemonStatusFile, IsReadOrRefused) {
  Result<DaemonStatus> status = parse_daemon_status(
      R"({"version": 1, "pid": 7, "mode": "on", "waiting": 2, "counts": {"installs": 3},
          "tier1": {"cpu_ms": 40, "percent": 50},
          "tier2": {"on": true, "unavailable": "no ipjit-tier2", "cpu_ms": 12, "percent": 5},
          "filters": [{"id": 3, "tier": 2, "why": ["a", "b"]}]})");
  ASSERT_TRUE(status) << status.error().why;
  EXPECT_EQ(status->pid, 7);
  EXPECT_EQ(status->waiting, 2u);
  EXPECT_EQ(status->cpu_ms, 12u);
  EXPECT_EQ(status->tier1_cpu_ms, 40u);
  EXPECT_EQ(status->tier1_percent, 50u);
  EXPECT_EQ(status->tier2_percent, 5u);
  EXPECT_EQ(status->no_tier2, "no ipjit-tier2");
  EXPECT_THAT(status->why[3], testing::ElementsAre("a", "b"));
  EXPECT_FALSE(parse_daemon_status("")->running);
  for (const char* bad :
       {"{", "{}", "[]", R"({"pid": "x"})", R"({"pid": 1, "filters": [{"why": 1}]})"})
    EXPECT_FALSE(parse_daemon_status(bad)) << bad;
}

}  // namespace
}  // namespace ipjit::cli
