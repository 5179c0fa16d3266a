// SPDX-License-Identifier: BSD-2-Clause
// Constants, identities and ranges.
//
//   v1 = and v0, 255          v1 is v0, if v0 is a load_u8
//   v2 = mul v1, 4            v2 = shl v1, 2
//   br v2 < 1024 -> b1, b2    always b1: no bit above 0x3fc
//
// A range is the set of bits that may be set.  It is also an upper bound, it survives masks and
// shifts, which is what filters are made of, and it is one word.
//
// Used by number_values() and thread_jumps().  Tested by tests/ir/passes_test.cpp.
#include "ir/passes/fold.h"

#include "ir/arithmetic.h"

namespace ipjit::ir {
namespace {

uint64_t all_bits(Type type) { return type == Type::kU32 ? UINT32_MAX : UINT64_MAX; }

bool commutes(Op op) {
  return op == Op::kAdd || op == Op::kMul || op == Op::kAnd || op == Op::kOr || op == Op::kXor ||
         op == Op::kEq || op == Op::kNe || op == Op::kAny;
}

Folded constant(uint64_t n) { return {Folded::Kind::kConst, n, kNoValue}; }
Folded same_as(ValueId id) { return {Folded::Kind::kValue, 0, id}; }

/// Whether the test `a REL imm` has one answer for every `a` of these bits.
std::optional<bool> decide_test(Op op, uint64_t imm, uint64_t bits) {
  if (op == Op::kNe) {
    const std::optional<bool> equal = decide(Rel::kEq, imm, 0, bits, bits);
    return equal ? std::optional(!*equal) : std::nullopt;
  }
  const Rel rel = op == Op::kEq   ? Rel::kEq
                  : op == Op::kLt ? Rel::kLt
                  : op == Op::kLe ? Rel::kLe
                                  : Rel::kAny;
  return decide(rel, imm, 0, bits, bits);
}

/// a TEST imm, a unknown: decided, or asking a 0 or 1 whether it is 1.
Folded fold_test(const Insn& insn, uint64_t bits, Type operand) {
  if (const auto known = decide_test(insn.op, insn.imm, bits)) return constant(*known ? 1 : 0);
  const bool asks_for_one = (insn.op == Op::kEq && insn.imm == 1) ||
                            (insn.op == Op::kNe && insn.imm == 0) ||
                            (insn.op == Op::kAny && (insn.imm & 1) != 0);
  return bits == 1 && asks_for_one && operand == Type::kU32 ? same_as(insn.a) : Folded();
}

/// a OP imm, a unknown.
Folded fold_imm(Insn& insn, uint64_t bits) {
  const uint64_t k = insn.imm;
  const uint64_t width = insn.type == Type::kU32 ? 32 : 64;
  const bool power = k != 0 && (k & (k - 1)) == 0;
  if (insn.op == Op::kAnd) {
    if ((bits & k) == 0) return constant(0);
    return (bits & ~k) == 0 ? same_as(insn.a) : Folded();
  }
  if (insn.op == Op::kShr && (k >= width || bits >> k == 0)) return constant(0);
  if (insn.op == Op::kShl && (k >= width || ((bits << k) & all_bits(insn.type)) == 0))
    return constant(0);
  if (insn.op == Op::kMul && k == 0) return constant(0);
  if (insn.op == Op::kDiv && (k == 0 || bits < k)) return constant(0);
  if (insn.op == Op::kMod && k <= 1) return constant(0);
  if (insn.op == Op::kMod && bits < k) return same_as(insn.a);
  if (k == 0 || (k == 1 && (insn.op == Op::kMul || insn.op == Op::kDiv))) return same_as(insn.a);
  if (power && insn.op == Op::kMul) {
    insn.op = Op::kShl;
    insn.imm = static_cast<uint64_t>(__builtin_ctzll(k));
  } else if (power && insn.op == Op::kDiv) {
    insn.op = Op::kShr;
    insn.imm = static_cast<uint64_t>(__builtin_ctzll(k));
  } else if (power && insn.op == Op::kMod) {
    insn.op = Op::kAnd;
    insn.imm = k - 1;
  }
  return {};
}

/// a OP a
Folded fold_twice(const Insn& insn) {
  if (insn.op == Op::kSub || insn.op == Op::kXor || insn.op == Op::kMod || insn.op == Op::kNe ||
      insn.op == Op::kLt)
    return constant(0);
  if (insn.op == Op::kEq || insn.op == Op::kLe) return constant(1);
  if (insn.op == Op::kAnd || insn.op == Op::kOr) return same_as(insn.a);
  return {};  // a / a is 0 where a is 0, a & a says something of a
}

}  // namespace

Folded fold(Insn& insn, const std::vector<ValueInfo>& info, Type operand) {
  const ValueInfo* a = &info[index(insn.a)];
  if (operands_of(insn.op) == Operands::kUnary)
    return a->constant ? constant(compute(insn.op, insn.type, a->bits, 0)) : Folded();

  if (insn.b != kNoValue && a->constant && commutes(insn.op) && !info[index(insn.b)].constant) {
    std::swap(insn.a, insn.b);
    a = &info[index(insn.a)];
  }
  if (insn.b != kNoValue && info[index(insn.b)].constant) {
    insn.imm = info[index(insn.b)].bits;
    insn.b = kNoValue;
  }
  if (insn.b == kNoValue) {
    if (a->constant) return constant(compute(insn.op, insn.type, a->bits, insn.imm));
    return is_test(insn.op) ? fold_test(insn, a->bits, operand) : fold_imm(insn, a->bits);
  }
  if (insn.a == insn.b) return fold_twice(insn);
  if (commutes(insn.op) && index(insn.a) > index(insn.b)) std::swap(insn.a, insn.b);
  return {};
}

uint64_t possible_bits(const Insn& insn, const std::vector<ValueInfo>& info) {
  const uint64_t all = all_bits(insn.type);
  const bool place = operands_of(insn.op) == Operands::kPlace;
  const uint64_t a = insn.a == kNoValue || place ? 0 : info[index(insn.a)].bits;
  const bool imm = insn.b == kNoValue;
  const uint64_t b = imm ? insn.imm : info[index(insn.b)].bits;
  uint64_t n = 0;
  switch (insn.op) {
    case Op::kConst:
      return insn.imm;
    case Op::kLoad8:
      return 0xff;
    case Op::kLoadBe16:
    case Op::kLoadLe16:
      return 0xffff;
    case Op::kAdd:
      return __builtin_add_overflow(a, b, &n) || n > all ? all : bits_up_to(n);
    case Op::kMul:
      return __builtin_mul_overflow(a, b, &n) || n > all ? all : bits_up_to(n);
    case Op::kDiv:
      return bits_up_to(imm && b != 0 ? a / b : a);
    case Op::kMod:
      return bits_up_to(std::min(a, b == 0 ? 0 : b - 1));
    case Op::kAnd:
      return a & b;
    case Op::kOr:
    case Op::kXor:
      return a | b;
    case Op::kShl:
      return imm ? compute(insn.op, insn.type, a, b) : all;
    case Op::kShr:
      return imm ? compute(insn.op, insn.type, a, b) : bits_up_to(a);
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kAny:
      return 1;
    case Op::kBswap:
    case Op::kZext:
    case Op::kTrunc:
      return compute(insn.op, insn.type, a, 0);
    case Op::kNeed:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
    case Op::kMeta:
    case Op::kSub:
    case Op::kNeg:
    case Op::kFind:
    case Op::kEffect:
    case Op::kCount:
      break;
  }
  return all;
}

std::optional<bool> decide(Rel rel, uint64_t imm, uint64_t low, uint64_t high, uint64_t bits) {
  high = std::min(high, bits);
  if (low == high) return compare(rel, low, imm);
  switch (rel) {
    case Rel::kEq:
      if (imm < low || imm > high || (imm & ~bits) != 0) return false;
      break;
    case Rel::kLt:
      if (high < imm) return true;
      if (low >= imm) return false;
      break;
    case Rel::kLe:
      if (high <= imm) return true;
      if (low > imm) return false;
      break;
    case Rel::kAny:
      if ((bits & imm) == 0) return false;
      break;
    case Rel::kIn:
      break;
  }
  return std::nullopt;
}

}  // namespace ipjit::ir
