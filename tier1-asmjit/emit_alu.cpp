// SPDX-License-Identifier: BSD-2-Clause
// Arithmetic: IR ops are total, x86's are not.
//
//   shl, shr by the width or more give 0; x86 uses the count modulo the width, so a cmov puts the
//     zero in.
//   div, mod by zero give 0; x86 traps, so a forward branch goes around.
//
// Results are two-operand forms in the result's register.  Hazard: that register may be the one of
// an operand that dies here; where the second operand is in it, the order turns round or the sum is
// made in rax.
//
// Tested by tests/tier1/alu_test.cpp.
#include <bit>

#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Op;
using ir::Type;
using ir::ValueId;

namespace {

bool is_commutative(Op op) {
  return op == Op::kAdd || op == Op::kMul || op == Op::kAnd || op == Op::kOr || op == Op::kXor;
}

bool fits_imm32(uint64_t imm, Type type) {
  return type == Type::kU32 || static_cast<int64_t>(imm) == static_cast<int32_t>(imm);
}

asmjit::Imm imm32(uint64_t imm) { return asmjit::imm(static_cast<int32_t>(imm)); }

uint32_t width_of(Type type) { return type == Type::kU64 ? 64 : 32; }

}  // namespace

void Emitter::emit_binary(const Insn& insn) {
  const std::optional<uint64_t> imm =
      insn.b == ir::kNoValue ? std::optional(insn.imm) : selection_.constant(insn.b);
  switch (insn.op) {
    case Op::kShl:
    case Op::kShr:
      return imm ? emit_shift_imm(insn, *imm) : emit_shift(insn);
    case Op::kDiv:
    case Op::kMod:
      return emit_divide(insn);
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
      return imm ? emit_binary_imm(insn, *imm) : emit_arithmetic(insn);
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kAny:
      return emit_test(insn);
    case Op::kConst:
    case Op::kNeed:
    case Op::kLoad8:
    case Op::kLoadBe16:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe16:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
    case Op::kMeta:
    case Op::kNeg:
    case Op::kBswap:
    case Op::kZext:
    case Op::kTrunc:
    case Op::kFind:
    case Op::kEffect:
    case Op::kCount:
      break;
  }
  IPJIT_CHECK(!"a binary op");
}

/// to = to op from
void Emitter::apply(Op op, const Gp& to, const asmjit::Operand& from) {
  x86::Inst::Id id = x86::Inst::kIdAdd;
  if (op == Op::kSub) id = x86::Inst::kIdSub;
  if (op == Op::kMul) id = x86::Inst::kIdImul;
  if (op == Op::kAnd) id = x86::Inst::kIdAnd;
  if (op == Op::kOr) id = x86::Inst::kIdOr;
  if (op == Op::kXor) id = x86::Inst::kIdXor;
  as_.emit(id, to, from);
}

void Emitter::emit_binary_imm(const Insn& insn, uint64_t imm) {
  const Gp to = out(insn.result);
  if (insn.op == Op::kMul && std::has_single_bit(imm))
    return emit_shift_imm(insn, std::countr_zero(imm));
  if (!fits_imm32(imm, insn.type) || hidden(imm)) {
    const Gp a = in(insn.a, x86::rax);
    set_imm(x86::rcx, imm);
    copy(to, a);
    apply(insn.op, to, sized(x86::rcx, insn.type));
    return done(insn.result, to);
  }
  const Gp a = in(insn.a, x86::rax);
  if (insn.op == Op::kMul) {
    as_.imul(to, sized(a, insn.type), imm32(imm));
  } else if (insn.op == Op::kAdd && a.id() != to.id()) {
    as_.lea(to, x86::ptr(a, static_cast<int32_t>(imm)));
  } else if (insn.op == Op::kAnd && (imm == 0xff || imm == 0xffff)) {
    as_.movzx(to.r32(), of_size(a, imm == 0xff ? 1 : 2));
  } else {
    copy(to, a);
    apply(insn.op, to, imm32(imm));
  }
  done(insn.result, to);
}

void Emitter::emit_arithmetic(const Insn& insn) {
  Gp to = out(insn.result);
  Gp a = in(insn.a, x86::rax);
  Gp b = in(insn.b, x86::rcx);
  if (to.id() == b.id() && a.id() != b.id()) {
    if (is_commutative(insn.op))
      std::swap(a, b);
    else
      to = sized(x86::rax, insn.type);
  }
  copy(to, a);
  apply(insn.op, to, sized(b, insn.type));
  done(insn.result, to);
}

