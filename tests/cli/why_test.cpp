// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit stats --why` says of a filter's tier.
#include "tools/ipjit/why_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;
using testing::ElementsAre;
using testing::HasSubstr;

FilterRecord busy() {
  FilterRecord record;
  record.pid = 4711;
  record.comm = "tcpdump";
  record.name = "tcp port 80";
  record.engine = "tier2";
  record.alive = true;
  record.tier.tier = 2;
  record.tier.builds = 2;
  record.tier.retreats = 1;
  record.tier.build_ns = 12'000'000;
  record.tier.guard_failures = 1234;
  record.tier.heads = 4096;
  record.tier.heads_short = 3;
  record.tier.imprecision_ppm = 12'000;
  record.tier.general_ps = 7200;
  record.tier.current_ps = 5100;
  record.tier.measured_general_ps = 6900;
  record.tier.measured_special_ps = 5000;
  record.tier.refused_verifier = 1;
  record.tier.backend = "llvm";
  record.tier.why = "4,096 samples\nit saves 2.1 ns of 7.2";
  return record;
}

TEST(Why, SaysAllThereIs) {
  EXPECT_THAT(
      why_lines(busy()),
      ElementsAre("4,096 samples", "it saves 2.1 ns of 7.2",
                  "expected: 7.2 ns a packet in general, 5.1 as it runs",
                  "measured on fresh packets: 6.9 ns a packet in general, 5.0 specialised",
                  "sampled: 4,096 packets, 3 of them cut too short; the profile forgot 1.2 % of "
                  "the values",
                  "specialised 2 times in 12 ms, now by llvm; given up 1 time; 1,234 packets left "
                  "by a guard",
                  "refused 1 build: the verifier found the code unsafe"));
}

TEST(Why, SaysThatThereIsNothing) {
  EXPECT_THAT(why_lines(FilterRecord{}), ElementsAre("nothing was tried: too few packets so far"));
}

TEST(Why, TierTwoByNameWaitsForNoPackets) {
  FilterRecord record;
  record.engine = "tier2";
  EXPECT_THAT(why_lines(record),
              ElementsAre("tier 2 was asked for by name: nothing else was tried"));
}

TEST(Why, EachRefusalHasItsReason) {
  FilterRecord record;
  record.tier.refused_unavailable = record.tier.refused_compiler = record.tier.refused_verifier = 1;
  record.tier.refused_memory = record.tier.refused_replay = record.tier.refused_stale = 2;
  ASSERT_EQ(record.tier.refused(), 9u);
  EXPECT_THAT(why_lines(record), testing::SizeIs(6));
  EXPECT_THAT(why_lines(record), testing::Each(testing::StartsWith("refused ")));
}

TEST(Why, StandsBelowTheFilterAndIsFoldedNotCut) {
  FilterRecord record = busy();
  record.tier.why = "a " + std::string(70, 'x') + " long reason with " + std::string(200, 'y');
  const std::string table = stats_table(std::vector{record}, 80, 0, true);
  EXPECT_THAT(table, HasSubstr("    - a " + std::string(70, 'x') + "\n      long reason with\n"));
  size_t ys = std::count(table.begin(), table.end(), 'y');
  EXPECT_GE(ys, 200u);
  for (size_t at = 0; at < table.size(); at = table.find('\n', at) + 1)
    EXPECT_LE(table.find('\n', at) - at, 80u) << table.substr(at, 100);
  EXPECT_EQ(stats_table(std::vector{record}, 80, 0).find("reason"), std::string::npos);
}

TEST(Why, JsonHasEveryNumber) {
  const auto json = why_json(busy().tier);
#define IPJIT_TIER_NUMBER(name, meaning) EXPECT_EQ(json[#name], busy().tier.name);
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
  EXPECT_EQ(json["backend"], "llvm");
  EXPECT_EQ(json["why"].size(), 2u);
}

}  // namespace
}  // namespace ipjit::cli
