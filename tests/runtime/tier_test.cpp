// SPDX-License-Identifier: BSD-2-Clause
// A filter's way to specialised code and back, with a builder that the test drives.
#include <gmock/gmock.h>

#include "tests/runtime/child.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

TEST(Tier, AHotFilterReachesTier2AndStaysRight) {
  Street street;
  EXPECT_EQ(street.tier(), 1u);
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  const FilterRecord record = street.filter->record();
  EXPECT_EQ(record.engine, "tier2");
  EXPECT_EQ(record.tier.backend, "asmjit");
  EXPECT_EQ(record.tier.changes, 1u);
  EXPECT_EQ(record.tier.builds, 1u);
  EXPECT_EQ(record.tier.refused(), 0u);
  EXPECT_EQ(record.swaps, 0u) << "the owner has replaced nothing";
  EXPECT_GE(record.tier.heads, 48u);
  EXPECT_THAT(record.tier.why, HasSubstr("gives what the test wants"));
  street.run_ip();
  street.run_arp(100);
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Tier, NothingIsBuiltOfAFewPackets) {
  Street street;
  street.tools.policy.min_samples = 500;
  street.run_ip(10'000);
  street.round();
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.compilers[0]->calls, 0);
  EXPECT_THAT(street.record().why, HasSubstr("samples, fewer than 500"));
}

/// The first samples do not know what is rare; later ones do, and then nothing more is to be
/// learnt.
TEST(Tier, FourTimesTheSamplesAreAnotherLook) {
  Street street;
  std::vector<uint64_t> looked_at;
  street.tools.specialise = [&, gives = always_gives(for_zeros())](
                                const ir::Program& general, const ir::Profile& profile,
                                const ir::Facts& facts, const ir::Choices& choices) {
    looked_at.push_back(profile.packets);
    return gives(general, profile, facts, choices);
  };
  // Slow packets are sampled densely: after a long period the first look would have seen nearly all
  // that a profile holds.
  const auto traffic = [&] { street.run_ip(looked_at.empty() ? 20'000 : 200'000); };
  ASSERT_TRUE(street.until(traffic, [&] { return looked_at.size() == 3; }));
  EXPECT_GE(looked_at[1], 4 * looked_at[0]);
  EXPECT_GE(looked_at[2], 4 * looked_at[1]);
  EXPECT_EQ(street.record().builds, 1u) << "it is the same program";
}

