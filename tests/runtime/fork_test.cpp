// SPDX-License-Identifier: BSD-2-Clause
// After fork() parent and child filter on, each with its own counts, also while other threads of
// the parent run, publish and open filters.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "runtime/stats.h"
#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"
#include "tests/runtime/stats_root.h"

namespace ipjit::runtime {
namespace {

uint32_t run(const Filter& filter) {
  static const auto packet = ip_packet();
  return filter.run(packet.data(), packet.size(), packet.size());
}

TEST(Fork, ChildAndParentCountForThemselves) {
  auto filter = make_filter(always(3));
  for (int i = 0; i < 100; ++i) run(*filter);
  const int status = in_child([&] {
    if (filter->record().packets != 0) return 1;
    for (int i = 0; i < 7; ++i)
      if (run(*filter) != 3) return 2;
    const FilterRecord record = filter->record();
    if (record.packets != 7 || record.matched != 7) return 3;
    if (record.pid != getpid()) return 4;
    return 0;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
  EXPECT_EQ(filter->record().packets, 100u);
}

TEST(Fork, AChildReplacesAndCompilesAndItsParentDoesNotNotice) {
  auto filter = make_filter(always(3));
  run(*filter);
  const int status = in_child([&] {
    for (uint32_t i = 0; i < 500; ++i)
      if (!filter->replace(always(i)) || run(*filter) != i) return 1;
    auto another = make_filter(always(8));
    return run(*another) == 8 ? 0 : 2;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
  EXPECT_EQ(run(*filter), 3u);
  EXPECT_EQ(filter->record().swaps, 0u);
}

TEST(Fork, AGrandchildToo) {
  auto filter = make_filter(always(3));
  const int status = in_child([&] {
    run(*filter);
    const int inner = in_child([&] {
      if (filter->record().packets != 0) return 1;
      return run(*filter) == 3 && filter->record().packets == 1 ? 0 : 2;
    });
    return exited(inner, 0) && filter->record().packets == 1 ? 0 : 3;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

TEST(Fork, IsShownUnderItsOwnProcess) {
  auto filter = make_filter(always(3), {}, "forked and shown");
  const int status = in_child([&] {
    for (int i = 0; i < 5000; ++i) run(*filter);
    for (const FilterRecord& record : read_all_stats(stats_root()))
      if (record.pid == getpid() && record.name == "forked and shown")
        return record.alive && record.packets >= 1000 && record.packets <= 5000 ? 0 : 2;
    return 1;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

TEST(Fork, ThreadsWithoutAStripeAreNotInsideInTheChild) {
  const std::unique_ptr<FilterStats> stats = FilterStats::open("shared", bpf::Dialect::kLibpcap);
  const auto inside = [&] { return stats->shared().inside[0] + stats->shared().inside[1]; };
  stats->shared().inside[0] = 1;  // as such a thread leaves it
  stats->shared().inside[1] = 2;
  EXPECT_TRUE(exited(in_child([&] { return static_cast<int>(inside()); }), 0));
  shared_runs = 1;  // forked from a signal handler inside a run
  EXPECT_TRUE(exited(in_child([&] { return static_cast<int>(inside()); }), 3));
  shared_runs = 0;
  stats->shared().inside[0] = stats->shared().inside[1] = 0;
}

/// More threads than there are stripes run in the parent: what the child replaces is freed.
TEST(Fork, AChildOfMoreThreadsThanStripesFreesWhatItReplaces) {
  if (kSanitized) GTEST_SKIP() << "sanitizers do not support threads in a forked child";
  auto filter = make_filter(always(3));
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < stripe_count() + 8; ++i)
    threads.emplace_back([&] {
      static const auto packet = ip_packet();
      const std::vector<ipjit_packet> burst(64, {packet.data(), 64, 64});
      uint32_t verdicts[64];
      while (!stop) filter->slot().run_burst(burst, verdicts);
    });
  for (int i = 0; i < 20; ++i) {
    const int status = in_child([&] {
      for (uint32_t n = 0; n < 200; ++n)
        if (!filter->replace(always(n))) return 1;
      return filter->slot().retired() < 150 ? 0 : 2;
    });
    EXPECT_TRUE(exited(status, 0)) << status;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(Fork, WhileThreadsRunPublishAndOpenFilters) {
  if (kSanitized) GTEST_SKIP() << "sanitizers do not support threads in a forked child";
  auto filter = make_filter(always(3));
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!stop) run(*filter);
  });
  threads.emplace_back([&] {
    while (!stop) (void)bool(filter->replace(always(3)));
  });
  threads.emplace_back([&] {
    while (!stop) run(*make_filter(always(4)));
  });
  threads.emplace_back([&] {
    while (!stop) (void)bool(filter->replace("no such ("));
  });
  for (int i = 0; i < 50; ++i) {
    const int status = in_child([&] {
      alarm(300);  // a lock that was left held would hang here
      for (int n = 0; n < 100; ++n)
        if (run(*filter) != 3 || !filter->replace(always(3))) return 1;
      run(*make_filter(always(5)));
      if (!filter->replace("ip")) return 3;
      return filter->record().packets == 100 ? 0 : 2;
    });
    ASSERT_TRUE(exited(status, 0)) << status;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ipjit::runtime
