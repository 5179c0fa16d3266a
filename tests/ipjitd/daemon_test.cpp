// SPDX-License-Identifier: BSD-2-Clause
// Tier 1 of the daemon against a module that does what the real one may do.
#include "tools/ipjitd/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ipjitd/machine.h"

namespace ipjit::daemon {
namespace {

using runtime::always;
using runtime::arp_packet;
using runtime::insn;
using runtime::ip_packet;
using runtime::only_ip;

/// A filter that none of our engines runs: SKF_AD_RANDOM.
bpf::InsnList random_load() {
  return {insn(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)),
          insn(BPF_RET | BPF_A, 0)};
}

Error refusal() {
  return {Stage::kVerifier, Code::kRefused, 0x24, "out-of-bounds: a load; at mov eax, [rdi]"};
}

TEST(Daemon, AnAttachedFilterRunsTierOneAfterOneRound) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  EXPECT_EQ(machine.device.packet(id, ip_packet()), 65535u);
  machine.round();
  EXPECT_EQ(machine.tier(id), 1u);
  EXPECT_EQ(machine.device.packet(id, ip_packet()), 65535u);
  EXPECT_EQ(machine.device.packet(id, arp_packet()), 0u);
  EXPECT_EQ(machine.device.about(id).native, 2u);
  EXPECT_EQ(machine.device.about(id).differences, 0u);
  EXPECT_EQ(machine.known(id).standing, Standing::kRuns);
}

TEST(Daemon, FiltersThatWereThereBeforeItAreServed) {
  Machine machine;
  const uint64_t id = machine.device.attach(only_ip());
  machine.device.lose_events();
  machine.start();
  machine.settle();
  EXPECT_EQ(machine.tier(id), 1u);
}

TEST(Daemon, AStormOfAThousandFiltersIsServedAndEventsAreReadMeanwhile) {
  Machine machine;
  machine.start();
  std::vector<uint64_t> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(machine.device.attach(only_ip(), 1000));
  machine.round();
  EXPECT_EQ(machine.device.installs, Daemon::kInstallsInRound);
  // One filter of another user waits for one round, not for a thousand filters.
  const uint64_t single = machine.device.attach(only_ip(), 1001);
  machine.round();
  EXPECT_EQ(machine.tier(single), 1u);
  machine.settle();
  for (uint64_t id : ids) ASSERT_EQ(machine.tier(id), 1u);
  EXPECT_EQ(machine.daemon->waiting(), 0u);
}

TEST(Daemon, BusyFiltersOfAUserComeFirst) {
  Machine machine;
  machine.start();
  for (int i = 0; i < 100; ++i) machine.device.attach(only_ip());
  const uint64_t busy = machine.device.attach(only_ip());
  machine.device.set_packets(busy, 1'000'000);
  machine.round();
  EXPECT_EQ(machine.tier(busy), 1u);
  EXPECT_EQ(machine.device.installs, Daemon::kInstallsInRound);
}

TEST(Daemon, LostEventsAreMadeGoodByTheList) {
  Machine machine;
  machine.start();
  std::vector<uint64_t> ids;
  for (size_t i = 0; i < kernel::FakeDevice::kQueue + 200; ++i)
    ids.push_back(machine.device.attach(only_ip()));
  const uint64_t gone = ids.front();
  machine.round();
  machine.device.close_socket(gone);  // says how many were lost
  ids.erase(ids.begin());
  machine.settle();
  EXPECT_EQ(machine.daemon->counts().events_lost, 200u);
  EXPECT_EQ(machine.said("events were lost"), 1u);
  for (uint64_t id : ids) ASSERT_EQ(machine.tier(id), 1u);
  EXPECT_FALSE(machine.table->filters.contains(gone));
}

TEST(Daemon, WhoeverWasQuickerWins) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.device.before_install = [&](const kernel::Offer& offer) -> std::optional<Error> {
    machine.device.before_install = nullptr;
    kernel::Offer same = offer;
    (void)machine.device.install(same);
    return std::nullopt;
  };
  machine.settle();
  EXPECT_EQ(machine.device.installs, 1u);
  EXPECT_EQ(machine.daemon->counts().stale, 1u);
  EXPECT_EQ(machine.daemon->counts().installs, 0u);
  EXPECT_EQ(machine.known(id).standing, Standing::kRuns);
}

