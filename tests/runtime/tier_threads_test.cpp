// SPDX-License-Identifier: BSD-2-Clause
// Tier changes under running threads: no wrong verdict, nothing left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <thread>
#include <vector>

#include "runtime/lock.h"
#include "tests/runtime/child.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

/// Packets of both kinds on some threads, each verdict looked at.
struct Traffic {
  explicit Traffic(const Filter& filter, int count) : filter(filter) {
    for (int i = 0; i < count; ++i) threads.emplace_back([this] { run(); });
  }
  ~Traffic() { stop_all(); }
  void stop_all() {
    stop = true;
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
  void run() {
    const auto ip = ip_packet(), arp = arp_packet();
    uint64_t mine = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 16; ++i) mine += filter.run(ip.data(), 64, 64) != 65535;
      mine += filter.run(arp.data(), 64, 64) != 0;
    }
    wrong += mine;
  }
  const Filter& filter;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> wrong = 0;
  std::vector<std::thread> threads;
};

std::unique_ptr<Unit> special_for(Filter& filter) {
  std::lock_guard lock(runtime_lock());
  const Unit& general = *filter.tier()->slot->general();
  static Compile compiler(as_tier1);
  auto unit = build_special(general, parsed(for_zeros()), compiler, filter.tier()->target);
  IPJIT_CHECK(bool(unit));
  return std::move(*unit);
}

void advance(Filter& filter) {
  auto special = special_for(filter);
  std::lock_guard lock(runtime_lock());
  filter.tier()->slot->advance(std::move(special), "test");
}

void retreat(Filter& filter) {
  std::lock_guard lock(runtime_lock());
  FilterSlot& slot = *filter.tier()->slot;
  slot.retreat(*slot.special(), Retreat::kDrift);
}

TEST(TierThreads, TenThousandChangesLeaveNothingBehind) {
  allow_builder(false);
  auto filter = Street::make_tiered(ip_without_ones(), bpf::Dialect::kLibpcap);
  constexpr int kChanges = kSanitized ? 1'000 : 10'000;
  const auto change = [&](int count) {
    for (int i = 0; i < count; i += 2) {
      advance(*filter);
      retreat(*filter);
    }
  };
  Traffic traffic(*filter, 2);
  change(kChanges / 10);
  traffic.stop_all();
  change(200);  // without readers every batch is freed by the next
  const size_t mappings_before = mappings();
  const size_t bytes_before = mallinfo2().uordblks;
  Traffic more(*filter, 2);
  change(kChanges);
  more.stop_all();
  change(200);
  EXPECT_EQ(traffic.wrong + more.wrong, 0u);
  EXPECT_LE(mappings(), mappings_before + 80);
  if (!kSanitized) {
    EXPECT_LE(mallinfo2().uordblks, bytes_before + (1 << 20));
  }
  EXPECT_LT(filter->slot().retired(), 128u);
  const TierRecord record = filter->record().tier;
  // A thread may have retreated first, by its guards: it is counted once in any case.
  EXPECT_EQ(record.changes, 2 * record.retreats);
  EXPECT_EQ(record.builds, record.retreats);
  EXPECT_EQ(record.tier, 1u);
}

