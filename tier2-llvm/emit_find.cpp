// SPDX-License-Identifier: BSD-2-Clause
// Table probes: lookup::find() as data flow.
//
//   array    word [t + key * 4]
//   bitmap   w = word [t + (key >> 5) * 4];  (w >> (key & 31)) & 1
//   slots    i = key * M >> s;  word [t + i * 4] == key
//   groups   g = key * M >> a;  m = word [t + g * 4];  i = key * m >> s;  word [slots + i * 4] ==
//   key
//
// No branch decides an index: a shift or a mask bounds it, so a mispredicted branch cannot read
// past the table.  A key that may be wider than the table's is cut for the probe, and a comparison
// of the whole key turns the hit into a miss.
//
// Hazards: what was spilled and comes back may be guessed wrong by the processor, so a mask or a
// shift before the spill bounds nothing.  Where the function spills, `probe_at_once` makes one
// piece of assembly of bounding the index and loading with it, which no spill comes between; so
// does the table's address, if it comes from ctx.  An empty piece keeps a value that a comparison
// selects from being loaded by the conditional move itself: LLVM would make a branch of that.
//
// Tested by tests/tier1/find_test.cpp, which tier 2 is linked with too.
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/IntrinsicInst.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>

#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {

using lookup::Layout;
using lookup::Shape;

namespace {

constexpr uint32_t kLargestScale = 8;  ///< of an index in an address

/// A number that was loaded, or some bits of it: what LLVM knows of it the verifier knows too.
bool is_loaded(const llvm::Value* value) {
  while (const auto* made = llvm::dyn_cast<llvm::Instruction>(value)) {
    if (llvm::isa<llvm::LoadInst>(made)) return true;
    const unsigned op = made->getOpcode();
    const bool bits = (op == llvm::Instruction::And || op == llvm::Instruction::LShr) &&
                      llvm::isa<llvm::Constant>(made->getOperand(1));
    const bool moved = llvm::isa<llvm::CastInst>(made) || llvm::isa<llvm::IntrinsicInst>(made);
    if (!bits && !moved) return false;
    value = made->getOperand(0);
  }
  return false;
}

}  // namespace

/// The same value, of which LLVM knows nothing any more.
llvm::Value* Emitter::opaque(llvm::Value* value) {
  llvm::FunctionType* type = llvm::FunctionType::get(value->getType(), {value->getType()}, false);
  return builder_.CreateCall(llvm::InlineAsm::get(type, "", "=r,0", /*hasSideEffects=*/false),
                             {value});
}

/// Where the table begins.
llvm::Value* Emitter::start_of(uint32_t table) {
  if (!options_.tables_in_ctx) return globals_[table];
  return builder_.CreateLoad(builder_.getPtrTy(), ctx_field(ctx_offset(table)));
}

/// Of the table's address in ctx.
size_t Emitter::ctx_offset(uint32_t table) const {
  return offsetof(ipjit_ctx, tables) + ctx_index(tables_, table) * sizeof(void*);
}

/// What stands `at + index * stride` bytes behind the start of the table.
llvm::Value* Emitter::table_word(uint32_t table, const Index& index, llvm::Type* type,
                                 uint32_t stride, uint32_t at) {
  if (options_.probe_at_once) return word_at_once(table, index, type, stride, at);
  llvm::Value* bounded = index.of;
  if (index.mask != 0) bounded = builder_.CreateAnd(bounded, index.mask);
  if (index.shift != 0) bounded = builder_.CreateLShr(bounded, index.shift);
  llvm::Value* offset =
      builder_.CreateMul(builder_.CreateZExt(bounded, builder_.getInt64Ty()), u64(stride));
  llvm::Value* place = builder_.CreatePtrAdd(start_of(table), offset);
  place = builder_.CreatePtrAdd(place, u64(at));
  return builder_.CreateAlignedLoad(type, place, llvm::Align(4));
}

/// The same in one piece: $0 is the index and then the word, $1 the table's address if it stands in
/// ctx, $3 what that is read from, or the table itself.
llvm::Value* Emitter::word_at_once(uint32_t table, const Index& index, llvm::Type* type,
                                   uint32_t stride, uint32_t at) {
  const auto suffix = [](llvm::Type* t) { return t->isIntegerTy(64) ? "q" : "l"; };
  const auto whole = [](llvm::Type* t) { return t->isIntegerTy(64) ? "${0:q}" : "${0:k}"; };
  llvm::Type* bounded = index.of->getType();
  const uint32_t scale = std::min(stride, kLargestScale);
  std::string text;
  const auto add = [&](const char* operation, uint32_t by) {
    text += std::string(operation) + suffix(bounded) + " $$" + std::to_string(by) + ", " +
            whole(bounded) + "\n";
  };
  if (options_.tables_in_ctx) text += "movq " + std::to_string(ctx_offset(table)) + "($3), $1\n";
  if (index.mask != 0) add("and", index.mask);
  if (index.shift != 0) add("shr", index.shift);
  if (stride != scale) add("shl", static_cast<uint32_t>(std::countr_zero(stride / scale)));
  text += std::string("mov") + suffix(type) + " " + std::to_string(at) +
          (options_.tables_in_ctx ? "($1" : "($3") + ",${0:q}," + std::to_string(scale) + "), " +
          whole(type);
  llvm::Value* from = options_.tables_in_ctx ? ctx_ : globals_[table];
  llvm::Type* both = llvm::StructType::get(bounded, builder_.getPtrTy());
  llvm::FunctionType* piece =
      llvm::FunctionType::get(both, {bounded, builder_.getPtrTy()}, /*isVarArg=*/false);
  llvm::Value* made = builder_.CreateCall(
      llvm::InlineAsm::get(piece, text, "=&r,=&r,0,r,~{flags}", /*hasSideEffects=*/false),
      {index.of, from});
  return builder_.CreateZExtOrTrunc(builder_.CreateExtractValue(made, 0), type);
}

