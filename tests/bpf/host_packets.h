// SPDX-License-Identifier: BSD-2-Clause
// Packets for lists of hosts: each hits or misses the list's addresses and ports, at each place
// where a link type can have them.
#pragma once

#include <string>
#include <vector>

#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {

/// One term of a disjunction, and what a packet needs to match it.
struct ListTerm {
  std::string text;
  std::vector<uint8_t> address;  ///< 4 or 16 bytes; empty: a port
  uint16_t port = 0;
};

/// A term of a kind that compile_host_list() knows: 'h' host, 's' src host, 'd' dst host, 'i' ip
/// host, 'a' arp host, 'n' net with a random prefix, '6' IPv6 host, 'S' src host with IPv6, 'N'
/// IPv6 net, 'p' port, 't' tcp port, 'u' udp dst port.
ListTerm random_term(Random& random, char kind);

/// A packet for the link type (EN10MB, RAW, NULL, LINUX_SLL, LINUX_SLL2): IPv4, IPv6 or ARP, with
/// addresses and ports of the terms in about every second place.
std::vector<uint8_t> list_packet(Random& random, int dlt, const std::vector<ListTerm>& terms);

}  // namespace ipjit::bpf
