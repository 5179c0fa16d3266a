// SPDX-License-Identifier: BSD-2-Clause
// Classic BPF, word for word.
//
// The dialects share every instruction but these:
//
//                       libpcap                          Linux
//   [X + k]             sum in 64 bits: never wraps      sum in 32 bits; then SKF_NET_OFF,
//   SKF_LL_OFF [k], k >= 2^31      beyond every packet              SKF_AD_*, SKF_NET_OFF,
//   SKF_LL_OFF 4*([k]&0xf)         as a one-byte [k]                as a one-byte [k], but never
//   SKF_AD_* A << X, A >> X      0 from 32 on                     X modulo 32 ja                  k
//   is signed                      forward M[] not written     0 (undefined in libpcap) refused by
//   check() SKF_AD_VLAN_*       ldb, from the auxiliary data     ld, ldh and ldb, from the packet's
//   metadata
//
// This file is the tests' oracle for translate(): it shares no code with it but the table of
// ancillary fields.
//
// From: libpcap 1.10.3 bpf_filter.c; Linux 6.1 net/core/filter.c bpf_convert_filter(),
//       convert_bpf_ld_abs(), bpf_skb_load_helper_convert_offset().
// Tested by tests/bpf/interpret_test.cpp, against libpcap's own bpf_filter().
#include "bpf-frontend/interpret.h"

#include <optional>

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

struct Machine {
  Dialect dialect;
  std::span<const uint8_t> data;
  const ipjit_ctx& ctx;
  uint32_t A = 0;
  uint32_t X = 0;
  uint32_t M[BPF_MEMWORDS] = {};

  std::optional<uint32_t> bytes(uint64_t place, uint32_t size) const;
  uint64_t place(uint32_t x, uint32_t k) const;
  bool load(const Insn& insn);
  bool load_x(const Insn& insn);
  bool alu(const Insn& insn);
  bool condition(const Insn& insn) const;
};

uint32_t field_of(const ipjit_ctx& ctx, ipjit_field field) {
  switch (field) {
#define IPJIT_FIELD(name, meaning) \
  case IPJIT_FIELD_##name:         \
    return ctx.name;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
    case IPJIT_FIELD_COUNT:
      break;
  }
  return 0;
}

std::optional<uint32_t> Machine::bytes(uint64_t place, uint32_t size) const {
  if (place + size > data.size()) return std::nullopt;
  uint32_t value = 0;
  for (uint32_t i = 0; i < size; ++i) value = value << 8 | data[place + i];
  return value;
}

// Where x + k is in data; far beyond it if it is nowhere.
uint64_t Machine::place(uint32_t x, uint32_t k) const {
  if (dialect == Dialect::kLibpcap) return uint64_t{x} + k;
  uint32_t offset = x + k;
  if (offset >= kNetOffset) return static_cast<uint32_t>(offset - kNetOffset + ctx.net_off);
  if (offset >= kLinkOffset) return offset - kLinkOffset;
  return offset;
}

// False: the filter returns 0.
bool Machine::load(const Insn& insn) {
  switch (BPF_MODE(insn.code)) {
    case BPF_IMM:
      A = insn.k;
      return true;
    case BPF_MEM:
      A = M[insn.k];
      return true;
    case BPF_LEN:
      A = ctx.wire_len;
      return true;
    default:
      break;
  }
  bool absolute = BPF_MODE(insn.code) == BPF_ABS;
  if (absolute && dialect == Dialect::kLinux && insn.k == kXorXOffset) {
    A ^= X;
    return true;
  }
  if (std::optional<ipjit_field> field = ancillary_field(insn, dialect); absolute && field) {
    if (dialect == Dialect::kLibpcap && ctx.vlan_present == kNoVlanData) return false;
    A = field_of(ctx, *field);
    return true;
  }
  std::optional<uint32_t> value = bytes(place(absolute ? 0 : X, insn.k), load_size(insn));
  A = value.value_or(0);
  return value.has_value();
}

bool Machine::load_x(const Insn& insn) {
  switch (BPF_MODE(insn.code)) {
    case BPF_IMM:
      X = insn.k;
      return true;
    case BPF_MEM:
      X = M[insn.k];
      return true;
    case BPF_LEN:
      X = ctx.wire_len;
      return true;
    default:
      break;
  }
  std::optional<uint32_t> value = bytes(place(0, insn.k), 1);
  X = (value.value_or(0) & 0xf) << 2;
  return value.has_value();
}

bool Machine::alu(const Insn& insn) {
  bool from_x = BPF_SRC(insn.code) == BPF_X;
  uint32_t operand = from_x ? X : insn.k;
  uint32_t count = dialect == Dialect::kLinux ? operand & 31 : operand;
  switch (BPF_OP(insn.code)) {
    case BPF_ADD:
      A += operand;
      return true;
    case BPF_SUB:
      A -= operand;
      return true;
    case BPF_MUL:
      A *= operand;
      return true;
    case BPF_DIV:
      if (operand == 0) return false;
      A /= operand;
      return true;
    case BPF_MOD:
      if (operand == 0) return false;
      A %= operand;
      return true;
    case BPF_AND:
      A &= operand;
      return true;
    case BPF_OR:
      A |= operand;
      return true;
    case BPF_XOR:
      A ^= operand;
      return true;
    case BPF_LSH:
      A = count < 32 ? A << count : 0;
      return true;
    case BPF_RSH:
      A = count < 32 ? A >> count : 0;
      return true;
    default:  // BPF_NEG
      A = 0u - A;
      return true;
  }
}

bool Machine::condition(const Insn& insn) const {
  uint32_t operand = BPF_SRC(insn.code) == BPF_X ? X : insn.k;
  switch (BPF_OP(insn.code)) {
    case BPF_JEQ:
      return A == operand;
    case BPF_JGT:
      return A > operand;
    case BPF_JGE:
      return A >= operand;
    default:  // BPF_JSET
      return (A & operand) != 0;
  }
}

}  // namespace

uint32_t interpret(std::span<const Insn> insns, Dialect dialect, std::span<const uint8_t> data,
                   const ipjit_ctx& ctx) {
  Machine machine{.dialect = dialect, .data = data, .ctx = ctx};
  for (uint32_t pc = 0; pc < insns.size(); ++pc) {
    const Insn& insn = insns[pc];
    bool runs_on = true;
    switch (BPF_CLASS(insn.code)) {
      case BPF_LD:
        runs_on = machine.load(insn);
        break;
      case BPF_LDX:
        runs_on = machine.load_x(insn);
        break;
      case BPF_ST:
        machine.M[insn.k] = machine.A;
        break;
      case BPF_STX:
        machine.M[insn.k] = machine.X;
        break;
      case BPF_ALU:
        runs_on = machine.alu(insn);
        break;
      case BPF_JMP:
        if (is_jump_always(insn))
          pc += insn.k;  // A backward jump wraps.
        else
          pc += machine.condition(insn) ? insn.jt : insn.jf;
        break;
      case BPF_RET:
        return BPF_RVAL(insn.code) == BPF_A ? machine.A : insn.k;
      default:  // BPF_MISC
        (BPF_MISCOP(insn.code) == BPF_TAX ? machine.X : machine.A) =
            BPF_MISCOP(insn.code) == BPF_TAX ? machine.A : machine.X;
        break;
    }
    if (!runs_on) return 0;
  }
  return 0;
}

}  // namespace ipjit::bpf
