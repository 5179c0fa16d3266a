// SPDX-License-Identifier: BSD-2-Clause
// Gives a live packet back the shape that libpcap's own filter would have seen.
//
// When the kernel refuses a filter, libpcap runs it in user land on the packet as the ring holds
// it: untrimmed, and without the VLAN tag that the network card took off.  Only then it trims the
// packet, puts the tag back and calls us:
//
//   ring frame    | header: len, snaplen, mac, tag |  pad  | dst src    type payload
//   our callback                                       | dst src tag type payload
//
// A filter for `host 192.0.2.1` accepts the upper one and rejects the lower one, so filtering what
// the callback gets would change which packets come out.  But the frame header still stands in
// front of the data.  Its distance depends on the device, so it is searched backwards, eight bytes
// a step: it is the place whose lengths, offset and time say that this very packet belongs to it.
// For the run the tag is taken off as libpcap put it on: by moving the addresses.
//
// From: Linux net/packet/af_packet.c, tpacket_rcv(); libpcap pcap_handle_packet_mmap().
// Tested by tests/pcap/live_test.py.
#include "tools/pcap/frame.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

namespace ipjit::pcap {
namespace {

constexpr uint32_t kTagBytes = 4;
constexpr uint32_t kFrameAlignment = 8;    // version 3; version 2 has 16
constexpr uint32_t kFarthestHeader = 256;  // more than headers, link header and reserve together
constexpr int kEthernetVlanOffset = 12;
constexpr int kCookedVlanOffset = 14;

Error not_a_ring(const std::string& why) {
  return Error{Stage::kRuntime, Code::kUnavailable, 0, why};
}

int socket_option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

Result<FrameLayout> FrameLayout::of_socket(int fd, int dlt, int snapshot) {
  FrameLayout layout;
  int domain = socket_option(fd, SOL_SOCKET, SO_DOMAIN);
  if (domain != AF_PACKET) return not_a_ring("the live handle is not a packet socket");
  int version = socket_option(fd, SOL_PACKET, PACKET_VERSION);
  if (version != TPACKET_V2 && version != TPACKET_V3)
    return not_a_ring("packet ring of version " + std::to_string(version) + " is unknown");
  layout.version_ = version == TPACKET_V3 ? 3 : 2;
  layout.snapshot_ = static_cast<uint32_t>(snapshot);
  bool cooked = socket_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM;
  if (dlt == DLT_EN10MB) layout.vlan_offset_ = kEthernetVlanOffset;
  if (dlt == DLT_LINUX_SLL) layout.vlan_offset_ = kCookedVlanOffset;
  if (cooked && dlt == DLT_LINUX_SLL) layout.cooked_len_ = 16;
  if (cooked && dlt == DLT_LINUX_SLL2) layout.cooked_len_ = 20;
  return layout;
}

bool FrameLayout::Frame::has_tag() const { return tci != 0 || (status & TP_STATUS_VLAN_VALID); }

FrameLayout::Frame FrameLayout::read_at(const u_char* frame) const {
  if (version_ == 3) {
    tpacket3_hdr header;
    std::memcpy(&header, frame, sizeof header);
    return {header.tp_status, header.tp_len, header.tp_snaplen,
            header.tp_mac,    header.tp_sec, static_cast<uint16_t>(header.hv1.tp_vlan_tci)};
  }
  tpacket2_hdr header;
  std::memcpy(&header, frame, sizeof header);
  return {header.tp_status, header.tp_len, header.tp_snaplen,
          header.tp_mac,    header.tp_sec, header.tp_vlan_tci};
}

// Bytes of the tag that libpcap put back.
uint32_t FrameLayout::added(const Frame& frame) const {
  bool put_back = frame.has_tag() && vlan_offset_ != -1 &&
                  frame.snap_len >= static_cast<uint32_t>(vlan_offset_);
  return put_back ? kTagBytes : 0;
}

bool FrameLayout::explains(const Frame& frame, const u_char* at, const pcap_pkthdr& header,
                           const u_char* data) const {
  uint32_t extra = cooked_len_ + added(frame);
  uint32_t cap_len = frame.snap_len + extra;
  if (cap_len > snapshot_) cap_len = snapshot_;
  return at + frame.mac == data + extra && frame.len + extra == header.len &&
         cap_len == header.caplen && frame.seconds == static_cast<uint32_t>(header.ts.tv_sec);
}

const u_char* FrameLayout::find(const pcap_pkthdr& header, const u_char* data) {
  if (last_distance_) {
    const u_char* at = data - last_distance_;
    if (explains(read_at(at), at, header, data)) return at;
  }
  auto bits = reinterpret_cast<uintptr_t>(data);
  const u_char* at = data - bits % kFrameAlignment;
  size_t header_bytes = version_ == 3 ? sizeof(tpacket3_hdr) : sizeof(tpacket2_hdr);
  while (static_cast<size_t>(data - at) < header_bytes) at -= kFrameAlignment;
  for (; data - at < kFarthestHeader; at -= kFrameAlignment) {
    if (!explains(read_at(at), at, header, data)) continue;
    last_distance_ = static_cast<uint32_t>(data - at);
    return at;
  }
  return nullptr;
}

uint32_t FrameLayout::run(const Engine& engine, const pcap_pkthdr& header, const u_char* data) {
  const u_char* at = find(header, data);
  if (!at) return engine.run_live(data, header.caplen, header.len, {});
  Frame frame = read_at(at);
  VlanTag tag{frame.has_tag(), frame.tci & 0x0fffu};
  uint32_t moved = added(frame);
  uint32_t cap_len = frame.snap_len + cooked_len_;
  if (!moved) return engine.run_live(data, cap_len, frame.len, tag);

  // The ring is this process's own writable mapping, and libpcap has just written here.
  auto* packet = const_cast<u_char*>(data);
  u_char put_back[kTagBytes];
  std::memcpy(put_back, packet + vlan_offset_, kTagBytes);
  std::memmove(packet + kTagBytes, packet, static_cast<size_t>(vlan_offset_));
  uint32_t verdict = engine.run_live(packet + kTagBytes, cap_len, frame.len, tag);
  std::memmove(packet, packet + kTagBytes, static_cast<size_t>(vlan_offset_));
  std::memcpy(packet + vlan_offset_, put_back, kTagBytes);
  return verdict;
}

}  // namespace ipjit::pcap
