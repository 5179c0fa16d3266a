// SPDX-License-Identifier: BSD-2-Clause
// Packet bytes into values, and the checks before them.
//
//   need 34           br (icmp ult len, 34), fail, next
//   need v0 + 18      br (icmp ugt (add nuw v0.wide, 18), len), fail, next
//   load_be16 v0 + 2  bswap (load i16, ptr (data + v0.wide + 2), align 1)
//
// These forms come out as `cmp rsi, 34; jb` and `lea rax, [r8+18]; cmp rax, rsi; ja`, which the
// verifier reads as facts.  No load is said to be dereferenceable or invariant, so none is moved
// above its check.
//
// Hazards: a constant length that no instruction can hold is hidden, else LLVM shifts both sides
// until one can.  Offset value + imm must not wrap in 64 bits.  32-bit values cannot; a 64-bit one
// is first compared with the length itself.  Fields of ctx are volatile: two neighbours read as one
// would not be a field.  A byte that several ask for is hidden in a whole register: LLVM would load
// no more than the byte, make one sum of two comparisons, and add by `lea`, which reads all of it.
//
// Tested by tests/tier1/load_test.cpp, which tier 2 is linked with too.
#include <cstddef>

#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {

using ir::Insn;
using ir::Op;

namespace {

constexpr size_t kFieldOffsets[] = {
#define IPJIT_FIELD(name, meaning) offsetof(ipjit_ctx, name),
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

bool is_big_endian(Op op) {
  return op == Op::kLoadBe16 || op == Op::kLoadBe32 || op == Op::kLoadBe64;
}

}  // namespace

llvm::Value* Emitter::ctx_field(size_t offset) { return builder_.CreatePtrAdd(ctx_, u64(offset)); }

llvm::Value* Emitter::place(const Insn& insn) {
  llvm::Value* base = insn.base == ir::Base::kData ? data_ : th_;
  if (insn.a != ir::kNoValue) base = builder_.CreatePtrAdd(base, wide(insn.a));
  return builder_.CreatePtrAdd(base, u64(insn.imm));
}

llvm::Value* Emitter::emit_load(const Insn& insn) {
  const uint32_t bits = ir::load_size(insn.op) * 8;
  llvm::Type* result = type_of(insn.result);
  llvm::Value* bytes =
      builder_.CreateAlignedLoad(builder_.getIntNTy(bits), place(insn), llvm::Align(1));
  if (!is_big_endian(insn.op)) {
    llvm::Value* whole = builder_.CreateZExt(bytes, result);
    return bits == 8 && uses_[ir::index(insn.result)] > 1 ? opaque(whole) : whole;
  }
  if (bits == 16)
    return builder_.CreateLShr(bytes_reversed(builder_.CreateZExt(bytes, result)), 16);
  return builder_.CreateZExt(bytes_reversed(bytes), result);
}

llvm::Value* Emitter::emit_meta(const Insn& insn) {
  return builder_.CreateAlignedLoad(builder_.getInt32Ty(), ctx_field(kFieldOffsets[insn.imm]),
                                    llvm::Align(4), /*isVolatile=*/true);
}

/// Goes to one of our blocks where the condition holds, else on in a new one of LLVM's.
void Emitter::leave_if(llvm::Value* condition, ir::BlockId to) {
  llvm::BasicBlock* out = edge_to(ir::Edge{to, 0, 0}, false);
  llvm::BasicBlock* next = new_block("next");
  builder_.CreateCondBr(condition, out, next, rarely_);
  builder_.SetInsertPoint(next);
}

/// Goes there for good; what follows in our block cannot be reached.
void Emitter::leave(ir::BlockId to) {
  builder_.CreateBr(edge_to(ir::Edge{to, 0, 0}, false));
  builder_.SetInsertPoint(new_block("never"));
}

void Emitter::leave_if_shorter(llvm::Value* len, uint64_t end, ir::BlockId to) {
  if (end == 0) return;
  llvm::Value* least = u64(end);
  leave_if(builder_.CreateICmpULT(len, end > INT32_MAX ? opaque(least) : least), to);
}

void Emitter::emit_need(const Insn& insn) {
  llvm::Value* len = insn.base == ir::Base::kData ? len_ : th_len_;
  if (insn.imm > kMaxLen) return leave(insn.fail);
  if (insn.a == ir::kNoValue) return leave_if_shorter(len, insn.imm, insn.fail);
  llvm::Value* offset = wide(insn.a);
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(offset)) {
    uint64_t end = insn.imm;
    if (__builtin_add_overflow(end, constant->getZExtValue(), &end) || end > kMaxLen)
      return leave(insn.fail);
    return leave_if_shorter(len, end, insn.fail);
  }
  if (program_.values[index(insn.a)] == ir::Type::kU64 && insn.imm != 0)
    leave_if(builder_.CreateICmpUGT(offset, len), insn.fail);
  llvm::Value* end = builder_.CreateNUWAdd(offset, u64(insn.imm));
  leave_if(builder_.CreateICmpUGT(end, len), insn.fail);
}

}  // namespace ipjit::tier2