/// False for keys that are wider than the probe; null where there are none.
llvm::Value* Emitter::fits_probe(uint32_t table, llvm::Value* key) {
  const uint32_t bits = probe_bits(tables_[table].layout);
  if (key->getType()->getIntegerBitWidth() <= bits) return nullptr;
  llvm::ConstantInt* widest = llvm::ConstantInt::get(llvm::cast<llvm::IntegerType>(key->getType()),
                                                     UINT64_MAX >> (64 - bits));
  return builder_.CreateICmpULE(key, widest);
}

/// Of a bitmap or array: the key in 32 bits, cut to the table's.  Where LLVM knows a bound of its
/// own, from a comparison's result say, it would not cut.
Emitter::Index Emitter::index_of(uint32_t table, llvm::Value* key) {
  llvm::Value* whole = builder_.CreateZExtOrTrunc(key, builder_.getInt32Ty());
  return {is_loaded(key) ? whole : opaque(whole), (1u << tables_[table].layout.key_bits) - 1, 0};
}

/// Of slots and groups: the slot's number.
Emitter::Index Emitter::slot_of(uint32_t table, llvm::Value* key) {
  const Layout& layout = tables_[table].layout;
  llvm::IntegerType* word = builder_.getIntNTy(layout.key_bytes * 8);
  llvm::Value* multiplier = llvm::ConstantInt::get(word, layout.multiplier);
  if (layout.shape == Shape::kGroups) {
    const Index group = {builder_.CreateMul(key, multiplier), 0, layout.group_shift};
    multiplier = table_word(table, group, word, layout.key_bytes, 0);
  }
  return {builder_.CreateMul(key, multiplier), 0, layout.slot_shift};
}

/// True where the table holds the key.
llvm::Value* Emitter::hits(uint32_t table, llvm::Value* key) {
  const Layout& layout = tables_[table].layout;
  if (layout.shape == Shape::kNothing) return builder_.getFalse();
  llvm::Value* fits = fits_probe(table, key);
  llvm::Value* hit = nullptr;
  if (layout.shape == Shape::kBitmap) {
    Index word_of = index_of(table, key);
    llvm::Value* bit_of = builder_.CreateAnd(word_of.of, 31);
    word_of.shift = 5;
    llvm::Value* word = table_word(table, word_of, builder_.getInt32Ty(), 4, 0);
    llvm::Value* bit = builder_.CreateLShr(word, bit_of);
    hit = builder_.CreateICmpNE(builder_.CreateAnd(bit, 1), u32(0));
  } else if (layout.shape == Shape::kArray) {
    llvm::Value* found = table_word(table, index_of(table, key), builder_.getInt32Ty(), 4, 0);
    hit = builder_.CreateICmpNE(found, u32(layout.miss));
  } else {
    llvm::Type* word = builder_.getIntNTy(layout.key_bytes * 8);
    key = builder_.CreateZExtOrTrunc(key, word);
    llvm::Value* stored =
        table_word(table, slot_of(table, key), word, layout.slot_bytes, layout.slots_at);
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
  if (layout.shape == Shape::kArray) {
    llvm::Value* found =
        table_word(insn.table, index_of(insn.table, key), builder_.getInt32Ty(), 4, 0);
    llvm::Value* fits = fits_probe(insn.table, key);
    return fits == nullptr ? found : builder_.CreateSelect(fits, opaque(found), miss);
  }
  llvm::Value* fits = fits_probe(insn.table, key);
  llvm::Type* word = builder_.getIntNTy(layout.key_bytes * 8);
  llvm::Value* narrow = builder_.CreateZExtOrTrunc(key, word);
  const Index slot = slot_of(insn.table, narrow);
  llvm::Value* stored = table_word(insn.table, slot, word, layout.slot_bytes, layout.slots_at);
  llvm::Value* found = table_word(insn.table, slot, builder_.getInt32Ty(), layout.slot_bytes,
                                  layout.slots_at + layout.key_bytes);
  llvm::Value* hit = builder_.CreateICmpEQ(stored, narrow);
  if (fits != nullptr) hit = builder_.CreateAnd(hit, fits);
  return builder_.CreateSelect(hit, opaque(found), miss);
}

}  // namespace ipjit::tier2
