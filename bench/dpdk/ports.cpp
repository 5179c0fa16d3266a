// SPDX-License-Identifier: BSD-2-Clause
// Hazard: net_ring counts with atomic adds unless its rings have one producer and one consumer;
// each ring here has one lcore at either end.
//
// Hazard: net_af_packet puts its sockets into a fanout group with PACKET_FANOUT_FLAG_DEFRAG (22.11
// has no word against it), so that the kernel hands on no IPv4 fragment, not even with one queue.
#include "bench/dpdk/ports.h"

#include <array>
#include <cstring>
#include <vector>

namespace ipjit::pktbench {
namespace {

constexpr unsigned kRing = 1024;  // mbufs between two lcores, a card's usual descriptor ring
constexpr uint16_t kDescriptors = 1024;

Error unavailable(const std::string& what, int error) {
  return Error{Stage::kRuntime, Code::kUnavailable, 0,
               what + ": " + rte_strerror(error < 0 ? -error : error)};
}

Status start(uint16_t port, uint16_t rx_queues, uint16_t tx_queues, rte_mempool* pool) {
  rte_eth_conf conf = {};
  if (rx_queues > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
    rte_eth_dev_info info;
    if (rte_eth_dev_info_get(port, &info) == 0)
      conf.rx_adv_conf.rss_conf.rss_hf &= info.flow_type_rss_offloads;
    if (!conf.rx_adv_conf.rss_conf.rss_hf) conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
  }
  const std::string name = "port " + std::to_string(port);
  if (const int e = rte_eth_dev_configure(port, rx_queues, tx_queues, &conf))
    return unavailable(name + " refuses " + std::to_string(rx_queues) + " queues", e);
  uint16_t rx = kDescriptors, tx = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx);
  for (uint16_t queue = 0; queue < rx_queues; ++queue)
    if (const int e = rte_eth_rx_queue_setup(port, queue, rx, 0, nullptr, pool))
      return unavailable(name + ", receive queue", e);
  for (uint16_t queue = 0; queue < tx_queues; ++queue)
    if (const int e = rte_eth_tx_queue_setup(port, queue, tx, 0, nullptr))
      return unavailable(name + ", send queue", e);
  if (const int e = rte_eth_dev_start(port)) return unavailable(name + " does not start", e);
  rte_eth_promiscuous_enable(port);  // a virtual device may not know the word
  return ok();
}

Result<Cable> start_both(Cable cable, rte_mempool* pool) {
  const auto queues = static_cast<uint16_t>(cable.queues);
  if (const Status s = start(cable.device, queues, queues, pool); !s) return s.error();
  if (cable.generator)
    if (const Status s = start(*cable.generator, queues, queues, pool); !s) return s.error();
  return cable;
}

Result<Cable> open_ring(unsigned queues, rte_mempool* pool) {
  std::vector<rte_ring*> there, back;
  for (unsigned queue = 0; queue < queues; ++queue)
    for (const bool forth : {true, false}) {
      const std::string name =
          std::string(forth ? "ipjit_there_" : "ipjit_back_") + std::to_string(queue);
      rte_ring* ring = rte_ring_create(name.c_str(), kRing, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
      if (!ring) return unavailable("rte_ring_create", rte_errno);
      (forth ? there : back).push_back(ring);
    }
  const int device =
      rte_eth_from_rings("ipjit_device", there.data(), queues, back.data(), queues, 0);
  const int generator =
      rte_eth_from_rings("ipjit_generator", back.data(), queues, there.data(), queues, 0);
  if (device < 0 || generator < 0) return unavailable("rte_eth_from_rings", rte_errno);
  return start_both({.device = static_cast<uint16_t>(device),
                     .generator = static_cast<uint16_t>(generator),
                     .queues = queues,
                     .carries_mbufs = true,
                     .described = "net_ring"},
                    pool);
}

Result<uint16_t> plug(const std::string& name, const std::string& arguments) {
  uint16_t port = 0;
  if (const int e = rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str()))
    return unavailable(name + " (" + arguments + ")", e);
  if (const int e = rte_eth_dev_get_port_by_name(name.c_str(), &port)) return unavailable(name, e);
  return port;
}

Result<Cable> open_pcap(const std::string& file, rte_mempool* pool) {
  const Result<uint16_t> device = plug("net_pcap0", "rx_pcap=" + file + ",infinite_rx=1");
  if (!device) return device.error();
  return start_both({.device = *device, .generator = {}, .described = "net_pcap, " + file}, pool);
}

Result<Cable> open_af_packet(const std::string& interfaces, rte_mempool* pool) {
  const size_t comma = interfaces.find(',');
  if (comma == std::string::npos)
    return Error{Stage::kUsage, Code::kBadOption, 0,
                 "af_packet:" + interfaces + ": two interfaces with a comma between are wanted"};
  std::vector<uint16_t> ports;
  for (const std::string& interface : {interfaces.substr(0, comma), interfaces.substr(comma + 1)}) {
    const Result<uint16_t> port =
        plug("net_af_packet" + std::to_string(ports.size()), "iface=" + interface);
    if (!port)
      return Error{Stage::kRuntime, Code::kUnavailable, 0,
                   port.error().why +
                       "; the interface must exist, and packet sockets want "
                       "CAP_NET_RAW; --port ring needs neither"};
    ports.push_back(*port);
  }
  return start_both({.device = ports[1],
                     .generator = ports[0],
                     .reassembles = true,
                     .described = "net_af_packet, " + interfaces},
                    pool);
}

Result<Cable> open_found(unsigned queues, rte_mempool* pool) {
  std::vector<uint16_t> ports;
  uint16_t port;
  RTE_ETH_FOREACH_DEV(port) ports.push_back(port);
  if (ports.empty())
    return Error{Stage::kRuntime, Code::kUnavailable, 0,
                 "EAL found no port: bind one to a driver and name it behind -- (-a PCI), or say "
                 "--port ring"};
  Cable cable{.device = ports[0], .generator = {}, .queues = queues, .described = "EAL's port 0"};
  if (ports.size() > 1) {
    cable.generator = ports[1];
    cable.described += " against port 1";
  }
  return start_both(cable, pool);
}

}  // namespace

Result<Cable> open_cable(const std::string& port, unsigned queues, rte_mempool* pool) {
  const size_t colon = port.find(':');
  const std::string kind = port.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : port.substr(colon + 1);
  if (kind == "ring" && rest.empty()) return open_ring(queues, pool);
  if (kind == "eal" && rest.empty()) return open_found(queues, pool);
  const bool one_queue = kind == "pcap" || kind == "af_packet";
  if (one_queue && queues > 1)
    return Error{Stage::kUsage, Code::kBadOption, queues, kind + " has one queue: --lcores 1 or 2"};
  if (kind == "pcap" && !rest.empty()) return open_pcap(rest, pool);
  if (kind == "af_packet") return open_af_packet(rest, pool);
  return Error{Stage::kUsage, Code::kBadOption, 0,
               "port '" + port + "' is not ring, pcap:FILE, af_packet:NET,NET or eal"};
}

}  // namespace ipjit::pktbench