void Emitter::emit_shift_imm(const Insn& insn, uint64_t count) {
  const Gp to = out(insn.result);
  if (count >= width_of(insn.type)) {
    set_imm(to, 0);
    return done(insn.result, to);
  }
  copy(to, in(insn.a, x86::rax));
  if (count == 1 && insn.op != Op::kShr)
    as_.add(to, to);
  else if (count != 0)
    as_.emit(insn.op == Op::kShr ? x86::Inst::kIdShr : x86::Inst::kIdShl, to, asmjit::imm(count));
  done(insn.result, to);
}

void Emitter::emit_shift(const Insn& insn) {
  const Gp a = in_sized(insn.a, x86::rax);
  const Gp count = in_sized(insn.b, x86::rcx);
  const Gp made = sized(x86::rax, insn.type);
  const Gp cl_wide = sized(x86::rcx, insn.type);
  copy(made, a);
  copy(cl_wide, count);
  as_.emit(insn.op == Op::kShl ? x86::Inst::kIdShl : x86::Inst::kIdShr, made, x86::cl);
  as_.cmp(cl_wide, width_of(insn.type));
  as_.mov(x86::ecx, 0);
  as_.cmovae(made, cl_wide);
  done(insn.result, made);
}

void Emitter::emit_divide(const Insn& insn) {
  const std::optional<uint64_t> imm =
      insn.b == ir::kNoValue ? std::optional(insn.imm) : selection_.constant(insn.b);
  const bool quotient = insn.op == Op::kDiv;
  if (imm && std::has_single_bit(*imm)) {
    if (quotient) {
      Insn shift = insn;
      shift.op = Op::kShr;
      return emit_shift_imm(shift, std::countr_zero(*imm));
    }
    Insn mask = insn;
    mask.op = Op::kAnd;
    return emit_binary_imm(mask, *imm - 1);
  }
  if (imm && *imm == 0) {
    set_imm(x86::rax, 0);
    return done(insn.result, x86::rax);
  }
  const Gp divisor = sized(x86::rcx, insn.type);
  const Gp dividend = sized(x86::rax, insn.type);
  const Label around = jumps_.new_label();
  if (imm)
    set_imm(divisor, *imm);
  else
    copy(divisor, in_sized(insn.b, x86::rcx));
  as_.xor_(x86::edx, x86::edx);
  if (!imm) {
    as_.xor_(x86::eax, x86::eax);
    // There and back, not test: the verifier then has a name for just this divisor, and what the
    // branch teaches holds for it even where it is a sum that may wrap, or a zero that it knows.
    as_.xor_(divisor, sized(x86::rsi, insn.type));
    as_.xor_(divisor, sized(x86::rsi, insn.type));
    jump(Cond::kE, around);
  }
  copy(dividend, in_sized(insn.a, dividend));
  as_.div(divisor);
  bind(around);
  done(insn.result, quotient ? x86::rax : x86::rdx);
}

/// Gives a 64-bit value that is used as an offset a name of its own in the verifier's eyes.
///
/// A sum that may wrap teaches it nothing when compared with the length; a plain unknown does.  The
/// value itself comes back unchanged.
void Emitter::rename(ValueId v) {
  if (type_of(v) != Type::kU64 || !selection_.is_offset(v)) return;
  const Gp reg = in(v, x86::rax);
  as_.xor_(reg, x86::rsi);
  as_.xor_(reg, x86::rsi);
  done(v, reg);
}

void Emitter::emit_unary(const Insn& insn) {
  const Gp to = out(insn.result);
  const Gp a = in(insn.a, x86::rax);
  // A 32-bit move both cuts and, by its zero upper half, widens.
  if (insn.op == Op::kZext || insn.op == Op::kTrunc) {
    if (to.id() != a.id() || insn.op == Op::kTrunc) as_.mov(to.r32(), a.r32());
    return done(insn.result, to);
  }
  copy(to, a);
  if (insn.op == Op::kNeg)
    as_.neg(to);
  else
    as_.bswap(to);
  done(insn.result, to);
}

}  // namespace ipjit::tier1
