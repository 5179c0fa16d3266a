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

#include <algorithm>
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

bool ancillary_exists(uint32_t k) {
  return k < kAncillaryOffset || k == kXorXOffset ||
         ancillary_field({.code = BPF_LD | BPF_ABS, .jt = 0, .jf = 0, .k = k}, Dialect::kLinux);
}

bool legal(const Insn& insn, uint32_t pc, size_t size, Dialect dialect) {
  switch (kind_of(insn.code)) {
    case Kind::kUnknown:
      return false;
    case Kind::kAbsolute:
      return dialect == Dialect::kLibpcap || ancillary_exists(insn.k);
    case Kind::kRead:
    case Kind::kWrite:
      return insn.k < BPF_MEMWORDS;
    case Kind::kDivide:
      return insn.k != 0;
    case Kind::kShift:
      return insn.k < 32;
    case Kind::kJump:
      // libpcap adds in 32 bits, so an offset near 2^32 is a backward jump.
      return dialect == Dialect::kLinux ? insn.k < size - pc - 1 : target(pc, insn.k) < size;
    case Kind::kBranch:
      return std::max(insn.jt, insn.jf) < size - pc - 1;
    case Kind::kPlain:
    case Kind::kReturn:
      return true;
  }
  return false;
}

Error why_illegal(const Insn& insn, uint32_t pc) {
  switch (kind_of(insn.code)) {
    case Kind::kAbsolute:
      return refusal(Code::kBadAncillary, pc, "ancillary load at SKF_AD_OFF + %u is unknown",
                     insn.k - kAncillaryOffset);
    case Kind::kRead:
    case Kind::kWrite:
      return refusal(Code::kBadMemorySlot, pc, "M[%u] does not exist", insn.k);
    case Kind::kDivide:
      return refusal(Code::kDivisionByZero, pc, "division by constant %u", insn.k);
    case Kind::kShift:
      return refusal(Code::kBadShift, pc, "shift by %u bits of 32", insn.k);
    case Kind::kJump:
      return refusal(Code::kJumpOutOfRange, pc, "jump by %u leaves the program", insn.k);
    case Kind::kBranch:
      return refusal(Code::kJumpOutOfRange, pc, "jump by %u leaves the program",
                     std::max(insn.jt, insn.jf));
    case Kind::kUnknown:
    case Kind::kPlain:
    case Kind::kReturn:
      break;
  }
  return refusal(Code::kBadOpcode, pc, "opcode 0x%04x is unknown", insn.code);
}

// Takes a program without backward jumps.
Status check_memory(std::span<const Insn> insns) {
  std::vector<uint16_t> written_at(insns.size(), 0xffff);  // on every path to the instruction
  uint16_t written = 0;
  for (uint32_t pc = 0; pc < insns.size(); ++pc) {
    const Insn& insn = insns[pc];
    written &= written_at[pc];
    switch (kind_of(insn.code)) {
      case Kind::kWrite:
        written |= static_cast<uint16_t>(1u << insn.k);
        break;
      case Kind::kRead:
        if (!(written >> insn.k & 1))
          return refusal(Code::kReadBeforeWrite, pc, "M[%u] is read before it is written", insn.k);
        break;
      case Kind::kJump:
        written_at[target(pc, insn.k)] &= written;
        written = 0xffff;  // Nothing falls through: what is next has what jumps bring.
        break;
      case Kind::kBranch:
        written_at[target(pc, insn.jt)] &= written;
        written_at[target(pc, insn.jf)] &= written;
        written = 0xffff;
        break;
      case Kind::kUnknown:
      case Kind::kPlain:
      case Kind::kAbsolute:
      case Kind::kDivide:
      case Kind::kShift:
      case Kind::kReturn:
        break;
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
  bool reads_memory = false;
  for (uint32_t pc = 0; pc < insns.size(); ++pc) {
    if (!legal(insns[pc], pc, insns.size(), dialect)) return why_illegal(insns[pc], pc);
    reads_memory |= kind_of(insns[pc].code) == Kind::kRead;
  }
  const Insn& last = insns.back();
  if (BPF_CLASS(last.code) != BPF_RET)
    return refusal(Code::kNoReturn, insns.size() - 1,
                   "the program ends with opcode 0x%04x, no return", last.code);
  if (dialect == Dialect::kLinux && reads_memory) return check_memory(insns);
  return ok();
}

bool has_backward_jump(std::span<const Insn> insns) {
  for (uint32_t pc = 0; pc < insns.size(); ++pc)
    if (is_jump_always(insns[pc]) && target(pc, insns[pc].k) <= pc) return true;
  return false;
}

}  // namespace ipjit::bpf
