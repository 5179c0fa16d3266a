// SPDX-License-Identifier: BSD-2-Clause
// Table probes: lookup::find() as data flow.
//
//   bitmap   w = word [t + (key >> 5) * 4];  (w >> (key & 31)) & 1
//   slots    i = key * M >> s;  word [t + i * 4] == key
//   groups   g = key * M >> a;  m = word [t + g * 4];  i = key * m >> s;  word [slots + i * 4] ==
//   key
//
// No branch decides an index: a shift or a mask bounds it, so a mispredicted branch cannot read
// past the table.  A key that may be wider than the table's is cut for the probe, and a comparison
// of the whole key turns the hit into a miss.
//
// Hazards: what was spilled and comes back may be guessed wrong by the processor, so a mask that
// was applied before the spill bounds nothing.  Where the function spills, `cut_keys` has each
// bitmap's and array's key cut again right before its probe, behind a barrier that hides that this
// is not needed, and its table's address, if that comes from ctx, loaded again.  The same barrier
// keeps a value that a comparison selects from being loaded by the conditional move itself: LLVM
// would make a branch of that.
//
// Tested by tests/tier1/find_test.cpp, which tier 2 is linked with too.
#include <llvm/IR/InlineAsm.h>

#include <cstddef>

#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {

using lookup::Layout;
using lookup::Shape;

/// The same value, of which LLVM knows nothing any more.
llvm::Value* Emitter::opaque(llvm::Value* value) {
  llvm::FunctionType* type = llvm::FunctionType::get(value->getType(), {value->getType()}, false);
  return builder_.CreateCall(llvm::InlineAsm::get(type, "", "=r,0", /*hasSideEffects=*/false),
                             {value});
}

/// Finds the table for the words that are read next; gives the key to look for.
///
/// An address that comes from ctx may not have been on the stack, nor may an index that is made of
/// the key: where the function spills, both begin their lives here.
llvm::Value* Emitter::begin_probe(uint32_t table, llvm::Value* key) {
  probed_ = globals_[table];
  if (!options_.tables_in_ctx) return key;
  const size_t at = offsetof(ipjit_ctx, tables) + ctx_index(tables_, table) * sizeof(void*);
  probed_ = builder_.CreateLoad(builder_.getPtrTy(), ctx_field(at), options_.cut_keys);
  if (!options_.cut_keys) return key;
  llvm::Type* both = llvm::StructType::get(builder_.getPtrTy(), key->getType());
  llvm::FunctionType* type =
      llvm::FunctionType::get(both, {builder_.getPtrTy(), key->getType()}, false);
  llvm::InlineAsm* barrier = llvm::InlineAsm::get(type, "", "=r,=r,0,1", /*hasSideEffects=*/false);
  llvm::Value* hidden = builder_.CreateCall(barrier, {probed_, key});
  probed_ = builder_.CreateExtractValue(hidden, 0);
  return builder_.CreateExtractValue(hidden, 1);
}

/// What stands `at + index * stride` bytes behind the start of the table that is probed.
llvm::Value* Emitter::table_word(llvm::Value* index, llvm::Type* type, uint32_t stride,
                                 uint32_t at) {
  llvm::Value* offset =
      builder_.CreateMul(builder_.CreateZExt(index, builder_.getInt64Ty()), u64(stride));
  llvm::Value* place = builder_.CreatePtrAdd(probed_, offset);
  place = builder_.CreatePtrAdd(place, u64(at));
  return builder_.CreateAlignedLoad(type, place, llvm::Align(4));
}

/// False for keys that are wider than the probe; null where there are none.
llvm::Value* Emitter::fits_probe(uint32_t table, llvm::Value* key) {
  const uint32_t bits = probe_bits(tables_[table].layout);
  if (key->getType()->getIntegerBitWidth() <= bits) return nullptr;
  llvm::ConstantInt* widest = llvm::ConstantInt::get(llvm::cast<llvm::IntegerType>(key->getType()),
                                                     UINT64_MAX >> (64 - bits));
  return builder_.CreateICmpULE(key, widest);
}

