// SPDX-License-Identifier: BSD-2-Clause
// Replacing programs under reading threads: no wrong verdict, no leak, no reader waits.
//
// The program of swap i accepts i bytes of every packet, so what a thread sees can only grow, and
// never beyond what has been published.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"

namespace ipjit::runtime {
namespace {

constexpr uint32_t kSwaps = kSanitized ? 20'000 : 1'000'000;

std::unique_ptr<Unit> unit_that_accepts(uint32_t bytes, Engine engine = Engine::kTier1) {
  Result<std::unique_ptr<Unit>> unit = build(always(bytes), {.engine = engine});
  IPJIT_CHECK(bool(unit));
  return std::move(*unit);
}

/// A slot as Filter makes one, with the publisher's door open.
struct Slot {
  explicit Slot(uint32_t bytes)
      : filter(make_filter(always(bytes))), slot(const_cast<FilterSlot&>(filter->slot())) {}
  std::unique_ptr<Filter> filter;
  FilterSlot& slot;
};

size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

struct Readers {
  std::atomic<bool> stop = false;
  std::atomic<uint32_t> published = 0;  ///< grows before the program does
  std::atomic<uint64_t> runs = 0;
  std::atomic<uint64_t> wrong = 0;
  std::vector<std::thread> threads;

  void start(size_t count, auto read_one) {
    for (size_t i = 0; i < count; ++i)
      threads.emplace_back([this, read_one, i] {
        uint32_t last = 0;
        uint64_t mine = 0;
        while (!stop.load(std::memory_order_relaxed)) {
          const uint32_t verdict = read_one(i);
          if (verdict < last || verdict > published.load()) ++wrong;
          last = verdict;
          ++mine;
        }
        runs += mine;
      });
  }

