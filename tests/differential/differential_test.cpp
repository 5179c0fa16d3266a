// SPDX-License-Identifier: BSD-2-Clause
// Random programs and packets on every engine, both dialects, until the budget is spent.
//
// The references are libpcap's own interpreter and, for the Linux dialect, the plain cBPF
// interpreter, which shares nothing with the IR.  Each packet lies against an unreadable page.
// IPJIT_TEST_SECONDS sets the budget (20 unless said), which ends no earlier than
// IPJIT_TEST_PROGRAMS of each dialect have run (200); IPJIT_TEST_SEED is the first seed: a failure
// names the seed that repeats it.  How strong the test is: mutants.py.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>

#include "tests/bpf/random_bpf.h"
#include "tests/engines/engines.h"

namespace ipjit::testing {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

struct Tally {
  uint64_t programs = 0;
  uint64_t runs = 0;  ///< packets, each on all engines
  uint64_t both = 0;  ///< programs that accepted some packet and rejected another
  uint64_t engines = 0;
};

constexpr int kPackets = 24;

/// One program of one dialect on its packets; adds to the tally, or fails with a report.
void try_seed(uint64_t seed, bpf::Dialect dialect, Tally& tally) {
  bpf::Random random(seed);
  bool long_one = random.one_in(8);
  bpf::InsnList program = bpf::random_program(random, dialect, long_one ? 60 : 12);
  // Now and then for every target; the detected one otherwise.
  Breadth breadth = random.one_in(4) ? Breadth::kAllTargets : Breadth::kWithoutTier2;
  if (breadth == Breadth::kWithoutTier2 && random.one_in(8)) breadth = Breadth::kThisTarget;
  auto engines = Engines::make(program, dialect, breadth);
  ASSERT_TRUE(engines) << "seed " << seed << ": " << to_string(engines.error());
  bool accepted = false, rejected = false;
  for (int i = 0; i < kPackets; ++i) {
    bpf::RandomPacket packet = bpf::random_packet(random, program);
    if (dialect == bpf::Dialect::kLibpcap) packet.ctx.vlan_present = bpf::kNoVlanData;
    auto verdict = engines->run(packet.data, packet.ctx);
    ASSERT_TRUE(verdict) << "seed " << seed << ": " << verdict.error().why;
    (*verdict ? accepted : rejected) = true;
  }
  ++tally.programs;
  tally.runs += kPackets;
  tally.both += accepted && rejected;
  tally.engines += engines->count();
}

class Differential : public ::testing::TestWithParam<bpf::Dialect> {};

TEST_P(Differential, EnginesAgree) {
  uint64_t seconds = number_from("IPJIT_TEST_SECONDS", 20);
  uint64_t least = number_from("IPJIT_TEST_PROGRAMS", 200);
  uint64_t seed = number_from("IPJIT_TEST_SEED", 1);
  auto end = Clock::now() + std::chrono::milliseconds(seconds * 500);  // two dialects share it
  Tally tally;
  while (Clock::now() < end || tally.programs < least) {
    try_seed(seed++, GetParam(), tally);
    if (HasFatalFailure()) return;
  }
  double share = 100.0 * static_cast<double>(tally.both) / static_cast<double>(tally.programs);
  printf(
      "%s: %llu programs, %llu packets, %.1f engines each; %.0f %% accept some packet and "
      "reject another\n",
      name_of(GetParam()), static_cast<unsigned long long>(tally.programs),
      static_cast<unsigned long long>(tally.runs),
      static_cast<double>(tally.engines) / static_cast<double>(tally.programs), share);
  EXPECT_GE(share, 30.0) << "the programs have become too one-sided to show faults";
}

INSTANTIATE_TEST_SUITE_P(Dialects, Differential,
                         ::testing::Values(bpf::Dialect::kLibpcap, bpf::Dialect::kLinux),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ipjit::testing
