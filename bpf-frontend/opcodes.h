// SPDX-License-Identifier: BSD-2-Clause
// The classic instruction set, as both loaders know it: one list, in three shapes.
#pragma once

#include <array>

#include "bpf-frontend/insn.h"

namespace ipjit::bpf {

/// What has to be checked of an instruction.
enum class Kind : uint8_t {
  kUnknown,   ///< no interpreter runs it; libpcap's bpf_validate() passes some, and then aborts on
              ///< them
  kPlain,     ///< any k will do
  kAbsolute,  ///< packet load at k
  kRead,      ///< of M[k]
  kWrite,     ///< of M[k]
  kDivide,    ///< by k
  kShift,     ///< by k
  kJump,      ///< by k
  kBranch,    ///< by jt or jf
  kReturn,
};

constexpr std::array<Kind, 256> make_kinds() {
  std::array<Kind, 256> kinds{};
  for (int size : {BPF_W, BPF_H, BPF_B}) {
    kinds[BPF_LD | size | BPF_ABS] = Kind::kAbsolute;
    kinds[BPF_LD | size | BPF_IND] = Kind::kPlain;
  }
  for (int plain : {BPF_LD | BPF_W | BPF_LEN, BPF_LD | BPF_IMM, BPF_LDX | BPF_W | BPF_LEN,
                    BPF_LDX | BPF_B | BPF_MSH, BPF_LDX | BPF_IMM, BPF_ALU | BPF_NEG,
                    BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA})
    kinds[plain] = Kind::kPlain;
  for (int op :
       {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH})
    kinds[BPF_ALU | op | BPF_K] = kinds[BPF_ALU | op | BPF_X] = Kind::kPlain;
  for (int op : {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET})
    kinds[BPF_JMP | op | BPF_K] = kinds[BPF_JMP | op | BPF_X] = Kind::kBranch;
  kinds[BPF_ALU | BPF_DIV | BPF_K] = kinds[BPF_ALU | BPF_MOD | BPF_K] = Kind::kDivide;
  kinds[BPF_ALU | BPF_LSH | BPF_K] = kinds[BPF_ALU | BPF_RSH | BPF_K] = Kind::kShift;
  kinds[BPF_LD | BPF_MEM] = kinds[BPF_LDX | BPF_MEM] = Kind::kRead;
  kinds[BPF_ST] = kinds[BPF_STX] = Kind::kWrite;
  kinds[BPF_JMP | BPF_JA] = Kind::kJump;
  kinds[BPF_RET | BPF_K] = kinds[BPF_RET | BPF_A] = Kind::kReturn;
  return kinds;
}

inline constexpr std::array<Kind, 256> kKinds = make_kinds();

inline Kind kind_of(uint16_t code) { return code < kKinds.size() ? kKinds[code] : Kind::kUnknown; }

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
