// SPDX-License-Identifier: BSD-2-Clause
// Tests as values: 0 or 1 in a register.
//
//   v9 = lt v0, 1024      xor r9d, r9d; cmp r8d, 1024; setb r9b
//   v9 = eq v0, 0x800     the constant in the packet's byte order, where v0 is kept so
//
// The result's register is cleared before the comparison where no operand is in it, so that nothing
// waits for its old value; else it is widened afterwards.
//
// Tested by tests/tier1/alu_test.cpp.
#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Op;
using ir::Rel;

namespace {

Rel rel_of(Op op) {
  if (op == Op::kLt) return Rel::kLt;
  if (op == Op::kLe) return Rel::kLe;
  return op == Op::kAny ? Rel::kAny : Rel::kEq;
}

}  // namespace

void Emitter::emit_test(const Insn& insn) {
  ir::Term term;
  term.kind = ir::TermKind::kBranch;
  term.rel = rel_of(insn.op);
  term.a = insn.a;
  term.b = insn.b;
  term.imm = insn.imm;
  const auto is_at = [&](ir::ValueId v, uint32_t reg) {
    return v != ir::kNoValue && place_of(v).reg == static_cast<int>(reg);
  };
  const Gp to = out(insn.result).r32();
  const bool apart = to.id() != x86::rax.id() && !is_at(insn.a, to.id()) && !is_at(insn.b, to.id());
  if (apart) as_.xor_(to, to);
  Cond cond = compare(term);
  if (insn.op == Op::kNe) cond = asmjit::x86::negateCond(cond);
  if (apart) {
    as_.set(cond, to.r8());
    return done(insn.result, to);
  }
  as_.set(cond, x86::al);
  as_.movzx(to, x86::al);
  done(insn.result, to);
}

}  // namespace ipjit::tier1
