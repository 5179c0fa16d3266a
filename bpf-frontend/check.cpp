// SPDX-License-Identifier: BSD-2-Clause
// What each dialect's loader takes.
//
// One walk looks at every instruction on its own, as both loaders do (unreachable ones too); Linux
// adds a second walk that follows which M[] cells are written on every path:
//
//   0: jeq #1, 1, 2        before 2 a path has written nothing,
//   1: st M[3]             so M[3] may not be read there
//   2: ld M[3]             -> kReadBeforeWrite at 2
//
// libpcap 1.10.3's bpf_validate() is more lenient than its interpreter: it passes opcodes that
// abort the process, and shifts by constants of 32 or more, which are undefined there (later
// versions refuse both).  Refusing them here leaves such a program with libpcap itself.
//
// From: libpcap bpf_filter.c; Linux 6.1 net/core/filter.c bpf_check_classic(),
// check_load_and_stores(). Cost: linear.  Tested by tests/bpf/check_test.cpp.
#include "bpf-frontend/check.h"

#include <cstdio>
#include <vector>

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

Error refusal(Code code, size_t pc, const char* format, uint32_t value) {
  char why[128];
  std::snprintf(why, sizeof why, format, value);
  return Error{Stage::kFrontend, code, pc, why};
}

Status check_jump(std::span<const Insn> insns, uint32_t pc, Dialect dialect) {
  const Insn& insn = insns[pc];
  size_t rest = insns.size() - pc - 1;
  if (is_jump_always(insn)) {
    // libpcap adds in 32 bits, so an offset near 2^32 is a backward jump.
    bool inside = dialect == Dialect::kLinux ? insn.k < rest : target(pc, insn.k) < insns.size();
    if (inside) return ok();
    return refusal(Code::kJumpOutOfRange, pc, "jump by %u leaves the program", insn.k);
  }
  uint8_t farther = insn.jt > insn.jf ? insn.jt : insn.jf;
  if (farther < rest) return ok();
  return refusal(Code::kJumpOutOfRange, pc, "jump by %u leaves the program", farther);
}

Status check_ancillary(const Insn& insn, uint32_t pc) {
  if (insn.k < kAncillaryOffset || insn.k == kXorXOffset) return ok();
  if (ancillary_field(insn, Dialect::kLinux)) return ok();
  return refusal(Code::kBadAncillary, pc, "ancillary load at SKF_AD_OFF + %u is unknown",
                 insn.k - kAncillaryOffset);
}

Status check_insn(std::span<const Insn> insns, uint32_t pc, Dialect dialect) {
  const Insn& insn = insns[pc];
  if (!known_opcode(insn.code))
    return refusal(Code::kBadOpcode, pc, "opcode 0x%04x is unknown", insn.code);
  switch (insn.code) {
    case BPF_ALU | BPF_DIV | BPF_K:
    case BPF_ALU | BPF_MOD | BPF_K:
      if (insn.k == 0) return refusal(Code::kDivisionByZero, pc, "division by constant %u", insn.k);
      return ok();
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
      if (insn.k >= 32) return refusal(Code::kBadShift, pc, "shift by %u bits of 32", insn.k);
      return ok();
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
      if (insn.k >= BPF_MEMWORDS)
        return refusal(Code::kBadMemorySlot, pc, "M[%u] does not exist", insn.k);
      return ok();
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
      return dialect == Dialect::kLinux ? check_ancillary(insn, pc) : ok();
    default:
      return BPF_CLASS(insn.code) == BPF_JMP ? check_jump(insns, pc, dialect) : ok();
  }
}

bool uses_memory(std::span<const Insn> insns) {
  for (const Insn& insn : insns)
    if (insn.code == (BPF_LD | BPF_MEM) || insn.code == (BPF_LDX | BPF_MEM)) return true;
  return false;
}

// Takes a program without backward jumps.
Status check_memory(std::span<const Insn> insns) {
  std::vector<uint16_t> written_at(insns.size(), 0xffff);  // on every path to the instruction
  uint16_t written = 0;
  for (uint32_t pc = 0; pc < insns.size(); ++pc) {
    const Insn& insn = insns[pc];
    written &= written_at[pc];
    switch (insn.code) {
      case BPF_ST:
      case BPF_STX:
        written |= static_cast<uint16_t>(1u << insn.k);
        break;
      case BPF_LD | BPF_MEM:
      case BPF_LDX | BPF_MEM:
        if (!(written >> insn.k & 1))
          return refusal(Code::kReadBeforeWrite, pc, "M[%u] is read before it is written", insn.k);
        break;
      default:
        if (BPF_CLASS(insn.code) != BPF_JMP) break;
        if (is_jump_always(insn)) {
          written_at[target(pc, insn.k)] &= written;
        } else {
          written_at[target(pc, insn.jt)] &= written;
          written_at[target(pc, insn.jf)] &= written;
        }
        written = 0xffff;  // Nothing falls through: what is next has what jumps bring.
    }
  }
  return ok();
}

}  // namespace

Status check(std::span<const Insn> insns, Dialect dialect) {
  size_t limit = dialect == Dialect::kLinux ? kMaxLinuxInsns : kMaxLibpcapInsns;
  if (insns.empty())
    return Error{Stage::kFrontend, Code::kEmpty, 0, "the program has no instruction"};
  if (insns.size() > limit)
    return refusal(Code::kTooLong, limit, "the program has %u instructions",
                   static_cast<uint32_t>(insns.size()));
  for (uint32_t pc = 0; pc < insns.size(); ++pc)
    if (Status status = check_insn(insns, pc, dialect); !status) return status;
  const Insn& last = insns.back();
  if (BPF_CLASS(last.code) != BPF_RET)
    return refusal(Code::kNoReturn, insns.size() - 1,
                   "the program ends with opcode 0x%04x, no return", last.code);
  if (dialect == Dialect::kLinux && uses_memory(insns)) return check_memory(insns);
  return ok();
}

bool has_backward_jump(std::span<const Insn> insns) {
  for (uint32_t pc = 0; pc < insns.size(); ++pc)
    if (is_jump_always(insns[pc]) && target(pc, insns[pc].k) <= pc) return true;
  return false;
}

}  // namespace ipjit::bpf