  void join() {
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }
};

/// A reader that is preempted inside a run holds up a grace period for as long as the system likes.
/// When it goes on, what waited is freed by the next to be retired.
/// Gives: the programs that it took; it gives up in the end.
uint32_t publish_until_freed(FilterSlot& slot, uint32_t accepts, size_t most_retired) {
  uint32_t published = 0;
  for (; slot.retired() >= most_retired && published < 60'000; ++published) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    slot.publish(unit_that_accepts(accepts, Engine::kLibpcap));
  }
  return published;
}

/// Every 16th program is native code in memory of its own; the others are made in less time than
/// a system call takes, so that a million do not take minutes.
TEST(Swap, AMillionSwapsUnderFourReaders) {
  const auto packet = ip_packet();
  Slot slot(1);
  const size_t mappings_before = mappings();
  Readers readers;
  readers.published = 1;
  readers.start(4,
                [&](size_t) { return slot.slot.run(packet.data(), packet.size(), packet.size()); });
  uint32_t twice = 0;
  for (uint32_t i = 2; i <= kSwaps; ++i) {
    auto unit = unit_that_accepts(i, i % 16 ? Engine::kLibpcap : Engine::kTier1);
    readers.published = i;
    slot.slot.publish(std::move(unit));
    if (i % 1024 != 0) continue;
    twice += publish_until_freed(slot.slot, i, kSwaps / 10);
    const bool freed = slot.slot.retired() < kSwaps / 10;
    EXPECT_TRUE(freed) << "readers never pause, but each run ends";
    if (!freed) break;
  }
  readers.join();
  EXPECT_EQ(readers.wrong, 0u);
  EXPECT_EQ(slot.slot.run(packet.data(), packet.size(), packet.size()), kSwaps);
  for (int i = 0; i < 256; ++i) slot.slot.publish(unit_that_accepts(kSwaps));
  EXPECT_LT(slot.slot.retired(), 128u) << "without readers every batch is freed by the next";
  EXPECT_LT(mappings(), mappings_before + 300);
  const FilterRecord record = slot.filter->record();
  EXPECT_EQ(record.swaps, kSwaps - 1 + twice + 256);
  EXPECT_EQ(record.packets, readers.runs + 1);
  EXPECT_EQ(record.matched, record.packets);
  RecordProperty("twice", static_cast<int>(twice));
  RecordProperty("runs", std::to_string(readers.runs));
}

TEST(Swap, BurstsAndContextsAndEveryEngine) {
  const auto packet = ip_packet();
  Slot slot(1);
  Readers readers;
  readers.published = 1;
  readers.start(3, [&](size_t reader) {
    if (reader == 0) return slot.slot.run(packet.data(), packet.size(), packet.size());
    if (reader == 1) {
      ipjit_ctx ctx = {};
      ctx.wire_len = 64;
      return slot.slot.run_ctx(packet.data(), packet.size(), ctx);
    }
    std::array<ipjit_packet, 100> packets;
    std::array<uint32_t, 100> verdicts;
    packets.fill({packet.data(), 64, 64});
    slot.slot.run_burst(packets, verdicts.data());
    for (size_t i = 1; i < verdicts.size(); ++i)
      if (verdicts[i] < verdicts[i - 1]) return 0u;
    return verdicts.back();
  });
  for (uint32_t i = 2; i <= kSwaps / 500; ++i) {
    const Engine engine = i % 3 == 0   ? Engine::kInterp
                          : i % 3 == 1 ? Engine::kTier1
                                       : Engine::kLibpcap;
    auto unit = unit_that_accepts(i, engine);
    readers.published = i;
    slot.slot.publish(std::move(unit));
  }
  readers.join();
  EXPECT_EQ(readers.wrong, 0u);
}

TEST(Swap, TwoPublishersAndAReaderOfStatistics) {
  const auto packet = ip_packet();
  Slot slot(7);
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) EXPECT_EQ(slot.slot.run(packet.data(), packet.size(), packet.size()), 7u);
  });
  std::thread statistics([&] {
    while (!stop) {
      const auto matched = slot.filter->record().matched;  // first: packets go on
      EXPECT_GE(slot.filter->record().packets, matched / 2);
    }
  });
  const auto publish = [&] {
    for (uint32_t i = 0; i < kSwaps / 1000; ++i) slot.slot.publish(unit_that_accepts(7));
  };
  std::thread other(publish);
  publish();
  other.join();
  stop = true;
  reader.join();
  statistics.join();
  EXPECT_EQ(slot.filter->record().swaps, 2 * (kSwaps / 1000));
}

TEST(Swap, ThreadsComeAndGoAndCountsStay) {
  const auto packet = ip_packet();
  Slot slot(1);
  constexpr int kThreads = 600;  // more than there are stripes
  for (int i = 0; i < kThreads; ++i)
    std::thread([&] { slot.slot.run(packet.data(), packet.size(), packet.size()); }).join();
  EXPECT_EQ(slot.filter->record().packets, static_cast<uint64_t>(kThreads));
}

TEST(Swap, MoreThreadsAtOnceThanStripes) {
  const auto packet = ip_packet();
  Slot slot(1);
  Readers readers;
  readers.published = 1;
  std::atomic<int> alive = 0;
  std::atomic<bool> all = false;
  constexpr int kThreads = 300;
  readers.start(kThreads, [&](size_t) {
    thread_local bool counted = (++alive, true);
    (void)counted;
    const uint32_t verdict = slot.slot.run(packet.data(), packet.size(), packet.size());
    while (!all) std::this_thread::yield();  // each has run once before any ends
    std::this_thread::yield();
    return verdict;
  });
  while (alive < kThreads) std::this_thread::yield();
  all = true;
  for (uint32_t i = 2; i <= kSwaps / 1000; ++i) {
    auto unit = unit_that_accepts(i);
    readers.published = i;
    slot.slot.publish(std::move(unit));
  }
  readers.join();
  EXPECT_EQ(readers.wrong, 0u);
  EXPECT_EQ(slot.filter->record().packets, readers.runs);
  for (int i = 0; i < 256; ++i) slot.slot.publish(unit_that_accepts(1));
  EXPECT_LT(slot.slot.retired(), 128u) << "the shared line lets grace periods end, too";
}

