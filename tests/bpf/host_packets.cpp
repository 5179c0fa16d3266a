// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/host_packets.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include <algorithm>

namespace ipjit::bpf {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes random_bytes(Random& random, size_t count) {
  Bytes bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

// Clears the bits behind the prefix.
void keep_prefix(Bytes& address, uint32_t bits) {
  for (uint32_t bit = bits; bit < address.size() * 8; ++bit)
    address[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
}

std::string text_of(const Bytes& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(address.size() == 4 ? AF_INET : AF_INET6, address.data(), text, sizeof text);
}

// Few first words, so that terms share prefixes.
Bytes random_address(Random& random, bool six) {
  Bytes address = random_bytes(random, six ? 16 : 4);
  address[0] = six ? 0x20 : static_cast<uint8_t>(10 + random.below(3));
  if (!six) return address;
  const uint8_t head[] = {0x20, 0x01, 0x0d, 0xb8, 0, static_cast<uint8_t>(random.below(3)), 0, 0};
  std::copy(std::begin(head), std::end(head), address.begin());
  if (random.one_in(3)) std::fill(address.begin() + 8, address.end() - 1, uint8_t{0});
  return address;
}

// An address of the terms, or a neighbour of one, or any other.
Bytes pick_address(Random& random, const std::vector<ListTerm>& terms, size_t size) {
  if (random.one_in(2)) {
    const ListTerm& term = terms[random.below(static_cast<uint32_t>(terms.size()))];
    Bytes address = term.address;
    if (address.size() == size) {
      if (random.one_in(4)) address[random.below(static_cast<uint32_t>(size))] ^= 1;
      return address;
    }
  }
  return random_address(random, size == 16);
}

Bytes pick_port(Random& random, const std::vector<ListTerm>& terms) {
  const ListTerm& term = terms[random.below(static_cast<uint32_t>(terms.size()))];
  uint16_t port = static_cast<uint16_t>(random.next());
  if (term.port != 0 && !random.one_in(3)) port = term.port;
  return {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)};
}

uint8_t pick_protocol(Random& random) {
  const uint8_t protocols[] = {6, 6, 17, 17, 132, 1, 44};
  return protocols[random.below(7)];
}

Bytes ipv4(Random& random, const std::vector<ListTerm>& terms) {
  uint8_t words = random.one_in(4) ? 7 : 5;
  Bytes packet = {
      static_cast<uint8_t>(0x40 | words), 0, 0, 60, 0, 0, 0, 0, 64, pick_protocol(random), 0, 0};
  if (random.one_in(6)) packet[7] = 3;  // a later fragment
  append(packet, pick_address(random, terms, 4));
  append(packet, pick_address(random, terms, 4));
  packet.resize(4u * words);
  return packet;
}

Bytes ipv6(Random& random, const std::vector<ListTerm>& terms) {
  Bytes packet = {0x60, 0, 0, 0, 0, 20, pick_protocol(random), 64};
  append(packet, pick_address(random, terms, 16));
  append(packet, pick_address(random, terms, 16));
  return packet;
}

Bytes arp(Random& random, const std::vector<ListTerm>& terms) {
  Bytes packet = {0, 1, 8, 0, 6, 4, 0, 1};
  append(packet, random_bytes(random, 6));
  append(packet, pick_address(random, terms, 4));
  append(packet, random_bytes(random, 6));
  append(packet, pick_address(random, terms, 4));
  return packet;
}

Bytes link_header(Random& random, int dlt, uint16_t ether_type) {
  const Bytes type = {static_cast<uint8_t>(ether_type >> 8), static_cast<uint8_t>(ether_type)};
  Bytes header;
  switch (dlt) {
    case DLT_EN10MB:
      header = random_bytes(random, 12);
      append(header, type);
      break;
    case DLT_LINUX_SLL:
      header = random_bytes(random, 14);
      append(header, type);
      break;
    case DLT_LINUX_SLL2:
      header = type;
      append(header, random_bytes(random, 18));
      break;
    case DLT_NULL:  // the address family, in host order
      header = {ether_type == 0x86dd ? uint8_t{10} : uint8_t{2}, 0, 0, 0};
      break;
    default:
      break;
  }
  return header;
}

}  // namespace

ListTerm random_term(Random& random, char kind) {
  ListTerm term;
  bool six = kind == '6' || kind == 'S' || kind == 'N';
  if (kind == 'p' || kind == 't' || kind == 'u') {
    term.port = static_cast<uint16_t>(1 + random.below(65535));
    term.text = kind == 'p' ? "port " : kind == 't' ? "tcp port " : "udp dst port ";
    term.text += std::to_string(term.port);
    return term;
  }
  term.address = random_address(random, six);
  if (kind == 'n' || kind == 'N') {
    uint32_t bits = six ? 16 * (2 + random.below(6)) : 8 + random.below(25);
    keep_prefix(term.address, bits);
    term.text = "net " + text_of(term.address) + "/" + std::to_string(bits);
    return term;
  }
  const char* qualifiers = kind == 's' || kind == 'S' ? "src host "
                           : kind == 'd'              ? "dst host "
                           : kind == 'i'              ? "ip host "
                           : kind == 'a'              ? "arp host "
                                                      : "host ";
  term.text = qualifiers + text_of(term.address);
  return term;
}

std::vector<uint8_t> list_packet(Random& random, int dlt, const std::vector<ListTerm>& terms) {
  uint32_t kind = random.below(8);
  uint16_t ether_type = kind < 3 ? 0x0800 : kind < 6 ? 0x86dd : kind < 7 ? 0x0806 : 0x8035;
  Bytes packet = link_header(random, dlt, ether_type);
  append(packet, kind < 3   ? ipv4(random, terms)
                 : kind < 6 ? ipv6(random, terms)
                            : arp(random, terms));
  append(packet, pick_port(random, terms));
  append(packet, pick_port(random, terms));
  append(packet, random_bytes(random, 6));
  return packet;
}

}  // namespace ipjit::bpf
