// SPDX-License-Identifier: BSD-2-Clause
// Long lists: the linear path's program and libpcap's optimised one have the same result on every
// packet, cut at every length.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <ctime>
#include <sstream>

#include "bpf-frontend/check.h"
#include "bpf-frontend/expression.h"
#include "bpf-frontend/text.h"
#include "tests/bpf/host_packets.h"

namespace ipjit::bpf {
namespace {

constexpr int kLinks[] = {DLT_EN10MB, DLT_RAW, DLT_NULL, DLT_LINUX_SLL, DLT_LINUX_SLL2};

/// libpcap's own program, run by libpcap.
class Reference {
 public:
  Reference(const std::string& expression, const Link& link) {
    pcap_t* dead = pcap_open_dead(link.dlt, static_cast<int>(link.snaplen));
    EXPECT_EQ(pcap_compile(dead, &program_, expression.c_str(), link.optimize, link.netmask), 0)
        << pcap_geterr(dead);
    pcap_close(dead);
  }
  ~Reference() { pcap_freecode(&program_); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  uint32_t run(const std::vector<uint8_t>& data, size_t caplen) const {
    return bpf_filter(program_.bf_insns, data.data(), static_cast<u_int>(data.size()),
                      static_cast<u_int>(caplen));
  }
  size_t size() const { return program_.bf_len; }
  std::string text() const {
    InsnList insns;
    for (u_int pc = 0; pc < program_.bf_len; ++pc) {
      const bpf_insn& insn = program_.bf_insns[pc];
      insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
    }
    return print(insns);
  }

 private:
  bpf_program program_ = {};
};

uint32_t run(const InsnList& program, const std::vector<uint8_t>& data, size_t caplen) {
  std::vector<bpf_insn> insns;
  for (const Insn& insn : program) insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
  return bpf_filter(insns.data(), data.data(), static_cast<u_int>(data.size()),
                    static_cast<u_int>(caplen));
}

std::string joined(const std::vector<ListTerm>& terms) {
  std::string text;
  for (const ListTerm& term : terms) text += (text.empty() ? "" : " or ") + term.text;
  return text;
}

struct Tally {
  uint32_t linear = 0, declined = 0, accepted = 0, rejected = 0;
};

// "hn_p": hosts and nets, then ports; short where there are several sections, for libpcap's sake.
std::vector<ListTerm> random_list(Random& random, const std::string& sections) {
  std::vector<ListTerm> terms;
  bool several = sections.find('_') != sections.npos;
  std::stringstream stream(sections);
  for (std::string kinds; std::getline(stream, kinds, '_');)
    for (uint32_t count = several ? 8 + random.below(10) : 16 + random.below(30); count-- > 0;)
      terms.push_back(
          random_term(random, kinds[random.below(static_cast<uint32_t>(kinds.size()))]));
  return terms;
}

// Compares one random list, if the linear path takes it.
void compare(Random& random, const std::string& sections, const Link& link, Tally& tally) {
  std::vector<ListTerm> terms = random_list(random, sections);
  std::string expression = joined(terms);
  std::optional<InsnList> ours = compile_host_list(expression, link);
  ++(ours ? tally.linear : tally.declined);
  if (!ours) return;
  ASSERT_TRUE(check(*ours, Dialect::kLinux));
  Reference reference(expression, link);
  for (int i = 0; i < 120; ++i) {
    std::vector<uint8_t> packet = list_packet(random, link.dlt, terms);
    for (size_t caplen = 0; caplen <= packet.size(); ++caplen) {
      uint32_t expected = reference.run(packet, caplen);
      ASSERT_EQ(run(*ours, packet, caplen), expected)
          << "link " << link.dlt << ", " << caplen << " of " << packet.size() << " bytes\n"
          << expression << "\n"
          << print(*ours);
      ++(expected != 0 ? tally.accepted : tally.rejected);
    }
  }
}

class Lists : public testing::TestWithParam<std::string> {};

TEST_P(Lists, AgreeWithLibpcapOnEveryLength) {
  Tally tally;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    for (int dlt : kLinks) {
      Random random(seed * 100 + static_cast<uint64_t>(dlt));
      compare(random, GetParam(), Link{.dlt = dlt, .snaplen = 262144}, tally);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(tally.linear, 0u);
  EXPECT_GT(tally.accepted, 1000u);
  EXPECT_GT(tally.rejected, 1000u);
  RecordProperty("linear", static_cast<int>(tally.linear));
  RecordProperty("declined", static_cast<int>(tally.declined));
}

std::string name_of_kinds(const testing::TestParamInfo<std::string>& info) { return info.param; }

// NULL and RAW have no ARP, so lists of 'a' alone are not among these.
INSTANTIATE_TEST_SUITE_P(Kinds, Lists,
                         testing::Values("h", "hsd", "hi", "hn", "n", "hnsdi", "p", "pt", "ptu",
                                         "6", "h6", "6N", "h6N", "h_p", "p_h", "hsn_pt_h", "h6_p",
                                         "p_h6", "6_p_6", "6N_tu", "S_p", "hhh6", "S", "N", "ssS",
                                         "hhhhhha"),
                         name_of_kinds);

std::string numbered_hosts(uint32_t count, std::vector<ListTerm>* terms = nullptr) {
  std::vector<ListTerm> hosts(count);
  for (uint32_t i = 0; i < count; ++i) {
    hosts[i].address = {192, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    hosts[i].text = "host 192.0." + std::to_string(i >> 8) + "." + std::to_string(i & 255);
  }
  if (terms != nullptr) *terms = hosts;
  return joined(hosts);
}

// libpcap's optimiser needs minutes here, so this compares with its unoptimised program, which on
// whole packets means the same.
TEST(LongLists, ThreeHundredHostsMeanWhatLibpcapMeans) {
  std::vector<ListTerm> terms;
  std::string expression = numbered_hosts(300, &terms);
  for (int dlt : {DLT_EN10MB, DLT_RAW}) {
    std::optional<InsnList> ours = compile_host_list(expression, Link{.dlt = dlt});
    ASSERT_TRUE(ours);
    Reference reference(expression, Link{.dlt = dlt, .optimize = false});
    Random random(static_cast<uint64_t>(dlt));
    uint32_t accepted = 0;
    for (int i = 0; i < 3000; ++i) {
      std::vector<uint8_t> packet = list_packet(random, dlt, terms);
      uint32_t expected = reference.run(packet, packet.size());
      ASSERT_EQ(run(*ours, packet, packet.size()), expected);
      accepted += expected != 0;
    }
    EXPECT_GT(accepted, 100u);
  }
}

double thread_cpu_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// libpcap's optimiser takes minutes, this less than a millisecond: no machine is slow enough to
// take one for the other, least of all in each of ten turns.
TEST(LongLists, AThousandHostsAreQuickAndFitTheKernel) {
  std::string expression = numbered_hosts(1000);
  double least_ms = 1e9;
  for (int turn = 0; turn < 10; ++turn) {
    const double start = thread_cpu_ms();
    Result<InsnList> program = compile_expression(expression, Link{});
    least_ms = std::min(least_ms, thread_cpu_ms() - start);
    ASSERT_TRUE(program) << to_string(program.error());
    EXPECT_TRUE(check(*program, Dialect::kLinux)) << program->size();
  }
  EXPECT_LT(least_ms, 200);
  RecordProperty("ms", std::to_string(least_ms));
}

TEST(LongLists, AreNotLongerThanLibpcaps) {
  std::string expression = numbered_hosts(60);
  std::optional<InsnList> ours = compile_host_list(expression, Link{});
  ASSERT_TRUE(ours);
  EXPECT_LE(ours->size(), Reference(expression, Link{}).size());
}

// On the link types whose tests libpcap's optimiser can move together the programs are the same
// word for word; the others (802.11 and such) are left to libpcap.
TEST(LongLists, EveryLinkTypeGivesLibpcapsProgram) {
  uint32_t same = 0;
  const std::string expression = numbered_hosts(20);
  for (int dlt = 0; dlt < 300; ++dlt) {
    if (pcap_datalink_val_to_name(dlt) == nullptr) continue;
    std::optional<InsnList> ours = compile_host_list(expression, Link{.dlt = dlt});
    if (!ours) continue;
    ++same;
    EXPECT_EQ(print(*ours), Reference(expression, Link{.dlt = dlt}).text()) << dlt;
  }
  EXPECT_GT(same, 40u);
}

// All spellings that the recogniser takes for a list, against libpcap's reading of them.
TEST(LongLists, SpellingsMeanWhatLibpcapMeans) {
  const std::string more = numbered_hosts(16);
  const std::string spellings[] = {
      "(" + more + ")",
      "((" + more + ") or (host 10.0.0.1 || src host 10.0.0.2))",
      "host 10.0.0.1 or 10.0.0.2 or 10.0.0.3 or " + more,
      "src host 10.0.0.1 or 10.0.0.2 or " + more,
      "src 10.0.0.1 or 10.0.0.2 or " + more,
      "host (10.0.0.1 or 10.0.0.2) or " + more,
      "dst host (10.0.0.1 or 10.0.0.2 or 10.0.0.3) or (" + more + ")",
      "port 53 or 80 or 443 or " + more,
      "tcp src port (53 or 80) or " + more,
      "net 10.0.0.0/8 or 11.0.0.0/8 or " + more,
      "\t" + more + " or\nhost\t10.0.0.1 ",
      more + " or host 192.0.0.3 or " + more,
      "ip host 10.0.0.1 or arp host 10.0.0.1 or src net 10.1.0.0/16 or " + more};
  for (const std::string& expression : spellings) {
    std::optional<InsnList> ours = compile_host_list(expression, Link{});
    ASSERT_TRUE(ours) << expression;
    Reference reference(expression, Link{});
    Random random(1);
    std::vector<ListTerm> terms(4);
    for (uint8_t i = 0; i < 4; ++i) terms[i].address = {10, 0, 0, i};
    terms[3].address = {192, 0, 0, 3};
    terms[0].port = 53;
    terms[1].port = 80;
    for (int i = 0; i < 300; ++i) {
      std::vector<uint8_t> packet = list_packet(random, DLT_EN10MB, terms);
      for (size_t caplen = 0; caplen <= packet.size(); ++caplen)
        ASSERT_EQ(run(*ours, packet, caplen), reference.run(packet, caplen)) << expression;
    }
  }
}

// What the recogniser reads as an address, libpcap reads too.
TEST(LongLists, AddressesInEveryForm) {
  const std::string more = " or " + numbered_hosts(16);
  for (const char* address :
       {"::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8", "1:2:3:4:5::8", "2001:DB8::A", "0001:0002::0008", "ffff::", "0::0",
        "0.0.0.0", "255.255.255.255", "1.0.0.0"}) {
    std::string expression = std::string("host ") + address + more;
    EXPECT_TRUE(compile_host_list(expression, Link{})) << address;
    Reference libpcap_takes_it_too(expression, Link{});
  }
}

TEST(LongLists, EverythingElseIsLibpcaps) {
  const std::string more = " or " + numbered_hosts(16);
  const std::string others[] = {"",
                                numbered_hosts(15),
                                "tcp" + more,
                                "not host 10.0.0.1" + more,
                                "host 10.0.0.1 and port 80" + more,
                                "host 10.0.0.1 && port 80" + more,
                                "!host 10.0.0.1" + more,
                                "host example" + more,
                                "host 10.1" + more,
                                "host 10.0.0.256" + more,
                                "host 010.0.0.1" + more,
                                "host 10.0.0.1.2" + more,
                                "net 10" + more,
                                "net 10.0.0.0 mask 255.0.0.0" + more,
                                "net 10.0.0.1/8" + more,
                                "net 10.0.0.0/33" + more,
                                "net 0.0.0.0/0" + more,
                                "host 10.0.0.0/8" + more,
                                "port http" + more,
                                "port 65536" + more,
                                "portrange 1-5" + more,
                                "gateway 10.0.0.1" + more,
                                "vlan 5" + more,
                                "vlan" + more,
                                "mpls" + more,
                                "ether host 02:00:00:00:00:01" + more,
                                "src or dst host 10.0.0.1" + more,
                                "ip6 host 10.0.0.1" + more,
                                "ip host 2001:db8::1" + more,
                                "ip port 53" + more,
                                "src host 2001:db8::1 or dst host 2001:db8::2" + more,
                                "host fe80::1%eth0" + more,
                                "(host 10.0.0.1" + more,
                                "host 10.0.0.1)" + more,
                                "host 10.0.0.1 or" + more,
                                "host 10.0.0.1 host 10.0.0.2" + more,
                                "10.0.0.1" + more,  // a syntax error there too
                                "(10.0.0.1)" + more,
                                "(host 10.0.0.1) or 10.0.0.2" + more,
                                "len > 5" + more,
                                "ip[0] = 5" + more};
  for (const std::string& expression : others)
    EXPECT_FALSE(compile_host_list(expression, Link{})) << expression;
  EXPECT_FALSE(compile_host_list(numbered_hosts(20), Link{.optimize = false}));
  EXPECT_TRUE(compile_host_list(numbered_hosts(20), Link{}));
}

}  // namespace
}  // namespace ipjit::bpf
