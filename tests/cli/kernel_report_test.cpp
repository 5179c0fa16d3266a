// SPDX-License-Identifier: BSD-2-Clause
// `ipjit kernel status` and `ipjit budget` as text and JSON.
#include "tools/ipjit/kernel/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/kernel_sample.h"

namespace ipjit::cli {
namespace {

using testing::HasSubstr;

KernelStatus loaded() {
  KernelStatus status = {.view = sample_view()};
  status.facts.loaded = true;
  status.facts.loaded_version = "0.1.0";
  status.facts.daemon_running = true;
  status.facts.daemon_pid = 4711;
  return status;
}

TEST(KernelReport, StatusOfALoadedModule) {
  EXPECT_EQ(status_text(loaded(), 80),
            R"(module        loaded, version 0.1.0
mode          observe; at the next start observe
filters       3 taken over, 2 with our code
observed      1,204,553 packets, 0 differences, would save 31 % of filter time
left alone    2, because: an eBPF program, not a classic one
code          12.5 KiB of 1 MiB; tables 64 KiB
compiled      14 accepted, 1 refused; verified with 31.4 cycles a byte
ipjitd        runs, pid 4711
)");
}

TEST(KernelReport, StatusWithoutTheModuleSaysWhatToDo) {
  KernelStatus status = {.refusal = "the module is not loaded: sudo ipjit kernel load"};
  EXPECT_EQ(status_text(status, 80),
            R"(module        the module is not loaded: sudo ipjit kernel load
mode          starts in observe (as configured)
)");
  EXPECT_TRUE(status_json(status)["kernel"].is_null());
}

TEST(KernelReport, AnUncleanBootIsSaid) {
  KernelStatus status = loaded();
  status.view->info.mode = IPJIT_DEV_OFF;
  status.facts.boot.configured = IPJIT_DEV_ON;
  status.facts.boot.held = "the machine stopped";
  const std::string text = status_text(status, 120);
  EXPECT_THAT(text, HasSubstr("mode          off; at the next start off\n"));
  EXPECT_THAT(text, HasSubstr("held in off   the machine stopped; `sudo ipjit kernel mode on`"));
  EXPECT_EQ(status_json(status)["held"], "the machine stopped");
  EXPECT_EQ(status_json(status)["next_start"]["mode"], "off");
}

TEST(KernelReport, Budget) {
  ipjit_dev_use all = {};
  all.filters = 3;
  all.code = 1391;
  all.table = 65536;
  all.evictions = 1;
  all.limit.code_user = 262144;
  all.limit.code_all = 1 << 20;
  all.limit.table_all = 16 << 20;
  all.limit.filters_user = 1024;
  ipjit_dev_use user = all;
  user.what = 1;
  user.filters = 2;
  const std::vector<Use> uses = {{"all", all}, {"uid 1000", user}};
  const DaemonStatus daemon = {.running = true,
                               .pid = 7,
                               .cpu_ms = 1250,
                               .tier1_cpu_ms = 40,
                               .tier1_percent = 50,
                               .tier2_percent = 5};
  EXPECT_EQ(budget_text(uses, sample_view().info, daemon),
            R"(WHOSE                FILTERS                     CODE                   TABLES
all                        3         1.4 KiB of 1 MiB         64 KiB of 16 MiB
uid 1000                   2       1.4 KiB of 256 KiB            64 KiB of any
code cache 12.5 KiB of 1 MiB, 1 evicted under pressure
ipjitd: first compiles 40 ms, at most 50 % of a processor; tier 2 1.2 s, at most 5 % of a processor
--code-user       256 KiB  code of one user's filters
--code-netns          any  code of one network namespace
--code-all          1 MiB  code in all
--table-user          any  tables of one user's filters
--table-netns         any  tables of one network namespace
--table-all        16 MiB  tables in all
--filters-user      1,024  filters of one user
)");
  EXPECT_THAT(budget_text(uses, sample_view().info, {}),
              testing::HasSubstr("\nipjitd does not run\n"));
  EXPECT_TRUE(budget_json(uses, sample_view().info, {})["ipjitd"].is_null());
  const auto json = budget_json(uses, sample_view().info, daemon);
  EXPECT_EQ(json["ipjitd"]["tier2"]["cpu_ms"], 1250);
  EXPECT_EQ(json["ipjitd"]["tier1"]["percent"], 50);
  EXPECT_EQ(json["limits"]["code-user"], 262144);
  EXPECT_EQ(json["uses"][1]["whose"], "uid 1000");
}

TEST(KernelReport, BytesBothWays) {
  EXPECT_EQ(bytes_words(640), "640 B");
  EXPECT_EQ(bytes_words(1536), "1.5 KiB");
  EXPECT_EQ(bytes_words(UINT64_MAX), "16384 PiB");
  EXPECT_EQ(bytes_of("65536"), 65536u);
  EXPECT_EQ(bytes_of("64k"), 65536u);
  EXPECT_EQ(bytes_of("3G"), 3ull << 30);
  for (const char* bad : {"", "0", "-1", "1T", "1kk", "k", "99999999999G", "1 k"})
    EXPECT_EQ(bytes_of(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace ipjit::cli
