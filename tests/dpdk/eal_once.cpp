// SPDX-License-Identifier: BSD-2-Clause
#include "tests/dpdk/eal_once.h"

#include <algorithm>
#include <cstring>

#include "ipjit/error.h"

namespace ipjit::dpdk_test {

bool eal_runs() {
  static const bool runs = [] {
    static std::string words[] = {
        "dpdk_test",  "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
        "--lcores=0", "-m",        "256",      "--iova-mode=va", "--log-level=lib.*:critical"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  return runs;
}

void OnMbufs::SetUp() {
  if (!eal_runs()) GTEST_SKIP() << "EAL does not start on this machine";
}

rte_mempool* OnMbufs::pool() {
  static rte_mempool* const pool =
      rte_pktmbuf_pool_create("test_packets", 16383, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, 0);
  return pool;
}

rte_mbuf* OnMbufs::mbuf(const ipjit_packet& packet, unsigned segments) {
  rte_mbuf* first = nullptr;
  const uint32_t each = (packet.caplen + segments - 1) / segments;
  for (uint32_t at = 0; at < packet.caplen || !first; at += each) {
    const uint32_t size = std::min(each, packet.caplen - at);
    rte_mbuf* const segment = rte_pktmbuf_alloc(pool());
    IPJIT_CHECK(segment);  // a test did not free its packets
    std::memcpy(rte_pktmbuf_append(segment, static_cast<uint16_t>(size)), packet.data + at, size);
    if (!first)
      first = segment;
    else
      EXPECT_EQ(rte_pktmbuf_chain(first, segment), 0);
  }
  return first;
}

std::vector<rte_mbuf*> OnMbufs::mbufs(std::span<const ipjit_packet> packets) {
  std::vector<rte_mbuf*> all;
  for (const ipjit_packet& packet : packets) all.push_back(mbuf(packet));
  return all;
}

bpf::InsnList compiled(const std::string& expression) {
  pcap_t* const handle = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program;
  EXPECT_EQ(pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0)
      << pcap_geterr(handle);
  bpf::InsnList insns(program.bf_len);
  std::memcpy(insns.data(), program.bf_insns, program.bf_len * sizeof insns[0]);
  pcap_freecode(&program);
  pcap_close(handle);
  return insns;
}

bpf_program program_of(bpf::InsnList& insns) {
  return {static_cast<u_int>(insns.size()), reinterpret_cast<bpf_insn*>(insns.data())};
}

uint32_t libpcap_says(const bpf::InsnList& insns, const ipjit_packet& packet) {
  return bpf_filter(reinterpret_cast<const bpf_insn*>(insns.data()), packet.data, packet.len,
                    packet.caplen);
}

}  // namespace ipjit::dpdk_test
