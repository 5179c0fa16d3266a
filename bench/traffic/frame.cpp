// SPDX-License-Identifier: BSD-2-Clause
// Writes one frame: Ethernet, perhaps a tag, then ARP, IPv4 or IPv6 with TCP, UDP or ICMP.
//
// A 60-byte frame is padded behind the IP packet as a network card does, so that the IP length says
// "no payload" while the frame has bytes left: filters that compute payload lengths depend on it.
#include "bench/traffic/frame.h"

#include <algorithm>
#include <cstring>

namespace ipjit::bench {
namespace {

// Appends big-endian fields.
class Writer {
 public:
  explicit Writer(uint8_t* at) : begin_(at), at_(at) {}
  void u8(uint32_t value) { *at_++ = static_cast<uint8_t>(value); }
  void u16(uint32_t value) {
    u8(value >> 8);
    u8(value);
  }
  void u32(uint32_t value) {
    u16(value >> 16);
    u16(value);
  }
  void fill(uint32_t salt, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i) u8((salt + i * 7) & 0x7f);
  }
  uint8_t* here() const { return at_; }
  uint32_t size() const { return static_cast<uint32_t>(at_ - begin_); }

 private:
  uint8_t* begin_;
  uint8_t* at_;
};

void patch_checksum(uint8_t* header, uint32_t size) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < size; i += 2)
    sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  header[10] = static_cast<uint8_t>(~sum >> 8);
  header[11] = static_cast<uint8_t>(~sum);
}

uint32_t ip_protocol_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp4:
    case Protocol::kTcp6:
      return 6;
    case Protocol::kUdp4:
    case Protocol::kUdp6:
      return 17;
    case Protocol::kIcmp4:
      return 1;
    case Protocol::kArp:
      break;
  }
  return 0;
}

uint32_t transport_header(Protocol protocol) { return ip_protocol_of(protocol) == 6 ? 20 : 8; }

void write_transport(Writer& out, const Frame& frame, uint32_t payload) {
  const Flow& flow = *frame.flow;
  const uint16_t source = frame.to_server ? flow.client_port : flow.server_port;
  const uint16_t target = frame.to_server ? flow.server_port : flow.client_port;
  switch (ip_protocol_of(flow.protocol)) {
    case 6:
      out.u16(source);
      out.u16(target);
      out.u32(frame.salt);
      out.u32(frame.salt ^ 0x5a5a5a5a);
      out.u8(5 << 4);
      out.u8(frame.tcp_flags);
      out.u16(64240);
      out.u32(0);
      break;
    case 17:
      out.u16(source);
      out.u16(target);
      out.u16(8 + payload);
      out.u16(0);
      break;
    case 1:
      out.u8(frame.to_server ? 8 : 0);
      out.u8(0);
      out.u16(0);
      out.u32(frame.salt);
      break;
  }
  out.fill(frame.salt, payload);
}

void write_ip4(Writer& out, const Frame& frame) {
  const Flow& flow = *frame.flow;
  const uint32_t header = 20 + 4 * frame.option_words;
  const uint32_t transport = transport_header(flow.protocol);
  // 60 bytes is a bare TCP acknowledgement, padded; all else is full.
  const bool bare = frame.size == 60 && transport == 20;
  const uint32_t payload = bare ? 0 : frame.size - 14 - header - transport;
  uint8_t* at = out.here();
  out.u8(0x40 | (header / 4));
  out.u8(0);
  out.u16(header + transport + payload);
  out.u16(frame.salt);
  out.u16(frame.fragment);
  out.u8(64);
  out.u8(ip_protocol_of(flow.protocol));
  out.u16(0);
  out.u32(frame.to_server ? flow.client : flow.server);
  out.u32(frame.to_server ? flow.server : flow.client);
  for (uint32_t i = 0; i < frame.option_words; ++i) out.u32(0x01010101);  // no-operation
  patch_checksum(at, header);
  write_transport(out, frame, payload);
}

void write_ip6(Writer& out, const Frame& frame) {
  const Flow& flow = *frame.flow;
  const uint32_t transport = transport_header(flow.protocol);
  const uint32_t payload = frame.size > 100 ? frame.size - 54 - transport : 0;
  const auto address = [&](uint32_t low) {
    out.u32(0x20010db8);  // 2001:db8::/32, for documentation
    out.u32(0);
    out.u32(0);
    out.u32(low);
  };
  out.u32(0x60000000);
  out.u16(transport + payload);
  out.u8(ip_protocol_of(flow.protocol));
  out.u8(64);
  address(frame.to_server ? flow.client : flow.server);
  address(frame.to_server ? flow.server : flow.client);
  write_transport(out, frame, payload);
}

void write_arp(Writer& out, const Frame& frame) {
  const Flow& flow = *frame.flow;
  out.u16(1);
  out.u16(0x0800);
  out.u16(0x0604);
  out.u16(frame.to_server ? 1 : 2);
  out.u16(0x0200);
  out.u32(flow.client);
  out.u32(frame.to_server ? flow.client : flow.server);
  out.u16(0x0200);
  out.u32(flow.server);
  out.u32(frame.to_server ? flow.server : flow.client);
}

}  // namespace

uint32_t write_frame(const Frame& frame, uint8_t* at) {
  const Flow& flow = *frame.flow;
  const bool arp = flow.protocol == Protocol::kArp;
  const bool ip6 = flow.protocol == Protocol::kTcp6 || flow.protocol == Protocol::kUdp6;
  Writer out(at);
  // Locally administered addresses that follow the IPv4 ones.
  out.u16(0x0200);
  out.u32(frame.to_server ? flow.server : flow.client);
  out.u16(0x0200);
  out.u32(frame.to_server ? flow.client : flow.server);
  if (frame.vlan) {
    out.u16(0x8100);
    out.u16(frame.vlan);
  }
  out.u16(arp ? 0x0806 : ip6 ? 0x86dd : 0x0800);
  if (arp)
    write_arp(out, frame);
  else if (ip6)
    write_ip6(out, frame);
  else
    write_ip4(out, frame);

  const uint32_t least = 60 + (frame.vlan ? 4 : 0);
  const uint32_t size = std::max(out.size(), least);
  std::memset(out.here(), 0, size - out.size());
  return size;
}

}  // namespace ipjit::bench