TEST(Daemon, AKernelThatAlwaysSaysStaleIsNotAskedInALoop) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  uint32_t asked = 0;
  machine.device.before_install = [&](const kernel::Offer&) -> std::optional<Error> {
    ++asked;
    return Error{Stage::kKernel, Code::kStale, 0, "another version"};
  };
  machine.settle();
  machine.settle();
  EXPECT_EQ(asked, 1u);
  EXPECT_EQ(machine.known(id).standing, Standing::kRefused);
}

TEST(Daemon, AFilterThatGoesDuringItsCompileIsForgotten) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.device.before_install = [&](const kernel::Offer&) -> std::optional<Error> {
    machine.device.close_socket(id);
    return std::nullopt;
  };
  machine.settle();
  EXPECT_TRUE(machine.table->filters.empty());
  EXPECT_EQ(machine.daemon->counts().gone, 1u);
  EXPECT_EQ(machine.said("stays with"), 0u);
}

TEST(Daemon, TheVerifiersRefusalIsSaidOnceAndTriedAgainLaterAndLater) {
  Machine machine;
  machine.start();
  uint32_t asked = 0;
  machine.device.before_install = [&](const kernel::Offer&) -> std::optional<Error> {
    ++asked;
    return refusal();
  };
  const uint64_t id = machine.device.attach(only_ip());
  for (int tenths = 0; tenths < 600; ++tenths) {
    machine.settle();
    machine.pass(kSecond / 10);
  }
  // After 1, 3, 7, 15, 31 s; looked at once a second.
  EXPECT_GE(asked, 5u);
  EXPECT_LE(asked, 6u);
  EXPECT_EQ(machine.daemon->counts().refused_verifier, asked);
  EXPECT_THAT(machine.known(id).why, testing::HasSubstr("out-of-bounds: a load"));
  EXPECT_EQ(machine.said("out-of-bounds: a load"), 3u);  // the 1st, 2nd and 4th
  machine.device.before_install = nullptr;
  machine.pass(40 * kSecond);
  machine.settle();
  EXPECT_EQ(machine.tier(id), 1u);
  EXPECT_EQ(machine.known(id).failures, 0u);
}

TEST(Daemon, AProgramThatNoEngineRunsIsLeftForGood) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(random_load());
  for (int i = 0; i < 100; ++i) {
    machine.settle();
    machine.pass(60 * kSecond);
  }
  EXPECT_EQ(machine.daemon->counts().refused_compile, 1u);
  EXPECT_EQ(machine.known(id).standing, Standing::kLeft);
  EXPECT_EQ(machine.device.installs, 0u);
}

TEST(Daemon, AProgramTooLargeForItsMemoryIsTriedAgainLater) {
  Machine machine;
  bool scarce = true;
  machine.tools.compile = [&](std::span<const bpf::Insn> insns,
                              const kernel::Machine& for_machine) {
    if (scarce) throw std::bad_alloc();
    return kernel::compile(insns, for_machine);
  };
  machine.boot();
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.settle();
  EXPECT_EQ(machine.known(id).standing, Standing::kRefused);
  EXPECT_THAT(machine.known(id).why, testing::HasSubstr("more memory than ipjitd may have"));
  scarce = false;
  machine.pass(2 * kSecond);
  machine.settle();
  EXPECT_EQ(machine.tier(id), 1u);
}

TEST(Daemon, ACountThatStepsBackIsNoRate) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.device.set_packets(id, 2048);
  machine.settle();
  machine.pass(kSecond);
  machine.device.set_packets(id, 1024);
  machine.settle();
  EXPECT_EQ(machine.known(id).packets_per_second, 0);
  machine.pass(kSecond);
  machine.device.set_packets(id, 3072);
  machine.settle();
  EXPECT_GT(machine.known(id).packets_per_second, 1000);
  EXPECT_LT(machine.known(id).packets_per_second, 10000);
}

