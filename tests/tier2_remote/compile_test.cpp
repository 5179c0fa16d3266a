// SPDX-License-Identifier: BSD-2-Clause
// What a compile over there gives, and what becomes of a program that its compiler does not
// survive.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "ir/text.h"
#include "tests/tier2_remote/setting.h"
#include "tier1-asmjit/tier1.h"
#include "tier2-llvm/remote/back_off.h"
#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Compile : public Setting {};

TEST_F(Compile, GivesWhatTheCompilerGives) {
  RemoteTier2 remote = client();
  tier1::Tier1 here;
  const ir::Program program = program_named("ip");
  const Result<ir::MachineCode> theirs = remote.compile(program, target());
  ASSERT_TRUE(theirs) << to_string(theirs.error());
  const Result<ir::MachineCode> ours = here.compile(program, target());
  EXPECT_EQ(theirs->bytes, ours->bytes);
  EXPECT_EQ(theirs->code_len, ours->code_len);
  EXPECT_EQ(theirs->marks, ours->marks);
  EXPECT_TRUE(remote.last().started);
  EXPECT_FALSE(remote.last().cached);
  EXPECT_GE(remote.last().round_trip_us, remote.last().compile_us);
}

TEST_F(Compile, TheSecondTimeItComesFromTheCacheAlsoOfANewServer) {
  RemoteTier2 remote = client();
  const Result<ir::MachineCode> first = remote.compile(program_named("ip"), target());
  ASSERT_TRUE(first) << to_string(first.error());
  const Result<ir::MachineCode> second = remote.compile(program_named("ip"), target());
  ASSERT_TRUE(second);
  EXPECT_TRUE(remote.last().cached);
  EXPECT_FALSE(remote.last().started);
  EXPECT_EQ(remote.last().compile_us, 0u);
  EXPECT_EQ(second->bytes, first->bytes);
  ASSERT_TRUE(remote.compile(program_named("another"), target()));
  EXPECT_FALSE(remote.last().cached);

  end(server(), SIGTERM);
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  EXPECT_TRUE(remote.last().started);
  EXPECT_TRUE(remote.last().cached);
}

TEST_F(Compile, TheCompilersRefusalArrivesAsItIs) {
  RemoteTier2 remote = client();
  const Result<ir::MachineCode> code = remote.compile(program_named("refuse"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()), "tier2: 3: kNoSeed: this one is not to my taste");
  // That is an answer: the next question is asked at once.
  EXPECT_TRUE(remote.compile(program_named("ip"), target()));
}

TEST_F(Compile, AProgramThatKillsTheCompilerIsRefusedAndTheServerLives) {
  struct {
    const char* name;
    uint32_t cpu_ms, mib;
    const char* why;
  } cases[] = {
      {"crash", 2000, 512, "the compiler died of this program: Aborted"},
      {"leave", 2000, 512, "the compiler ended in the middle, with status 0"},
      {"loop", 150, 512, "the compiler needs more than 150 ms of processor time for this program"},
      {"eat", 10000, 64, "the compiler needs more than 64 MiB for this program"},
  };
  pid_t first = 0;
  for (const auto& [name, cpu_ms, mib, why] : cases) {
    // A sanitizer's allocator takes its time to say that there is no memory.
    if (kSanitized && std::string_view(name) == "eat") continue;
    RemoteOptions budget = options();
    budget.cpu_ms = cpu_ms;
    budget.mib = mib;
    RemoteTier2 remote(budget);
    const Result<ir::MachineCode> code = remote.compile(program_named(name), target());
    ASSERT_FALSE(code) << name;
    EXPECT_EQ(code.error().code, Code::kRefused) << name;
    EXPECT_EQ(code.error().why, why) << name;
    const Result<ir::MachineCode> next = remote.compile(program_named("ip"), target());
    EXPECT_TRUE(next) << name << ": " << to_string(next.error());
    if (!first) first = server();
    EXPECT_EQ(server(), first) << name;
  }
}

TEST_F(Compile, AServerKilledMeanwhileIsReplaced) {
  RemoteTier2 remote = client();
  ASSERT_TRUE(remote.compile(program_named("ip"), target()));
  const pid_t first = server();
  std::jthread killer([&] {
    EXPECT_TRUE(holds());
    kill(first, SIGKILL);
    release();
  });
  const Result<ir::MachineCode> code = remote.compile(program_named("hold"), target());
  ASSERT_TRUE(code) << to_string(code.error());
  EXPECT_TRUE(remote.last().started);
  EXPECT_NE(server(), first);
}