/// A sandbox that forbids membarrier after the filter was made: programs are replaced, none is
/// freed.
TEST(Swap, WhereMembarrierIsForbiddenNothingIsFreed) {
  Slot slot(1);
  const auto packet = ip_packet();
  const int status = in_child([&] {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {std::size(rules), rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 2;
    for (uint32_t i = 2; i <= 200; ++i) {
      slot.slot.publish(unit_that_accepts(i));
      if (slot.slot.run(packet.data(), packet.size(), packet.size()) != i) return 3;
    }
    return slot.slot.retired() == 199 ? 0 : 4;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

/// A packet that nobody can read yet: a run that comes to it stops there, in the handler of its
/// fault, until the packet is there.  It comes by itself after a minute.
class LatePacket {
 public:
  LatePacket() {
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    IPJIT_CHECK(page != MAP_FAILED);
    data_ = static_cast<uint8_t*>(page);
    std::memcpy(data_, ip_packet().data(), ip_packet().size());
    mprotect(data_, kPage, PROT_NONE);
    awaited_ = came_ = false;
    struct sigaction action = {};
    action.sa_sigaction = wait_for_it;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, &before_);
  }
  ~LatePacket() {
    sigaction(SIGSEGV, &before_, nullptr);
    munmap(data_, kPage);
  }
  LatePacket(const LatePacket&) = delete;
  LatePacket& operator=(const LatePacket&) = delete;

  const uint8_t* data() const { return data_; }
  bool awaited() const { return awaited_; }
  void comes() { came_ = true; }

 private:
  static constexpr size_t kPage = 4096;

  static void wait_for_it(int, siginfo_t* info, void*) {
    const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
    if (at - reinterpret_cast<uintptr_t>(data_) >= kPage) {
      sigaction(SIGSEGV, &before_, nullptr);  // a real fault: it happens again
      return;
    }
    const int saved_errno = errno;
    awaited_ = true;
    const timespec pause = {0, 1'000'000};
    for (int ms = 0; ms < 60'000 && !came_; ++ms) nanosleep(&pause, nullptr);
    mprotect(data_, kPage, PROT_READ);
    errno = saved_errno;
  }

  static inline uint8_t* data_;
  static inline std::atomic<bool> awaited_, came_;
  static inline struct sigaction before_;
};

/// A reader stopped in the middle of a run keeps its program, and everybody else goes on.
TEST(Swap, AProgramThatIsBeingRunIsNotFreed) {
  auto filter = make_filter(only_ip());
  auto& slot = const_cast<FilterSlot&>(filter->slot());
  const auto packet = ip_packet();
  LatePacket late;
  std::atomic<bool> done = false;
  std::atomic<uint32_t> verdict = 0;
  std::thread reader([&] {
    ipjit_ctx ctx = {};
    verdict = slot.run_ctx(late.data(), packet.size(), ctx);
    done = true;
  });
  while (!late.awaited() && !done) std::this_thread::yield();
  for (uint32_t i = 0; i < 1000; ++i) slot.publish(unit_that_accepts(9));
  EXPECT_FALSE(done) << "publishing must not have waited for the reader";
  EXPECT_GT(slot.retired(), 900u);
  EXPECT_EQ(slot.run(packet.data(), packet.size(), packet.size()), 9u);
  late.comes();
  reader.join();
  EXPECT_EQ(verdict, 65535u) << "the program that it began with";
  for (int i = 0; i < 256; ++i) slot.publish(unit_that_accepts(9));
  EXPECT_LT(slot.retired(), 128u);
}

}  // namespace
}  // namespace ipjit::runtime
