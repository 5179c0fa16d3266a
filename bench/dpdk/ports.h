// SPDX-License-Identifier: BSD-2-Clause
// Where packets come in and go out: two ports with a cable between them, or what the user has.
//
//   generator ──▶ device ─▶ filter ─▶ device ──▶ generator
#pragma once

#include <optional>
#include <string>

#include "bench/dpdk/dpdk.h"
#include "ipjit/error.h"

namespace ipjit::pktbench {

struct Cable {
  uint16_t device = 0;                ///< the filter's side
  std::optional<uint16_t> generator;  ///< none: packets come from elsewhere
  unsigned queues = 1;
  bool carries_mbufs = false;  ///< the very mbufs come out that went in, and nothing is lost
  /// IPv4 fragments do not come out: the kernel keeps them until it can put a datagram together.
  bool reassembles = false;
  std::string described;
};

/// Takes: `port` as the user says it:
///          ring                two ports over rings (net_ring), queues as many as lcores want
///          pcap:FILE           net_pcap replays the capture for ever
///          af_packet:NET,NET   packet sockets on two interfaces with a cable between, such as veth
///          eal                 the first port that EAL found, or the first two, crossed
///        and the pool that received packets are put into.
/// Fails: kBadOption; kUnavailable with what is missing.
Result<Cable> open_cable(const std::string& port, unsigned queues, rte_mempool* pool);

}  // namespace ipjit::pktbench
