// SPDX-License-Identifier: BSD-2-Clause
// The ring of sampled heads, and when a thread looks up from its packets.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>

#include "runtime/tier/sample_ring.h"
#include "runtime/tier/watch.h"
#include "tests/runtime/child.h"

namespace ipjit::runtime {
namespace {

/// A head whose every byte can be told from another's.
void write(Head& head, uint32_t stripe, uint64_t ordinal) {
  head.stripe = stripe;
  head.ordinal = ordinal;
  head.copied = Head::kBytes;
  head.bytes.fill(static_cast<uint8_t>(stripe * 31 + ordinal));
}

bool is_whole(const Head& head) {
  for (uint8_t byte : head.bytes)
    if (byte != static_cast<uint8_t>(head.stripe * 31 + head.ordinal)) return false;
  return true;
}

TEST(SampleRing, GivesBackInOrderAndRefusesWhenFull) {
  auto ring = std::make_unique<SampleRing>();
  Head head;
  EXPECT_FALSE(ring->pop(head));
  for (int lap = 0; lap < 3; ++lap) {
    for (uint64_t i = 0; i < SampleRing::kSlots; ++i)
      ASSERT_TRUE(ring->push([&](Head& to) { write(to, 1, i); }));
    EXPECT_FALSE(ring->push([](Head&) { FAIL() << "the ring is full"; }));
    for (uint64_t i = 0; i < SampleRing::kSlots; ++i) {
      ASSERT_TRUE(ring->pop(head));
      ASSERT_EQ(head.ordinal, i);
      ASSERT_TRUE(is_whole(head));
    }
    EXPECT_FALSE(ring->pop(head));
  }
}

TEST(SampleRing, ManyWritersAndOneReader) {
  auto ring = std::make_unique<SampleRing>();
  constexpr uint32_t kWriters = 4;
  constexpr uint64_t kEach = kSanitized ? 2'000 : 20'000;
  std::atomic<uint32_t> writing = kWriters;
  std::vector<std::thread> writers;
  for (uint32_t w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      for (uint64_t i = 0; i < kEach; ++i)
        while (!ring->push([&](Head& to) { write(to, w, i); })) std::this_thread::yield();
      --writing;
    });
  std::map<uint32_t, uint64_t> next;
  uint64_t popped = 0;
  Head head;
  while (true) {
    const bool last = writing == 0;
    while (ring->pop(head)) {
      ++popped;
      ASSERT_TRUE(is_whole(head));
      ASSERT_EQ(head.ordinal, next[head.stripe]++);
    }
    if (last) break;
    std::this_thread::yield();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(popped, kWriters * kEach);
}

TEST(SampleRing, AChildDropsWhatItsParentLeft) {
  auto ring = std::make_unique<SampleRing>();
  for (uint64_t i = 0; i < 700; ++i) ring->push([&](Head& to) { write(to, 1, i); });
  ring->restart_in_child();
  Head head;
  EXPECT_FALSE(ring->pop(head));
  for (uint64_t i = 0; i < SampleRing::kSlots; ++i)
    ASSERT_TRUE(ring->push([&](Head& to) { write(to, 2, i); }));
  for (uint64_t i = 0; i < SampleRing::kSlots; ++i) {
    ASSERT_TRUE(ring->pop(head));
    ASSERT_EQ(head.ordinal, i);
  }
}

/// A thread that runs packets at a rate, and what it was asked for.
struct Runner {
  std::unique_ptr<Watch> watch = std::make_unique<Watch>();
  double packets_per_second;
  const char* program = "general";
  double failing = 0;  ///< share of packets that leave by a guard
  uint64_t left = 0;
  double now_ns = 1e9;
  double failures = 0;
  uint64_t samples = 0, windows = 0, checks = 0, visits = 0;
  double last_rate = 0;
  Watch::Check last_check = {};

  bool special() const { return program[0] == 's'; }

