// SPDX-License-Identifier: BSD-2-Clause
// What the tests on mbufs share: EAL, packets as mbufs, what libpcap says.
#pragma once

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <span>
#include <string>
#include <vector>

#include "bench/dpdk/dpdk.h"
#include "bpf-frontend/insn.h"
#include "ipjit/ipjit.h"

namespace ipjit::dpdk_test {

/// Starts EAL when first asked; false where it does not start.
bool eal_runs();

/// Skips where EAL does not start.
class OnMbufs : public testing::Test {
 protected:
  void SetUp() override;

  /// A packet in `segments` mbufs of about the same size.
  rte_mbuf* mbuf(const ipjit_packet& packet, unsigned segments = 1);
  /// All of them, one segment each.
  std::vector<rte_mbuf*> mbufs(std::span<const ipjit_packet> packets);
  unsigned mbufs_in_use() const { return rte_mempool_in_use_count(pool()); }

 private:
  static rte_mempool* pool();
};

bpf::InsnList compiled(const std::string& expression);
uint32_t libpcap_says(const bpf::InsnList& insns, const ipjit_packet& packet);
bpf_program program_of(bpf::InsnList& insns);

}  // namespace ipjit::dpdk_test