/// Its packets are counted from zero, and so must those be at which it looks up.
TEST(Tier, AChildSamplesItsFirstPackets) {
  Street street;
  street.run_ip(1'000'000);
  const int status = in_child([&] {
    street.run_ip();
    street.round();
    return street.record().heads > 0 ? 0 : 1;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

TEST(Tier, AFilterWithoutPacketsIsNotHotForEver) {
  Street street;
  const auto hot = [&] { return street.filter->tier()->hot.load(); };
  ASSERT_TRUE(street.until([&] { street.run_ip(200'000); }, hot));
  for (int i = 0; i < 9; ++i) street.round();
  EXPECT_TRUE(hot());
  for (int i = 0; i < 2; ++i) street.round();
  EXPECT_FALSE(hot());
  EXPECT_TRUE(street.until([&] { street.run_ip(200'000); }, hot));
}

/// No builder takes part: the thread that runs the packets goes back by itself.
TEST(Tier, APhaseChangeBringsBackTheGeneralCode) {
  Street street;
  ASSERT_TRUE(street.reaches_tier2());
  street.run_ip(10'000);
  ASSERT_EQ(street.tier(), 2u);
  uint64_t packets = 0;
  for (; street.tier() == 2 && packets < 1'000'000; packets += 16) street.run_arp(16);
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_LE(packets, 2 * Watch::kMaxCheck);
  EXPECT_EQ(street.filter->record().engine, "tier1");
  EXPECT_EQ(street.record().retreats, 1u);
  EXPECT_GT(street.record().guard_failures, 0u);
  EXPECT_EQ(street.wrong, 0u);
  street.round();
  EXPECT_THAT(street.record().why, HasSubstr("too many packets left by a guard"));
}

TEST(Tier, AfterARetreatTheNextBuildWaits) {
  Street street;
  ASSERT_TRUE(street.reaches_tier2());
  const auto back = [&] { return street.tier() == 1; };
  ASSERT_TRUE(street.until([&] { street.run_arp(); }, back));
  const int calls = street.compilers[0]->calls;
  const uint64_t then = street.now_ns;
  ASSERT_TRUE(street.until([&] { street.run_ip(300'000); },
                           [&] { return street.compilers[0]->calls > calls; }))
      << street.record().why << "\n"
      << street.record().heads << " " << street.record().heads_short << " of "
      << street.filter->record().packets;
  EXPECT_GE(street.now_ns - then, ir::Policy().first_backoff_ns);
  EXPECT_EQ(street.tier(), 2u);
}

TEST(Tier, AReplacedProgramIsGeneralAgain) {
  Street street;
  ASSERT_TRUE(street.reaches_tier2());
  ASSERT_TRUE(bool(street.filter->replace(always(7))));
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.filter->record().swaps, 1u);
  street.run(ip_packet(), 100'000, 7);
  street.round();
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Tier, CodeForAProgramThatWasReplacedMeanwhileIsNotPublished) {
  Street street;
  street.compilers[0]->function = [&](const ir::Program& program, const arch::Target& target) {
    EXPECT_TRUE(bool(street.filter->replace(always(9))));
    return as_tier1(program, target);
  };
  ASSERT_TRUE(
      street.until([&] { street.run_ip(); }, [&] { return street.record().refused_stale == 1; }) ||
      street.wrong > 0);
  street.wrong = 0;
  EXPECT_EQ(street.tier(), 1u);
  street.run(arp_packet(), 100, 9);
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Tier, AFilterFreedWhileItIsBuilt) {
  Street street;
  const std::shared_ptr<TierState> state = street.filter->tier();
  street.compilers[0]->function = [&](const ir::Program& program, const arch::Target& target) {
    street.filter.reset();
    return as_tier1(program, target);
  };
  Tiering tiering(street.tools);
  for (int i = 0; i < 400 && street.filter; ++i) {
    street.run_ip();
    street.now_ns += 1'000'000'000;
    tiering.round({&state, 1});
  }
  EXPECT_FALSE(street.filter);
  EXPECT_FALSE(state->slot);
}

TEST(Tier, TheBetterCompilerReplacesTheQuickOneWhereItPays) {
  Street street;
  street.add_backend("better", as_tier1, 0.5);
  ASSERT_TRUE(
      street.until([&] { street.run_ip(); }, [&] { return street.record().backend == "better"; }));
  EXPECT_EQ(street.record().builds, 2u);
  EXPECT_EQ(street.record().changes, 1u);
  street.run_arp(10);
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Tier, WithoutTheBetterCompilerTheQuickOnesCodeStays) {
  Street street;
  street.add_backend("better", [](const ir::Program&, const arch::Target&) {
    return Error{Stage::kTier2, Code::kUnavailable, 0, "nobody answers"};
  });
  street.tools.backends[1].share = 0.5;
  ASSERT_TRUE(street.until([&] { street.run_ip(); },
                           [&] { return street.record().refused_unavailable == 1; }));
  EXPECT_EQ(street.tier(), 2u);
  EXPECT_EQ(street.record().backend, "asmjit");
  EXPECT_THAT(street.record().why, HasSubstr("nobody answers"));
  street.run_ip();
  street.now_ns -= 999'999'999;
  street.round();
  EXPECT_EQ(street.compilers[1]->calls, 1) << "asked again before the back-off was over";
}

TEST(Tier, AFilterThatIsNotTieredHasNothing) {
  auto by_name = make_filter(only_ip(), {.engine = Engine::kTier1});
  EXPECT_FALSE(by_name->tier());
  auto off = make_filter(only_ip(), {.tier_up = TierUp::kOff});
  EXPECT_FALSE(off->tier());
  auto usual = make_filter(only_ip());
  EXPECT_TRUE(usual->tier());
  setenv("IPJIT_TIER2", "off", 1);
  auto by_environment = make_filter(only_ip());
  unsetenv("IPJIT_TIER2");
  EXPECT_FALSE(by_environment->tier());
}

}  // namespace
}  // namespace ipjit::runtime
