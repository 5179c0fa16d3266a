// SPDX-License-Identifier: BSD-2-Clause
// One frame as bytes.  Private to this folder.
#pragma once

#include <cstdint>

namespace ipjit::bench {

enum class Protocol : uint8_t { kTcp4, kUdp4, kIcmp4, kTcp6, kUdp6, kArp };

struct Flow {
  Protocol protocol = Protocol::kTcp4;
  uint32_t client = 0;  ///< IPv4, host order; IPv6 takes it as the low 32 bits
  uint32_t server = 0;
  uint16_t client_port = 0;
  uint16_t server_port = 0;
};

struct Frame {
  const Flow* flow = nullptr;
  bool to_server = false;
  uint32_t size = 60;         ///< bytes, without the tag
  uint16_t vlan = 0;          ///< 0: no tag
  uint16_t fragment = 0;      ///< IPv4 flags and offset
  uint32_t option_words = 0;  ///< IPv4 options, 4 bytes each
  uint8_t tcp_flags = 0;
  uint32_t salt = 0;  ///< sequence number and payload
};

inline constexpr uint32_t kMaxFrame = 1536;

/// Writes the frame at `at`, at most kMaxFrame bytes; gives its size.
uint32_t write_frame(const Frame& frame, uint8_t* at);

}  // namespace ipjit::bench
