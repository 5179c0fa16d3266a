// SPDX-License-Identifier: BSD-2-Clause
// Arithmetic.  LLVM's own ops have no result where ours say 0: those get a value beforehand.
//
//   shl v0, v1    select (v1 < 32), (shl v0, (and v1, 31)), 0
//   div v0, v1    br (v1 == 0), over, do;  do: udiv v0, v1;  over: phi 0, quotient
//
// Division is a branch, because the verifier must see that no completed path divides by zero; the
// divisor gets a name of its own for it, because of a sum that may wrap it learns nothing, and of
// what is zero on every way neither; and LLVM would ask whatever made it zero instead.
//
// Hazard: an immediate wider than its operand is compared as it is, not cut.
//
// Tested by tests/tier1/alu_test.cpp, which tier 2 is linked with too.
#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {

using ir::Insn;
using ir::Op;

namespace {

/// LLVM divides 64 bits by a constant with mulx where there is one, which is not on the verifier's
/// list; a filter that needs this quickly has not been seen.
bool hides_mulx(const llvm::ConstantInt& divisor) {
  return divisor.getBitWidth() == 64 && !divisor.getValue().isPowerOf2();
}

}  // namespace

llvm::Value* Emitter::emit_binary(const Insn& insn) {
  llvm::Value* a = value(insn.a);
  llvm::Value* b = operand_b(insn);
  if (insn.op == Op::kAdd) return builder_.CreateAdd(a, b);
  if (insn.op == Op::kSub) return builder_.CreateSub(a, b);
  if (insn.op == Op::kMul) return builder_.CreateMul(a, b);
  if (insn.op == Op::kAnd) return builder_.CreateAnd(a, b);
  if (insn.op == Op::kOr) return builder_.CreateOr(a, b);
  return builder_.CreateXor(a, b);
}

llvm::Value* Emitter::emit_shift(const Insn& insn) {
  llvm::IntegerType* type = type_of(insn.a);
  const uint32_t width = type->getBitWidth();
  llvm::Value* a = value(insn.a);
  const auto shifted = [&](llvm::Value* count) {
    return insn.op == Op::kShl ? builder_.CreateShl(a, count) : builder_.CreateLShr(a, count);
  };
  llvm::Value* zero = llvm::ConstantInt::get(type, 0);
  if (insn.b == ir::kNoValue) {
    if (insn.imm >= width) return zero;
    return shifted(llvm::ConstantInt::get(type, insn.imm));
  }
  llvm::Value* count = value(insn.b);
  llvm::Value* cut = builder_.CreateAnd(count, width - 1);
  llvm::Value* in_range = builder_.CreateICmpULT(count, llvm::ConstantInt::get(type, width));
  return builder_.CreateSelect(in_range, shifted(cut), zero);
}

llvm::Value* Emitter::emit_divide(const Insn& insn) {
  llvm::IntegerType* type = type_of(insn.a);
  llvm::Value* a = value(insn.a);
  llvm::Value* zero = llvm::ConstantInt::get(type, 0);
  const bool divides = insn.op == Op::kDiv;
  const auto divided = [&](llvm::Value* b) {
    return divides ? builder_.CreateUDiv(a, b) : builder_.CreateURem(a, b);
  };
  if (insn.b == ir::kNoValue && insn.imm > type->getBitMask()) return divides ? zero : a;
  llvm::Value* b = operand_b(insn);
  // Folding what cannot be reached would give a value without bits.
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(b))
    return constant->isZero() ? zero : divided(hides_mulx(*constant) ? opaque(b) : b);
  b = renamed(b);
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock* over = new_block("over");
  llvm::BasicBlock* divide = new_block("divide");
  builder_.CreateCondBr(builder_.CreateICmpEQ(b, zero), over, divide, rarely_);
  builder_.SetInsertPoint(divide);
  llvm::Value* quotient = divided(b);
  builder_.CreateBr(over);
  builder_.SetInsertPoint(over);
  llvm::PHINode* result = builder_.CreatePHI(type, 2);
  result->addIncoming(zero, before);
  result->addIncoming(quotient, divide);
  return result;
}

llvm::Value* Emitter::emit_test(const Insn& insn) {
  ir::Term asked;
  asked.kind = ir::TermKind::kBranch;
  asked.a = insn.a;
  asked.b = insn.b;
  asked.imm = insn.imm;
  asked.rel = insn.op == Op::kLt    ? ir::Rel::kLt
              : insn.op == Op::kLe  ? ir::Rel::kLe
              : insn.op == Op::kAny ? ir::Rel::kAny
                                    : ir::Rel::kEq;
  llvm::Value* holds = condition(asked);
  if (insn.op == Op::kNe) holds = builder_.CreateNot(holds);
  return builder_.CreateZExt(holds, builder_.getInt32Ty());
}

/// LLVM's builder folds everything else that is constant; what it leaves is found out too late for
/// a need to see that it always fails.
llvm::Value* Emitter::bytes_reversed(llvm::Value* v) {
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(v))
    return llvm::ConstantInt::get(v->getType(), constant->getValue().byteSwap());
  return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, v);
}

llvm::Value* Emitter::emit_unary(const Insn& insn) {
  llvm::Value* a = value(insn.a);
  llvm::Type* result = type_of(insn.result);
  if (insn.op == Op::kNeg) return builder_.CreateNeg(a);
  if (insn.op == Op::kBswap) return bytes_reversed(a);
  return builder_.CreateZExtOrTrunc(a, result);
}

}  // namespace ipjit::tier2
