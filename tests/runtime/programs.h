// SPDX-License-Identifier: BSD-2-Clause
// Small filters and packets for the tests of the runtime.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "runtime/filter.h"

namespace ipjit::runtime {

inline bpf::Insn insn(uint16_t code, uint32_t k) { return {code, 0, 0, k}; }

/// Accepts `bytes` of every packet.
inline bpf::InsnList always(uint32_t bytes) { return {insn(BPF_RET | BPF_K, bytes)}; }

/// `ip`: accepts what has EtherType 0x0800.
inline bpf::InsnList only_ip() {
  return {insn(BPF_LD | BPF_H | BPF_ABS, 12),
          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x0800},
          insn(BPF_RET | BPF_K, 65535),
          insn(BPF_RET | BPF_K, 0)};
}

/// Accepts the length on the wire: reads ctx.
inline bpf::InsnList wire_length() {
  return {insn(BPF_LD | BPF_W | BPF_LEN, 0), insn(BPF_RET | BPF_A, 0)};
}

/// Counts down by a backward jump, accepts 7: no IR, so no native code.
inline bpf::InsnList loops() {
  return {insn(BPF_LD | BPF_IMM, 3),
          {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0},
          insn(BPF_ALU | BPF_SUB | BPF_K, 1),
          insn(BPF_JMP | BPF_JA, static_cast<uint32_t>(-3)),
          insn(BPF_RET | BPF_K, 7)};
}

inline std::array<uint8_t, 64> ip_packet() {
  std::array<uint8_t, 64> packet = {};
  packet[12] = 0x08;
  return packet;
}

inline std::array<uint8_t, 64> arp_packet() {
  std::array<uint8_t, 64> packet = {};
  packet[12] = 0x08;
  packet[13] = 0x06;
  return packet;
}

inline std::unique_ptr<Filter> make_filter(const bpf::InsnList& insns, const Request& request = {},
                                           const std::string& name = "test") {
  Result<std::unique_ptr<Filter>> filter = Filter::create(insns, request, {.name = name});
  IPJIT_CHECK(bool(filter));
  return std::move(*filter);
}

}  // namespace ipjit::runtime