TEST_F(Compile, WaitsNoLongerThanItMayAndThenBacksOff) {
  RemoteTier2 warm = client();
  ASSERT_TRUE(warm.compile(program_named("ip"), target()));
  RemoteOptions hurried = options();
  hurried.wait_ms = 100;
  RemoteTier2 remote(hurried);
  const auto begin = steady_clock::now();
  const auto passed = [&] { return steady_clock::now() - begin; };
  Result<ir::MachineCode> code = remote.compile(program_named("hold"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()), "tier2: 0: kUnavailable: no answer in time");
  EXPECT_GE(passed(), milliseconds(99));
  EXPECT_LT(passed(), std::chrono::seconds(8)) << "100 ms, and not the default of ten seconds";
  release();
  // Now it would be answered, but the next question is put no sooner than a second later; how much
  // later this thread comes to it is the machine's affair.
  const milliseconds back_off(BackOff::kFirstMs);
  EXPECT_TRUE(eventually([&] {
    code = remote.compile(program_named("ip"), target());
    if (code) return true;
    EXPECT_TRUE(code.error().why.ends_with("no answer in time")) << to_string(code.error());
    return false;
  }));
  EXPECT_GE(passed(), milliseconds(99) + back_off);
}

TEST_F(Compile, StopsWhenTold) {
  ASSERT_TRUE(client().compile(program_named("ip"), target()));
  std::atomic<bool> stop = false;
  RemoteOptions stoppable = options();
  stoppable.stop = &stop;
  RemoteTier2 remote(stoppable);
  std::jthread stopper([&] {
    EXPECT_TRUE(holds());
    stop = true;
  });
  const Result<ir::MachineCode> code = remote.compile(program_named("hold"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()), "tier2: 0: kUnavailable: stopped");
  // It was not the server's fault: no back-off.
  release();
  stop = false;
  EXPECT_TRUE(remote.compile(program_named("ip"), target()));
}

TEST_F(Compile, OneSlowProgramDoesNotHoldUpTheOthers) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one processor, one worker";
  RemoteTier2 slow = client(), quick = client();
  ASSERT_TRUE(quick.compile(program_named("ip"), target()));
  std::jthread asker([&] { EXPECT_TRUE(slow.compile(program_named("hold"), target())); });
  EXPECT_TRUE(holds());
  EXPECT_TRUE(quick.compile(program_named("other"), target()));
  release();
}

TEST_F(Compile, AWorkerThatLeavesAfterItsShareOfWorkIsReplacedUnnoticed) {
  if (kSanitized) GTEST_SKIP() << "thousands of compiles take too long";
  ASSERT_TRUE(client().compile(program_named("ip"), target()));
  const pid_t first = server();
  std::atomic<uint32_t> failed = 0;
  std::vector<std::jthread> askers;
  // More of them than workers on a small machine, so that somebody waits when one leaves.
  for (int asker = 0; asker < 5; ++asker)
    askers.emplace_back([&, asker] {
      RemoteTier2 remote = client();
      for (int i = 0; i < 500; ++i) {
        const std::string name = std::to_string(asker) + "-" + std::to_string(i);
        failed += !remote.compile(program_named(name), target());
      }
    });
  askers.clear();
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(server(), first);
}

TEST_F(Compile, ATextThatIsTooLongIsNotSent) {
  ir::Program program = program_named("long");
  program.name.assign(kMaxProgramText, 'x');
  const Result<ir::MachineCode> code = client().compile(program, target());
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Code::kTooLong);
}

TEST_F(Compile, AServerThatIsNotThereOrDoesNotServeIsAReason) {
  RemoteOptions nowhere = options();
  nowhere.program = root_ + "/ipjit-tier2";
  Result<ir::MachineCode> code = RemoteTier2(nowhere).compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(to_string(code.error()),
            "tier2: 0: kUnavailable: " + nowhere.program + " is no program of ours or root's");
  nowhere.program = "/bin/false";
  code = RemoteTier2(nowhere).compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_TRUE(to_string(code.error())
                  .starts_with("tier2: 0: kUnavailable: /bin/false: it ended without a word"));
  nowhere.start = false;
  code = RemoteTier2(nowhere).compile(program_named("ip"), target());
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().why, place().socket + ": No such file or directory");
}

}  // namespace

}  // namespace ipjit::tier2
