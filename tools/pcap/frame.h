// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pcap/pcap.h>

#include "tools/pcap/engine.h"

namespace ipjit::pcap {

/// Where the kernel puts what libpcap's own user-land filter sees of a live packet.
class FrameLayout {
 public:
  FrameLayout() = default;

  /// Looks at the socket behind a live handle.
  /// Fails: for anything but a packet socket with a ring of version 2 or 3.
  static Result<FrameLayout> of_socket(int fd, int dlt, int snapshot);

  /// The verdict that libpcap's filter would give for the packet that its callback received.
  /// The packet is moved for a moment, and is as it was on return.
  uint32_t run(const Engine& engine, const pcap_pkthdr& header, const u_char* data);

  /// Version 3 without a timeout: a read goes on until some packet passes the filter.
  bool waits_without_timeout() const { return version_ == 3; }

 private:
  struct Frame {
    uint32_t status = 0, len = 0, snap_len = 0, mac = 0, seconds = 0;
    uint16_t tci = 0;
    bool has_tag() const;
  };
  Frame read_at(const u_char* frame) const;
  bool explains(const Frame& frame, const u_char* at, const pcap_pkthdr& header,
                const u_char* data) const;
  uint32_t added(const Frame& frame) const;
  const u_char* find(const pcap_pkthdr& header, const u_char* data);

  int version_ = 0;          // of the ring: 2 or 3
  uint32_t cooked_len_ = 0;  // bytes of the header that libpcap makes up for "any"
  int vlan_offset_ = -1;     // where libpcap puts the tag back; -1: it does not
  uint32_t snapshot_ = 0;
  uint32_t last_distance_ = 0;  // from the frame to data; the next packet's is mostly the same
};

}  // namespace ipjit::pcap