TEST(TierThreads, RetreatsReplacementsAndBuildsAtOnce) {
  allow_builder(false);
  auto filter = Street::make_tiered(ip_without_ones(), bpf::Dialect::kLibpcap);
  Traffic traffic(*filter, 2);
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) {
      EXPECT_TRUE(bool(filter->replace(ip_without_ones())));
      filter->assume_length(0, 100 + filter->record().swaps % 7);
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  for (int i = 0; i < (kSanitized ? 100 : 1'000); ++i) {
    auto special = special_for(*filter);
    std::lock_guard lock(runtime_lock());
    FilterSlot& slot = *filter->tier()->slot;
    if (special->general == slot.general().get()) slot.advance(std::move(special), "test");
  }
  stop = true;
  owner.join();
  traffic.stop_all();
  EXPECT_EQ(traffic.wrong, 0u);
}

/// Nothing is injected here: the builder starts by itself and the real specialiser works.
struct Unaided : testing::Test {
  void SetUp() override {
    allow_builder(false);  // one that another test's filters have started
    allow_builder(true);
  }
  void TearDown() override { allow_builder(false); }

  /// Byte 30 to 37 are 0 or 1 by chance: branches that nobody can guess.
  static std::vector<std::array<uint8_t, 64>> packets() {
    std::vector<std::array<uint8_t, 64>> packets(4096, ip_packet());
    uint32_t random = 1;
    for (auto& packet : packets)
      for (int i = 30; i < 38; ++i) {
        random = random * 1664525 + 1013904223;
        packet[i] = random >> 29 == 0;
      }
    return packets;
  }

  /// The builder has what the other threads of the machine leave, so it is left some, and time.
  static bool reaches_tier2(const Filter& filter) {
    const auto traffic = packets();
    const auto end = steady_clock::now() + kPatience;
    while (steady_clock::now() < end) {
      for (int i = 0; i < 50; ++i)
        for (const auto& packet : traffic) filter.run(packet.data(), 64, 64);
      if (filter.record().tier.tier == 2) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  static constexpr std::chrono::seconds kPatience{240};
};

TEST_F(Unaided, AHotFilterReachesTier2WithNoOptionSet) {
  if (kSanitized) GTEST_SKIP() << "under a sanitizer it is not fast enough to pay";
  auto filter = make_filter(ip_without_ones());
  ASSERT_FALSE(builder_runs()) << "for a filter that nobody runs nothing is done";
  ASSERT_TRUE(reaches_tier2(*filter)) << filter->record().tier.why;
  EXPECT_TRUE(builder_runs());
  EXPECT_EQ(filter->record().engine, "tier2");
}

TEST_F(Unaided, AShortRunIsLeftAlone) {
  auto filter = make_filter(ip_without_ones());
  const auto packet = ip_packet();
  for (int i = 0; i < 50'000; ++i) filter->run(packet.data(), 64, 64);
  EXPECT_FALSE(builder_runs());
}

TEST_F(Unaided, AChildStartsItsOwn) {
  if (kSanitized) GTEST_SKIP() << "sanitizers do not support threads in a forked child";
  auto filter = make_filter(ip_without_ones());
  ASSERT_TRUE(reaches_tier2(*filter));
  const int status = in_child([&] {
    alarm(2 * kPatience.count());
    auto another = make_filter(ip_without_ones());
    if (!reaches_tier2(*another)) return 2;
    if (!builder_runs()) return 3;
    // The inherited filter goes on, and comes back.
    const auto arp = arp_packet();
    for (int i = 0; i < 1'000'000 && filter->record().tier.tier == 2; ++i)
      if (filter->run(arp.data(), 64, 64) != 0) return 4;
    return 0;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
  EXPECT_TRUE(builder_runs());
}

TEST_F(Unaided, EndsWithTheProcessAtOnce) {
  if (kSanitized) GTEST_SKIP() << "sanitizers do not support threads in a forked child";
  const int status = in_child([&] {
    auto filter = make_filter(ip_without_ones());
    if (!reaches_tier2(*filter)) return 1;
    alarm(60);     // the thread itself would go on for ever
    std::exit(7);  // with handlers and destructors, beside the running thread
  });
  EXPECT_TRUE(exited(status, 7)) << status;
}

/// The thread, asleep or at work.
int builders() {
  int found = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string name;
    std::getline(comm, name);
    found += name == "ipjit-tier2";
  }
  return found;
}

bool soon(auto happens) {
  for (int i = 0; i < 6000 && !happens(); ++i) std::this_thread::sleep_for(milliseconds(10));
  return happens();
}

TEST_F(Unaided, TheThreadEndsWithTheLastFilterAndComesWithTheNext) {
  auto filter = make_filter(ip_without_ones());
  auto another = make_filter(ip_without_ones());
  EXPECT_TRUE(soon([] { return builders() == 1; }));
  filter.reset();
  another.reset();
  EXPECT_TRUE(soon([] { return builders() == 0; }));
  filter = make_filter(ip_without_ones());
  EXPECT_TRUE(soon([] { return builders() == 1; }));
}

TEST_F(Unaided, AFilterThatIsNotTieredHasNoThread) {
  ASSERT_TRUE(soon([] { return builders() == 0; }));
  auto filter = make_filter(ip_without_ones(), {.tier_up = TierUp::kOff});
  EXPECT_EQ(builders(), 0);
}

/// What a descriptor is connected to must see its end when the program has closed it.
TEST_F(Unaided, TheThreadKeepsNoDescriptorOpen) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  auto filter = make_filter(ip_without_ones());
  ASSERT_TRUE(soon([] { return builders() == 1; }));
  close(ends[1]);
  char byte;
  EXPECT_TRUE(soon([&] { return read(ends[0], &byte, 1) == 0; }));
  close(ends[0]);
}

/// As a daemon's, which gives up its standard error when it has made its filter.
TEST_F(Unaided, NotEvenStandardError) {
  const int status = in_child([] {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0 || dup2(ends[1], 2) != 2) return 2;
    close(ends[1]);
    auto filter = make_filter(ip_without_ones());
    if (!soon([] { return builders() == 1; })) return 3;
    close(2);
    char byte;
    return soon([&] { return read(ends[0], &byte, 1) == 0; }) ? 0 : 1;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

/// A process ends with the last of its threads, of which the builder is none.
TEST_F(Unaided, TheThreadDoesNotOutliveTheProgramsOwn) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have threads of their own";
  pid_t child = -1;
  // In the child this is the first thread, and GoogleTest, which catches all exceptions, is not
  // between it and its end.
  std::thread([&] {
    if ((child = ::fork()) != 0) return;
    static auto filter = make_filter(ip_without_ones());
    std::thread([] { (void)soon([] { return builders() == 1; }); }).detach();
    pthread_exit(nullptr);
  }).join();
  siginfo_t end = {};
  EXPECT_TRUE(soon([&] {
    return waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           end.si_pid == child;
  }));
  kill(child, SIGKILL);  // nothing to a process that has ended
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(exited(status, 0)) << status;
}

/// A thread that has blocked a signal with a handler looks like one that is in the handler.
TEST_F(Unaided, BlockedSignalsDoNotKeepTier2Away) {
  if (kSanitized) GTEST_SKIP() << "under a sanitizer it is not fast enough to pay";
  auto filter = make_filter(ip_without_ones());
  const auto before = signal(SIGUSR1, [](int) {});
  bool reached = false;
  std::thread([&] {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    reached = reaches_tier2(*filter);
  }).join();
  signal(SIGUSR1, before);
  EXPECT_TRUE(reached) << filter->record().tier.why;
}

/// As after daemon(), which looks like any other fork().
TEST_F(Unaided, AChildHasABuilderOfItsOwn) {
  auto filter = make_filter(ip_without_ones());
  const int status = in_child([&] { return soon([] { return builders() == 1; }) ? 0 : 1; });
  EXPECT_TRUE(exited(status, 0)) << status;
}

/// From now on only these, in the calling thread or in all; any other kills the process.
bool allow_only(std::initializer_list<uint32_t> calls, bool all_threads) {
  std::vector<sock_filter> rules = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const uint32_t call : calls) {
    rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  const sock_fprog program = {static_cast<unsigned short>(rules.size()), rules.data()};
  const unsigned flags = all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

/// What a process exits with that confines itself between its filter and its packets, and dies of
/// any call that is not a plain reader's; 0 where it lives and its statistics say why it is slow.
int confined(bool all_threads) {
  auto filter = make_filter(ip_without_ones());
  if (!soon([] { return builders() == 1; })) return 1;
  const auto traffic = Unaided::packets();
  // Reading the statistics takes getpid() and geteuid().
  if (!allow_only({SYS_read, SYS_lseek, SYS_write, SYS_futex, SYS_brk, SYS_mmap, SYS_munmap,
                   SYS_clock_gettime, SYS_getpid, SYS_geteuid, SYS_exit_group},
                  all_threads))
    return 2;
  const auto end = steady_clock::now() + Unaided::kPatience;
  std::string why;
  while (why.find("has confined itself") == std::string::npos) {
    if (steady_clock::now() > end) _exit(3);
    for (int i = 0; i < 50; ++i)
      for (const auto& packet : traffic) filter->run(packet.data(), 64, 64);
    why = filter->record().tier.why;
  }
  _exit(builder_runs() ? 4 : 0);  // not by return: freeing a filter takes more calls
}

TEST_F(Unaided, AThreadThatHasConfinedItselfIsNotKilled) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need more system calls";
  const int status = in_child([] { return confined(false); });
  EXPECT_TRUE(exited(status, 0)) << status;
}

TEST_F(Unaided, NorIsAProcessThatHasConfinedAllThreads) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need more system calls";
  const int status = in_child([] { return confined(true); });
  EXPECT_TRUE(exited(status, 0)) << status;
}

/// What a sandbox that allows fork(), but no threads, does to a child with its parent's filters.
int forks_confined() {
  auto filter = make_filter(ip_without_ones());
  if (!soon([] { return builders() == 1; })) return 1;
  if (!allow_only(
          {SYS_clone, SYS_wait4, SYS_set_robust_list, SYS_gettid, SYS_prctl, SYS_rt_sigprocmask,
           SYS_mremap, SYS_read, SYS_lseek, SYS_write, SYS_futex, SYS_brk, SYS_mmap, SYS_munmap,
           SYS_clock_gettime, SYS_getpid, SYS_geteuid, SYS_exit_group},
          false))
    return 2;
  _exit(exited(in_child([] { return 0; }), 0) ? 0 : 3);
}

TEST_F(Unaided, AChildOfAConfinedProcessHasNoBuilder) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need more system calls";
  const int status = in_child([] { return forks_confined(); });
  EXPECT_TRUE(exited(status, 0)) << status;
}

}  // namespace
}  // namespace ipjit::runtime
