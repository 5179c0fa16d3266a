// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 of the daemon: from sampled packets to code in the (false) kernel, and back.
#include "tools/ipjitd/tuner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ipjitd/machine.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::daemon {
namespace {

using runtime::arp_packet;
using runtime::as_tier1;
using runtime::ip_packet;
using runtime::ip_without_ones;
using runtime::only_ip;

struct TwoTiers : Machine {
  TwoTiers() {
    tiering.now_ns = tools.now_ns;
    tiering.policy.min_samples = 48;
    tiering.race = nullptr;
    add_backend("asmjit", as_tier1);
    start();
    start_tuner();
  }

  void add_backend(const std::string& name, runtime::Compile::Function function) {
    compilers.push_back(std::make_unique<runtime::Compile>(std::move(function)));
    tiering.backends.push_back({.name = name, .compiler = compilers.back().get(), .share = 1});
  }
  void start_tuner() {
    tuner = std::make_unique<Tuner>(device, *table, log, tiering, tools.random);
    const Status started = tuner->start();
    IPJIT_CHECK(bool(started));
  }
  /// What another daemon begins with.
  void reboot() {
    tuner.reset();
    boot();
    start();
    start_tuner();
  }

  /// A second of traffic.
  void second(uint64_t id, std::span<const uint8_t> packet, uint32_t wanted,
              uint32_t packets = 2'000) {
    for (uint32_t i = 0; i < packets; ++i) {
      wrong += device.packet(id, packet, {}, i / 200 % kernel::FakeDevice::kCpus) != wanted;
      if (i % 100 == 0) tuner->round();
    }
    pass(kSecond);
    settle();
    tuner->round();
  }
  bool reaches(uint64_t id, uint32_t wanted_tier, std::span<const uint8_t> packet,
               uint32_t wanted) {
    for (int i = 0; i < 100 && tier(id) != wanted_tier; ++i) second(id, packet, wanted);
    return tier(id) == wanted_tier;
  }
  std::string why(uint64_t id) const {
    std::string text;
    for (const std::string& line : known(id).tuning.why) text += line + "\n";
    return text;
  }

  runtime::TieringTools tiering;
  std::vector<std::unique_ptr<runtime::Compile>> compilers;
  std::unique_ptr<Tuner> tuner;
  uint64_t wrong = 0;
};

TEST(Tuner, ABusyFilterReachesTierTwoByItself) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  ASSERT_TRUE(machine.reaches(id, 2, ip_packet(), 65535)) << machine.why(id);
  machine.second(id, ip_packet(), 65535);
  machine.second(id, arp_packet(), 0, 50);
  EXPECT_EQ(machine.wrong, 0u);
  EXPECT_EQ(machine.device.about(id).differences, 0u);
  EXPECT_EQ(machine.tuner->counts().disagreed, 0u);
  EXPECT_GE(machine.known(id).tuning.builds, 1u);
  EXPECT_LT(machine.known(id).tuning.current_ns, machine.known(id).tuning.general_ns);
  EXPECT_THAT(machine.why(id), testing::HasSubstr("the kernel runs asmjit's code"));
}

TEST(Tuner, AnIdleFilterStaysAtTierOne) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  for (int i = 0; i < 30; ++i) machine.second(id, ip_packet(), 65535, 1);
  EXPECT_EQ(machine.tier(id), 1u);
}

TEST(Tuner, OtherTrafficRetreatsAndIsSpecialisedForLater) {
  TwoTiers machine;
  machine.tiering.policy.first_backoff_ns = 5 * kSecond;
  machine.start_tuner();
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  ASSERT_TRUE(machine.reaches(id, 2, ip_packet(), 65535));
  // All packets leave by the guard: the kernel goes back by itself, before anybody is asked.
  for (int i = 0; i < 1'100; ++i) machine.wrong += machine.device.packet(id, arp_packet()) != 0;
  EXPECT_EQ(machine.tier(id), 1u);
  EXPECT_EQ(machine.device.about(id).retreats, 1u);
  const uint64_t installs = machine.device.installs;
  machine.second(id, arp_packet(), 0);
  EXPECT_EQ(machine.device.installs, installs) << "not before the back-off is over";
  EXPECT_THAT(machine.why(id), testing::HasSubstr("left by a guard"));
  ASSERT_TRUE(machine.reaches(id, 2, ip_packet(), 65535)) << machine.why(id);
  EXPECT_EQ(machine.wrong, 0u);
}

TEST(Tuner, WrongCodeIsNotOffered) {
  TwoTiers machine;
  machine.tiering.specialise = runtime::always_gives("filter test\nb0: ret 7\n");
  machine.start_tuner();
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  for (int i = 0; i < 20; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.tier(id), 1u);
  EXPECT_EQ(machine.device.installs, 1u);
  EXPECT_GE(machine.tuner->counts().refusals, 1u);
  EXPECT_THAT(machine.why(id), testing::HasSubstr("another result than the interpreter"));
  EXPECT_LE(machine.compilers[0]->calls, 6) << "back-off doubles";
}

TEST(Tuner, CodeThatTheKernelRefusesIsTriedLaterAndLater) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  uint32_t asked = 0;
  machine.device.before_install = [&](const kernel::Offer& offer) -> std::optional<Error> {
    asked += offer.tier == 2;
    return Error{Stage::kVerifier, Code::kRefused, 0x10, "out-of-bounds: a load"};
  };
  for (int i = 0; i < 60; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_GE(asked, 4u);
  EXPECT_LE(asked, 7u);
  EXPECT_THAT(machine.why(id), testing::HasSubstr("out-of-bounds"));
  EXPECT_EQ(machine.tier(id), 1u);
}

TEST(Tuner, WhoeverWasOvertakenTriesAgainWithoutABackOff) {
  TwoTiers machine;
  machine.tiering.policy.first_backoff_ns = 3600 * kSecond;
  machine.start_tuner();
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  uint32_t stale = 0;
  machine.device.before_install = [&](const kernel::Offer& offer) -> std::optional<Error> {
    if (offer.tier != 2 || stale++ != 0) return std::nullopt;
    return Error{Stage::kKernel, Code::kStale, 0, "another version"};
  };
  EXPECT_TRUE(machine.reaches(id, 2, ip_packet(), 65535)) << machine.why(id);
  EXPECT_EQ(stale, 2u);
}

TEST(Tuner, AFilterThatClosesWhileItsCodeIsMadeIsForgotten) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  machine.device.before_install = [&](const kernel::Offer& offer) -> std::optional<Error> {
    if (offer.tier == 2) machine.device.close_socket(id);
    return std::nullopt;
  };
  for (int i = 0; i < 20 && !machine.table->filters.empty(); ++i) {
    for (int n = 0; n < 2000 && machine.tuner->counts().refusals == 0; ++n) {
      machine.device.packet(id, ip_packet());
      if (n % 100 == 0) machine.tuner->round();
    }
    machine.pass(kSecond);
    machine.settle();
  }
  EXPECT_TRUE(machine.table->filters.empty());
  machine.tuner->round();
}