TEST(Daemon, AFilterThatAsksNothingIsLeftToTheKernel) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(always(0));
  machine.settle();
  EXPECT_EQ(machine.known(id).standing, Standing::kLeft);
  EXPECT_THAT(machine.known(id).why, testing::HasSubstr("nothing to gain"));
  EXPECT_TRUE(machine.lines.empty());
}

TEST(Daemon, AnEvictedFilterIsOfferedNothing) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.settle();
  ASSERT_TRUE(machine.device.evict(id));
  for (int i = 0; i < 10; ++i) {
    machine.settle();
    machine.pass(kSecond);
  }
  EXPECT_EQ(machine.tier(id), 0u);
  EXPECT_EQ(machine.device.installs, 1u);
  EXPECT_EQ(machine.known(id).standing, Standing::kLeft);
}

TEST(Daemon, CodeTakenAwayUnderPressureComesBackLater) {
  Machine machine;
  machine.start();
  const uint64_t id = machine.device.attach(only_ip());
  machine.settle();
  machine.device.take_code_away(id);
  machine.settle();
  EXPECT_EQ(machine.tier(id), 0u) << "at once would be a fight";
  machine.pass(2 * kSecond);
  machine.settle();
  EXPECT_EQ(machine.tier(id), 1u);
}

TEST(Daemon, KilledAtAnyMomentItHarmsNothingAndItsHeirGoesOn) {
  Machine machine;
  machine.start();
  std::vector<uint64_t> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(machine.device.attach(only_ip()));
  machine.round();  // 16 of 40 are served
  machine.boot();
  for (uint64_t id : ids) ASSERT_EQ(machine.device.packet(id, ip_packet()), 65535u);
  machine.start();
  machine.settle();
  EXPECT_EQ(machine.device.installs, 40u) << "what runs is not replaced";
  for (uint64_t id : ids) {
    ASSERT_EQ(machine.tier(id), 1u);
    ASSERT_TRUE(machine.known(id).prepared) << "tier 2 begins with the program";
  }
}

TEST(Daemon, ASecondDaemonIsToldToGoAway) {
  Machine machine;
  machine.device.claimed = true;
  const Status started = machine.daemon->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kBusy);
}

TEST(Daemon, ConstantsOfHardenedFiltersAreHiddenOtherwiseEachTime) {
  Machine machine;
  std::vector<uint64_t> seeds;
  machine.tools.compile = [&](std::span<const bpf::Insn> insns,
                              const kernel::Machine& for_machine) {
    seeds.push_back(for_machine.constant_seed);
    return kernel::compile(insns, {for_machine.isa, for_machine.fields, 0});
  };
  machine.boot();
  machine.start();
  machine.device.attach(only_ip());
  machine.settle();
  machine.device.attach(only_ip(), 1000, IPJIT_DEV_HARDENED);
  machine.device.attach(only_ip(), 1000, IPJIT_DEV_HARDENED);
  machine.settle();
  ASSERT_EQ(seeds.size(), 3u);
  EXPECT_EQ(seeds[0], 0u);
  EXPECT_NE(seeds[1], 0u);
  EXPECT_NE(seeds[2], 0u);
  EXPECT_NE(seeds[1], seeds[2]);
}

TEST(Backlog, UsersTakeTurns) {
  Backlog backlog;
  for (uint64_t id = 1; id <= 3; ++id) backlog.add(id, 7, 0);
  backlog.add(10, 8, 0);
  backlog.add(11, 8, 5);
  std::vector<uint64_t> order;
  while (const std::optional<uint64_t> id = backlog.next()) order.push_back(*id);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 11, 2, 10, 3}));
  EXPECT_TRUE(backlog.empty());
}

TEST(Log, WhatHappensOftenIsSaidSeldom) {
  std::vector<std::string> lines;
  Log log([&](Level, const std::string& line) { lines.push_back(line); }, Level::kInfo);
  for (int i = 0; i < 100; ++i) log.say_seldom(Level::kWarning, "kind", "line");
  log.say(Level::kDebug, "not heard");
  EXPECT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines.front(), "line");
  EXPECT_EQ(lines.back(), "line (64 times by now)");
}

}  // namespace
}  // namespace ipjit::daemon
