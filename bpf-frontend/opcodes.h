// SPDX-License-Identifier: BSD-2-Clause
// The classic instruction set, as both loaders know it: one list, in three shapes.
#pragma once

#include "bpf-frontend/insn.h"

namespace ipjit::bpf {

/// True for the opcodes that libpcap's and Linux's interpreters run.  libpcap's bpf_validate()
/// lets some more through and then aborts on them.
bool known_opcode(uint16_t code);

inline bool is_conditional_jump(const Insn& insn) {
  return BPF_CLASS(insn.code) == BPF_JMP && BPF_OP(insn.code) != BPF_JA;
}

inline bool is_jump_always(const Insn& insn) { return insn.code == (BPF_JMP | BPF_JA); }

/// A load of 1, 2 or 4 packet bytes into A, at k or at X + k.
inline bool is_packet_load(const Insn& insn) {
  return BPF_CLASS(insn.code) == BPF_LD &&
         (BPF_MODE(insn.code) == BPF_ABS || BPF_MODE(insn.code) == BPF_IND);
}

/// Bytes that a packet load reads.
inline uint32_t load_size(const Insn& insn) {
  switch (BPF_SIZE(insn.code)) {
    case BPF_W:
      return 4;
    case BPF_H:
      return 2;
    default:
      return 1;
  }
}

/// `X = 4 * (packet[k] & 15)`.
inline bool is_msh(const Insn& insn) { return insn.code == (BPF_LDX | BPF_B | BPF_MSH); }

/// The instruction that a jump with this offset goes to; libpcap's `ja` wraps, and so goes back.
inline uint32_t target(uint32_t pc, uint32_t offset) { return pc + 1 + offset; }

}  // namespace ipjit::bpf