TEST(Tuner, WhatAnotherDaemonSpecialisedRunsOnAndStillRetreats) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  ASSERT_TRUE(machine.reaches(id, 2, ip_packet(), 65535));
  const uint64_t version = machine.device.about(id).version;
  machine.reboot();
  EXPECT_EQ(machine.device.about(id).version, version);
  for (int i = 0; i < 5; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.tier(id), 2u);
  EXPECT_TRUE(machine.known(id).prepared);
  for (int i = 0; i < 3'000; ++i) machine.wrong += machine.device.packet(id, arp_packet()) != 0;
  EXPECT_EQ(machine.device.about(id).retreats, 1u);
  for (int i = 0; i < 5; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.wrong, 0u);
}

TEST(Tuner, ABetterCompilerReplacesTheQuickOne) {
  TwoTiers machine;
  machine.add_backend("llvm", as_tier1);
  machine.tiering.backends.back().share = 0.5;
  machine.start_tuner();
  const uint64_t id = machine.device.attach(ip_without_ones());
  machine.settle();
  ASSERT_TRUE(machine.reaches(id, 2, ip_packet(), 65535));
  for (int i = 0; i < 10; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.known(id).tuning.backend, "llvm");
}

TEST(Tuner, AWrongVerdictInASampleEndsTheCode) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(only_ip());
  machine.device.before_install = [&](const kernel::Offer& offer) -> std::optional<Error> {
    if (offer.tier != 1 || machine.device.installs != 0) return std::nullopt;
    kernel::Offer liar = offer;  // a daemon that accepts everything
    const kernel::Machine on{machine.daemon->info().isa, machine.daemon->info().fields, 0};
    Result<kernel::Unit> unit = kernel::compile(runtime::always(9), on);
    IPJIT_CHECK(bool(unit));
    const auto code = kernel::code_of(unit->code);
    liar.code.assign(code.begin(), code.end());
    liar.contract = unit->code.contract;
    machine.device.before_install = nullptr;
    (void)machine.device.install(liar);
    return std::nullopt;
  };
  machine.settle();
  machine.second(id, ip_packet(), 9, 10);
  EXPECT_GE(machine.tuner->counts().disagreed, 1u);
  EXPECT_GE(machine.said("the interpreter says 65535"), 1u);
  EXPECT_EQ(machine.device.about(id).version, 0u);
  machine.wrong = 0;
  for (int i = 0; i < 5; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.wrong, 0u) << "the kernel's own code decides";
  EXPECT_EQ(machine.device.about(id).version, 0u) << "and nothing is offered again";
  EXPECT_EQ(machine.known(id).standing, Standing::kLeft);
  EXPECT_NE(machine.known(id).why.find("another verdict"), std::string::npos);
}

TEST(Tuner, WhatTheKernelFoundWrongIsOfferedNothing) {
  TwoTiers machine;
  const uint64_t id = machine.device.attach(only_ip());
  machine.settle();
  ASSERT_NE(machine.device.about(id).version, 0u);
  machine.device.prove_wrong(id);
  for (int i = 0; i < 5; ++i) machine.second(id, ip_packet(), 65535);
  EXPECT_EQ(machine.device.about(id).version, 0u);
  EXPECT_EQ(machine.known(id).standing, Standing::kLeft);
  EXPECT_NE(machine.known(id).why.find("than the kernel's own"), std::string::npos);
  EXPECT_GE(machine.said("the kernel took it away"), 1u);
}

TEST(Tuner, OnlySoManyFiltersAreStudied) {
  TwoTiers machine;
  std::vector<uint64_t> ids;
  for (size_t i = 0; i < Tuner::kStudies + 50; ++i) ids.push_back(machine.device.attach(only_ip()));
  machine.settle();
  for (uint64_t id : ids) {
    machine.device.packet(id, ip_packet());
    if (id % 50 == 0) machine.tuner->round();
  }
  const uint64_t busy = machine.device.attach(ip_without_ones());
  machine.settle();
  EXPECT_TRUE(machine.reaches(busy, 2, ip_packet(), 65535));
}

}  // namespace
}  // namespace ipjit::daemon