/// Of a bitmap or array: the key in 32 bits, cut to the table's.
llvm::Value* Emitter::index_of(uint32_t table, llvm::Value* key) {
  llvm::Value* narrow = builder_.CreateZExtOrTrunc(key, builder_.getInt32Ty());
  if (options_.cut_keys) narrow = opaque(narrow);
  return builder_.CreateAnd(narrow, (1u << tables_[table].layout.key_bits) - 1);
}

/// Of slots and groups: the slot's number.
llvm::Value* Emitter::slot_of(uint32_t table, llvm::Value* key) {
  const Layout& layout = tables_[table].layout;
  llvm::IntegerType* word = builder_.getIntNTy(layout.key_bytes * 8);
  llvm::Value* multiplier = llvm::ConstantInt::get(word, layout.multiplier);
  if (layout.shape == Shape::kGroups) {
    llvm::Value* group =
        builder_.CreateLShr(builder_.CreateMul(key, multiplier), layout.group_shift);
    multiplier = table_word(group, word, layout.key_bytes, 0);
  }
  return builder_.CreateLShr(builder_.CreateMul(key, multiplier), layout.slot_shift);
}

/// True where the table holds the key.
llvm::Value* Emitter::hits(uint32_t table, llvm::Value* key) {
  const Layout& layout = tables_[table].layout;
  if (layout.shape == Shape::kNothing) return builder_.getFalse();
  key = begin_probe(table, key);
  llvm::Value* fits = fits_probe(table, key);
  llvm::Value* hit = nullptr;
  if (layout.shape == Shape::kBitmap) {
    llvm::Value* i = index_of(table, key);
    llvm::Value* word = table_word(builder_.CreateLShr(i, 5), builder_.getInt32Ty(), 4, 0);
    llvm::Value* bit = builder_.CreateLShr(word, builder_.CreateAnd(i, 31));
    hit = builder_.CreateICmpNE(builder_.CreateAnd(bit, 1), u32(0));
  } else if (layout.shape == Shape::kArray) {
    llvm::Value* found = table_word(index_of(table, key), builder_.getInt32Ty(), 4, 0);
    hit = builder_.CreateICmpNE(found, u32(layout.miss));
  } else {
    llvm::Type* word = builder_.getIntNTy(layout.key_bytes * 8);
    key = builder_.CreateZExtOrTrunc(key, word);
    llvm::Value* stored = table_word(slot_of(table, key), word, layout.slot_bytes, layout.slots_at);
    hit = builder_.CreateICmpEQ(stored, key);
  }
  return fits == nullptr ? hit : builder_.CreateAnd(hit, fits);
}

llvm::Value* Emitter::emit_find(const ir::Insn& insn) {
  const Layout& layout = tables_[insn.table].layout;
  llvm::Value* key = value(insn.a);
  llvm::Value* miss = u32(layout.miss);
  if (layout.shape == Shape::kNothing) return miss;
  if (!layout.has_values && layout.shape != Shape::kArray)
    return builder_.CreateSelect(hits(insn.table, key), u32(layout.hit), miss);
  key = begin_probe(insn.table, key);
  if (layout.shape == Shape::kArray) {
    llvm::Value* found = table_word(index_of(insn.table, key), builder_.getInt32Ty(), 4, 0);
    llvm::Value* fits = fits_probe(insn.table, key);
    return fits == nullptr ? found : builder_.CreateSelect(fits, opaque(found), miss);
  }
  llvm::Value* fits = fits_probe(insn.table, key);
  llvm::Type* word = builder_.getIntNTy(layout.key_bytes * 8);
  llvm::Value* narrow = builder_.CreateZExtOrTrunc(key, word);
  llvm::Value* slot = slot_of(insn.table, narrow);
  llvm::Value* stored = table_word(slot, word, layout.slot_bytes, layout.slots_at);
  llvm::Value* found = table_word(slot, builder_.getInt32Ty(), layout.slot_bytes,
                                  layout.slots_at + layout.key_bytes);
  llvm::Value* hit = builder_.CreateICmpEQ(stored, narrow);
  if (fits != nullptr) hit = builder_.CreateAnd(hit, fits);
  return builder_.CreateSelect(hit, opaque(found), miss);
}

}  // namespace ipjit::tier2
