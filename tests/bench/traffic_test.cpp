// SPDX-License-Identifier: BSD-2-Clause
// The generated traffic is what it says: the shares that the filters find, sizes, and the same
// bytes for the same seed.  Counts come from libpcap, not from the generator.
#include "bench/traffic/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "bench/filters.h"

namespace ipjit::bench {
namespace {

constexpr size_t kPackets = 100'000;

const Traffic& traffic() {
  static const Traffic made = generate(kPackets);
  return made;
}

size_t matches(const std::string& expression) {
  pcap_t* handle = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program;
  EXPECT_EQ(pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0)
      << pcap_geterr(handle);
  size_t count = 0;
  for (const ipjit_packet& packet : traffic().packets()) {
    pcap_pkthdr header = {};
    header.caplen = packet.caplen;
    header.len = packet.len;
    count += pcap_offline_filter(&program, &header, packet.data) != 0;
  }
  pcap_freecode(&program);
  pcap_close(handle);
  return count;
}

// What another harness counted on traffic of this description; ours may differ by a tenth, or by 80
// packets where few match.
TEST(Traffic, FiltersMatchAboutAsManyPacketsAsTheStudyOfPeers) {
  const std::map<char, double> expected{{'a', 100'000}, {'b', 96'934}, {'c', 15'294},
                                        {'d', 7'805},   {'e', 1'394},  {'f', 79'314},
                                        {'g', 3'980},   {'i', 274},    {'j', 6'226}};
  for (const auto& [id, count] : expected)
    EXPECT_NEAR(static_cast<double>(matches(filter(id).expression)), count,
                std::max(count / 10, 80.0))
        << "filter " << id;
}

TEST(Traffic, RareThingsOccur) {
  const size_t tagged = matches("vlan");
  EXPECT_GT(tagged, 600u);
  EXPECT_LT(tagged, 1000u);
  EXPECT_GT(matches("ip[6:2] & 0x3fff != 0"), 300u) << "fragments";
  EXPECT_GT(matches("ip[0] & 0xf > 5"), 500u) << "IP options";
  EXPECT_GT(matches("arp"), 400u);
  EXPECT_GT(matches("icmp"), 1000u);
}

TEST(Traffic, SizesAreTheInternetMix) {
  std::map<uint32_t, size_t> sizes;
  for (const ipjit_packet& packet : traffic().packets()) {
    EXPECT_EQ(packet.caplen, packet.len);
    ++sizes[packet.len];
  }
  EXPECT_NEAR(static_cast<double>(sizes[60]) / kPackets, 7.0 / 12, 0.06);
  EXPECT_NEAR(static_cast<double>(sizes[590]) / kPackets, 4.0 / 12, 0.06);
  EXPECT_NEAR(static_cast<double>(sizes[1514]) / kPackets, 1.0 / 12, 0.03);
}

TEST(Traffic, SameSeedSameBytes) {
  const Traffic one = generate(500, 7), two = generate(500, 7), other = generate(500, 8);
  ASSERT_EQ(one.packets().size(), two.packets().size());
  size_t different = 0;
  for (size_t i = 0; i < one.packets().size(); ++i) {
    const ipjit_packet &a = one.packets()[i], &b = two.packets()[i], &c = other.packets()[i];
    ASSERT_EQ(a.len, b.len);
    ASSERT_EQ(std::memcmp(a.data, b.data, a.caplen), 0) << "packet " << i;
    different += a.len != c.len || std::memcmp(a.data, c.data, a.caplen) != 0;
  }
  EXPECT_GT(different, 400u);
}

TEST(Traffic, ListedHostsAreDistinctAndTheShortListBeginsTheLongOne) {
  const std::vector<uint32_t> hundred = listed_hosts(100), thousand = listed_hosts(1000);
  EXPECT_EQ(std::set<uint32_t>(thousand.begin(), thousand.end()).size(), 1000u);
  EXPECT_TRUE(std::equal(hundred.begin(), hundred.end(), thousand.begin()));
}

TEST(Traffic, PcapFileReadsBack) {
  const std::string path =
      testing::TempDir() + "ipjit-traffic-test." + std::to_string(getpid()) + ".pcap";
  const Traffic small = generate(50);
  ASSERT_TRUE(write_pcap(small, path, 2));
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* file = pcap_open_offline(path.c_str(), error);
  ASSERT_NE(file, nullptr) << error;
  pcap_pkthdr* header;
  const u_char* data;
  size_t count = 0;
  for (; pcap_next_ex(file, &header, &data) == 1; ++count) {
    const ipjit_packet& packet = small.packets()[count % 50];
    ASSERT_EQ(header->caplen, packet.caplen);
    ASSERT_EQ(std::memcmp(data, packet.data, packet.caplen), 0);
  }
  EXPECT_EQ(count, 100u);
  pcap_close(file);
  std::remove(path.c_str());
}

TEST(Traffic, UnwritablePathIsRefused) {
  const Status written = write_pcap(generate(1), "/nonexistent/x.pcap");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kIo);
  EXPECT_THAT(written.error().why, testing::HasSubstr("/nonexistent/x.pcap"));
}

}  // namespace
}  // namespace ipjit::bench