  void run(uint64_t packets) {
    for (uint64_t end = left + packets; left < end;) {
      const uint64_t next = std::min(end, std::max(left, watch->next_at()));
      step(next - left);
      if (left == end) return;
      ++visits;
      const Watch::Visit visit = watch->visit(left, program, special(), special());
      if (visit.check) last_check = watch->check(left, static_cast<uint64_t>(failures)), ++checks;
      step(1);
      if (!visit.sample) continue;
      ++samples;
      const Watch::Window window =
          watch->sampled(left, 30, [&] { return static_cast<uint64_t>(now_ns); });
      if (!window.over) continue;
      ++windows;
      last_rate = window.packets_per_second;
      EXPECT_EQ(window.packets, Watch::kWindow - 1);
      EXPECT_EQ(window.ticks, 30 * window.packets);
    }
  }

  void step(uint64_t packets) {
    left += packets;
    now_ns += static_cast<double>(packets) * 1e9 / packets_per_second;
    failures += failing * static_cast<double>(packets);
  }
};

TEST(Watch, SaysNothingAboutAFewPackets) {
  Runner runner{.packets_per_second = 1e7};
  runner.run(Watch::kFirstWindow);
  EXPECT_EQ(runner.samples, 0u);
  EXPECT_LE(runner.visits, 3u);
}

TEST(Watch, WindowsFollowTheRate) {
  for (double rate : {3e5, 1e7, 2e8}) {
    Runner runner{.packets_per_second = rate};
    runner.run(static_cast<uint64_t>(rate / 2));
    const uint64_t before = runner.windows;
    runner.run(static_cast<uint64_t>(rate));
    const double a_second = static_cast<double>(runner.windows - before);
    EXPECT_NEAR(a_second, 250, 30) << rate;
    EXPECT_NEAR(runner.last_rate, rate, rate / 10) << rate;
    EXPECT_EQ(runner.samples, runner.windows * Watch::kWindow);
    // A visit costs about as much as ten packets; at most one packet in a hundred may pay.
    EXPECT_LT(static_cast<double>(runner.visits), rate * 1.5 / 50) << rate;
  }
}

TEST(Watch, WindowsComeDenselyBehindSpecialisedCodeAndNotBehindOther) {
  Runner runner{.packets_per_second = 1e7};
  runner.run(10'000'000);
  const auto windows_of_a_tenth = [&](const char* program) {
    runner.program = program;
    const uint64_t before = runner.windows;
    runner.run(1'000'000);
    return static_cast<double>(runner.windows - before);
  };
  EXPECT_NEAR(windows_of_a_tenth("special"), 64 + 9, 8);
  EXPECT_NEAR(windows_of_a_tenth("special"), 25, 4);
  EXPECT_NEAR(windows_of_a_tenth("general"), 25, 4);
}

TEST(Watch, ABurstBehindASlowTimeIsNotSampledToDeath) {
  Runner runner{.packets_per_second = 2e3};
  runner.run(20'000);
  runner.packets_per_second = 1e8;
  const uint64_t before = runner.samples;
  runner.run(10'000'000);  // 100 ms
  EXPECT_LT(runner.samples - before, 100 * 16 + 10 * 16);
}

TEST(Watch, ChecksOftenBehindAChangeAndSeldomLater) {
  Runner runner{.packets_per_second = 1e8};
  runner.run(1'000'000);
  runner.program = "special";
  runner.failing = 0.5;
  runner.run(Watch::kMaxCheck + 2 * Watch::kFirstCheck + 64);
  EXPECT_GE(runner.last_check.packets, Watch::kFirstCheck - 64);
  EXPECT_NEAR(static_cast<double>(runner.last_check.failures),
              0.5 * static_cast<double>(runner.last_check.packets), 2);
  const uint64_t before = runner.checks;
  runner.run(10'000'000);
  EXPECT_NEAR(static_cast<double>(runner.checks - before), 10'000'000.0 / Watch::kMaxCheck, 10);
}

TEST(Watch, ASlowThreadChecksByTimeAndNotByPackets) {
  Runner runner{.packets_per_second = 1e5};
  runner.run(200'000);
  runner.program = "special";
  runner.run(100'000);
  const uint64_t before = runner.checks;
  runner.run(10'000);  // 100 ms
  EXPECT_GE(runner.checks - before, 10u);
}

}  // namespace
}  // namespace ipjit::runtime
