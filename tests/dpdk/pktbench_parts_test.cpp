// SPDX-License-Identifier: BSD-2-Clause
// The parts of ipjit-pktbench that need no port: quantiles, rule files, frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <random>

#include "bench/dpdk/frames.h"
#include "bench/dpdk/histogram.h"
#include "bench/dpdk/rules.h"

namespace ipjit::pktbench {
namespace {

using testing::HasSubstr;

TEST(Histogram, QuantilesAreWithinThreePercentOfSortedValues) {
  std::mt19937_64 random(1);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20000; ++i) values.push_back(random() >> (20 + random() % 44));
  for (uint64_t value : values) histogram.add(value);
  std::sort(values.begin(), values.end());
  for (double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(
        values[static_cast<size_t>(share * static_cast<double>(values.size())) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(share)), exact, exact * 0.035 + 1) << share;
  }
}

TEST(Histogram, EdgesAndSums) {
  Histogram one, two;
  EXPECT_EQ(one.quantile(0.5), 0u);
  one.add(0);
  one.add(31);
  two.add(UINT64_MAX);
  two.add(32);
  one += two;
  EXPECT_EQ(one.quantile(0.25), 0u);
  EXPECT_EQ(one.quantile(0.5), 31u);
  EXPECT_EQ(one.quantile(0.75), 32u);
  EXPECT_EQ(one.quantile(1), UINT64_MAX);
}

class RuleFile : public testing::Test {
 protected:
  Result<RuleSet> read(const std::string& text) {
    const std::string path =
        testing::TempDir() + "ipjit-rules-test." + std::to_string(getpid()) + ".tsv";
    std::ofstream(path) << text;
    Result<RuleSet> rules = read_rules(path);
    std::remove(path.c_str());
    return rules;
  }
};

TEST_F(RuleFile, CommentsColumnsAndOrder) {
  const auto rules = read(
      "#src_ip\tsrc_len\n"
      "3232235777\t32\t0\t0\t0\t65535\t80\t443\t6\t255\t0\t0\n"
      "0\t0\t167772160\t8\t1\t1\t0\t65535\t0\t0\n");
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->size(), 2u);
  EXPECT_EQ((*rules)[0].source, 0xc0a80101u);
  EXPECT_EQ((*rules)[0].destination_port[1], 443);
  EXPECT_EQ((*rules)[1].destination_bits, 8);
}

TEST_F(RuleFile, RefusalsNameTheLine) {
  for (const char* bad : {"1\t33\t0\t0\t0\t1\t0\t1\t6\t255\n", "1\t32\t0\t0\t9\t1\t0\t1\t6\t255\n",
                          "1\t32\t0\t0\t0\t1\t0\t1\t6\t15\n", "1\t32\t0\n", "x\n"}) {
    const auto rules = read(std::string("# a rule\n") + bad);
    ASSERT_FALSE(rules) << bad;
    EXPECT_EQ(rules.error().at, 2u) << bad;
    EXPECT_THAT(rules.error().why, HasSubstr("line 2"));
  }
  EXPECT_EQ(read("# nothing\n").error().code, Code::kEmpty);
  EXPECT_EQ(read_rules("/nonexistent.tsv").error().code, Code::kIo);
}

TEST(Rules, TheFirstThatMatchesCountsAndMostPacketsMeetOne) {
  RuleSet rules{{.source = 0x0a000000,
                 .source_bits = 8,
                 .destination_port = {80, 80},
                 .protocol = 6,
                 .protocol_mask = 255},
                {.source = 0x0a000000, .source_bits = 8}};
  const Frames frames = frames_for(rules, 2000, 1);
  const std::vector<uint32_t> verdicts = expected_rules(rules, frames.packets);
  const auto first = std::count(verdicts.begin(), verdicts.end(), 1u);
  const auto second = std::count(verdicts.begin(), verdicts.end(), 2u);
  EXPECT_NEAR(static_cast<double>(first), 800, 100);
  EXPECT_NEAR(static_cast<double>(second), 800, 100);
  EXPECT_EQ(thinned(rules, 1).size(), 1u);
  EXPECT_EQ(thinned(rules, 9).size(), 2u);
}

TEST(FramesOf, SizesAreThoseOnTheWireWithoutFcs) {
  for (const uint32_t size : {64u, 65u, 70u, 72u, 128u, 1518u}) {
    const auto frames = frames_of({.traffic = std::to_string(size), .packets = 3000});
    ASSERT_TRUE(frames);
    std::vector<uint32_t> sizes;
    for (const ipjit_packet& packet : frames->packets) sizes.push_back(packet.caplen);
    const auto as_asked = std::count(sizes.begin(), sizes.end(), size - 4);
    EXPECT_GT(as_asked, size < 80 ? 2500 : 2900) << size;
    EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), std::max(1514u, size)) << size;
  }
}

TEST(FramesOf, RefusalsSayWhatIsPossible) {
  EXPECT_THAT(frames_of({.traffic = "63"}).error().why, HasSubstr("64 to 1518"));
  EXPECT_THAT(frames_of({.traffic = "99999999999"}).error().why, HasSubstr("64 to 1518"));
  EXPECT_EQ(frames_of({.traffic = "/nonexistent.pcap"}).error().code, Code::kIo);
}

TEST(FramesOf, RareIsWhatTheUsualMixHardlyHas) {
  const auto usual = frames_of({.traffic = "imix", .packets = 4000});
  ASSERT_TRUE(usual);
  const Frames rare = only_rare(*usual);
  ASSERT_EQ(rare.packets.size(), usual->packets.size());
  for (const ipjit_packet& packet : rare.packets) {
    const uint8_t* p = packet.data;
    const bool plain =
        p[12] == 8 && p[13] == 0 && p[14] == 0x45 && (p[20] & 0x3f) == 0 && p[21] == 0;
    ASSERT_FALSE(plain);
  }
}

TEST(FramesOf, FragmentsAreLeftOutAndCounted) {
  const auto all = frames_of({.traffic = "imix", .packets = 20000});
  ASSERT_TRUE(all);
  const Frames whole = without_fragments(*all);
  const size_t left_out = all->packets.size() - whole.packets.size();
  EXPECT_GT(left_out, 0u);
  EXPECT_THAT(whole.described,
              HasSubstr("without " + std::to_string(left_out) + " IPv4 fragments"));
  const auto fragments = [](const Frames& frames) {
    return std::count_if(frames.packets.begin(), frames.packets.end(),
                         [](const ipjit_packet& packet) {
                           const uint8_t* p = packet.data;
                           if (p[12] == 0x81 && p[13] == 0) p += 4;
                           return p[12] == 8 && p[13] == 0 && ((p[20] & 0x3f) != 0 || p[21] != 0);
                         });
  };
  EXPECT_EQ(static_cast<size_t>(fragments(*all)), left_out);
  EXPECT_EQ(fragments(whole), 0);
}

}  // namespace
}  // namespace ipjit::pktbench
