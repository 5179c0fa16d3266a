// SPDX-License-Identifier: BSD-2-Clause
// How blocks end, and what a run leaves behind: verdict, actions, counters.
//
//   br c -> b1, b2                 br i1 c, label %b1, label %b2
//   br c -> ret x, ret y           ret (select c, x, y)             nothing left to mispredict
//   ret v0                         ret (zext v0)
//   resume 3                       ret 2 << 32 | 3
//
// A condition made of two tests is marked unpredictable, because the selector would make two
// branches of it.  Ways of one block to the same block with different arguments get a block of
// their own behind it.
//
// Actions are volatile 16-bit stores at the index that the way has reached; LLVM would write
// neighbours with one wider store, and the verifier wants ids one by one.
//
// Tested by tests/tier1/term_test.cpp, which tier 2 is linked with too.
#include <algorithm>
#include <cstddef>

#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {

using ir::Rel;
using ir::Term;
using ir::TermKind;

namespace {

constexpr size_t kInARow = 4;

ipjit_status status_of(TermKind kind) {
  if (kind == TermKind::kResume) return IPJIT_RESUME;
  return kind == TermKind::kPull ? IPJIT_NEED_BYTES : IPJIT_DONE;
}

/// The block does nothing but answer with a constant verdict.
bool is_plain_answer(const ir::Block& block) {
  return block.count == 0 && block.param_count == 0 && block.term.a == ir::kNoValue &&
         (block.term.kind == TermKind::kRet || block.term.kind == TermKind::kExit);
}

}  // namespace

llvm::Value* Emitter::condition(const Term& term) {
  llvm::Value* a = value(term.a);
  if (term.rel == Rel::kIn) return hits(term.table, a);
  llvm::IntegerType* type = type_of(term.a);
  if (term.b == ir::kNoValue && term.imm > type->getBitMask() && term.rel != Rel::kAny)
    return builder_.getInt1(term.rel != Rel::kEq);
  llvm::Value* b = term.b != ir::kNoValue
                       ? value(term.b)
                       : llvm::ConstantInt::get(type, term.imm & type->getBitMask());
  switch (term.rel) {
    case Rel::kEq:
      return builder_.CreateICmpEQ(a, b);
    case Rel::kLt:
      return builder_.CreateICmpULT(a, b);
    case Rel::kLe:
      return builder_.CreateICmpULE(a, b);
    case Rel::kAny:
      return builder_.CreateICmpNE(builder_.CreateAnd(a, b), llvm::ConstantInt::get(type, 0));
    case Rel::kIn:
      break;
  }
  return builder_.getFalse();
}

/// Values for the parameters of the edge's block, on the way from the block that is emitted.
void Emitter::pass_arguments(const ir::Edge& edge) {
  llvm::BasicBlock* from = builder_.GetInsertBlock();
  const auto params = program_.params_of(program_.blocks[index(edge.to)]);
  const auto args = program_.args_of(edge);
  for (size_t i = 0; i < args.size(); ++i)
    llvm::cast<llvm::PHINode>(value(params[i]))->addIncoming(value(args[i]), from);
  if (recorded_ != nullptr) recorded_at_[index(edge.to)]->addIncoming(recorded_, from);
}

/// Where to branch for this edge: its block, or a new one that goes there with its arguments.
llvm::BasicBlock* Emitter::edge_to(const ir::Edge& edge, bool own_block) {
  llvm::BasicBlock* to = blocks_[index(edge.to)];
  if (!own_block || edge.arg_count == 0) {
    pass_arguments(edge);
    return to;
  }
  llvm::BasicBlock* here = builder_.GetInsertBlock();
  llvm::BasicBlock* between = new_block("edge");
  builder_.SetInsertPoint(between);
  pass_arguments(edge);
  builder_.CreateBr(to);
  builder_.SetInsertPoint(here);
  return between;
}

void Emitter::emit_term(const Term& term) {
  switch (term.kind) {
    case TermKind::kJump:
      builder_.CreateBr(edge_to(term.taken, false));
      return;
    case TermKind::kBranch:
      return emit_branch(term);
    case TermKind::kSwitch:
      return emit_switch(term);
    case TermKind::kRet:
    case TermKind::kExit:
    case TermKind::kResume:
    case TermKind::kPull:
      return emit_return(term);
  }
}

void Emitter::emit_branch(const Term& term) {
  llvm::Value* holds = condition(term);
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(holds)) {
    builder_.CreateBr(edge_to(constant->isZero() ? term.other : term.taken, false));
    return;
  }
  if (emit_select(term, holds)) return;
  const bool own_blocks = term.taken.to == term.other.to;
  llvm::BasicBlock* taken = edge_to(term.taken, own_blocks);
  llvm::BasicBlock* other = edge_to(term.other, own_blocks);
  builder_.CreateCondBr(holds, taken, other, nullptr, unpredictable_);
}

/// Both ways answer with constants: no branch.  False if this is not so.
bool Emitter::emit_select(const Term& term, llvm::Value* holds) {
  const ir::Block& taken = program_.blocks[index(term.taken.to)];
  const ir::Block& other = program_.blocks[index(term.other.to)];
  if (!is_plain_answer(taken) || !is_plain_answer(other)) return false;
  store_action_count();
  llvm::Value* yes = u32(taken.term.imm);
  llvm::Value* no = u32(other.term.imm);
  // Of neighbours LLVM would make one number and a carry, whose range is not that of exit ids.
  if (program_.exits != 0) yes = opaque(yes), no = opaque(no);
  llvm::Value* verdict = builder_.CreateSelect(holds, yes, no);
  builder_.CreateRet(builder_.CreateZExt(verdict, builder_.getInt64Ty()));
  return true;
}

/// A few compares in a row, above that a search that halves the cases.
void Emitter::search_cases(llvm::Value* tested, std::span<const ir::Case> cases,
                           const ir::Edge& otherwise) {
  llvm::IntegerType* type = llvm::cast<llvm::IntegerType>(tested->getType());
  const auto goes_there = [&](const ir::Case& c, bool last) {
    llvm::Value* equal = builder_.CreateICmpEQ(tested, llvm::ConstantInt::get(type, c.value));
    llvm::BasicBlock* there = edge_to(c.edge, true);
    llvm::BasicBlock* next = last ? edge_to(otherwise, true) : new_block("case");
    builder_.CreateCondBr(equal, there, next);
    if (!last) builder_.SetInsertPoint(next);
  };
  if (cases.size() <= kInARow) {
    for (const ir::Case& c : cases) goes_there(c, &c == &cases.back());
    return;
  }
  const ir::Case& middle = cases[cases.size() / 2];
  goes_there(middle, false);
  llvm::BasicBlock* low = new_block("low");
  llvm::BasicBlock* high = new_block("high");
  builder_.CreateCondBr(builder_.CreateICmpULT(tested, llvm::ConstantInt::get(type, middle.value)),
                        low, high);
  builder_.SetInsertPoint(high);
  search_cases(tested, cases.subspan(cases.size() / 2 + 1), otherwise);
  builder_.SetInsertPoint(low);
  search_cases(tested, cases.first(cases.size() / 2), otherwise);
}

void Emitter::emit_switch(const Term& term) {
  const auto given = program_.cases_of(term);
  std::vector<ir::Case> cases(given.begin(), given.end());
  std::erase_if(cases, [&](const ir::Case& c) { return c.value > type_of(term.a)->getBitMask(); });
  if (cases.empty()) {
    builder_.CreateBr(edge_to(term.other, false));
    return;
  }
  std::sort(cases.begin(), cases.end(),
            [](const ir::Case& a, const ir::Case& b) { return a.value < b.value; });
  search_cases(value(term.a), cases, term.other);
}

void Emitter::emit_return(const Term& term) {
  store_action_count();
  const ipjit_status status = status_of(term.kind);
  if (term.a == ir::kNoValue) {
    builder_.CreateRet(u64(ipjit_result(status, static_cast<uint32_t>(term.imm))));
    return;
  }
  llvm::Value* low = value(term.a);
  // Hidden, so that the low half is seen to be one before the status joins it.
  if (status != IPJIT_DONE) low = opaque(low);
  llvm::Value* verdict = builder_.CreateZExt(low, builder_.getInt64Ty());
  if (status != IPJIT_DONE) verdict = builder_.CreateOr(verdict, u64(ipjit_result(status, 0)));
  builder_.CreateRet(verdict);
}

void Emitter::emit_effect(const ir::Insn& insn) {
  llvm::Value* actions =
      builder_.CreateLoad(builder_.getPtrTy(), ctx_field(offsetof(ipjit_ctx, actions)));
  llvm::Value* at = builder_.CreatePtrAdd(actions, builder_.CreateShl(recorded_, 1));
  builder_.CreateAlignedStore(builder_.getInt16(static_cast<uint16_t>(insn.imm)), at,
                              llvm::Align(2), /*isVolatile=*/true);
  recorded_ = builder_.CreateNUWAdd(recorded_, u64(1));
}

void Emitter::emit_count(const ir::Insn& insn) {
  llvm::Value* counters =
      builder_.CreateLoad(builder_.getPtrTy(), ctx_field(offsetof(ipjit_ctx, counters)));
  llvm::Value* counter = builder_.CreatePtrAdd(counters, u64(insn.imm * 8));
  llvm::Value* before = builder_.CreateLoad(builder_.getInt64Ty(), counter);
  builder_.CreateStore(builder_.CreateAdd(before, u64(1)), counter);
}

/// Also where it is 0, so that the caller need not clear it.
void Emitter::store_action_count() {
  if (recorded_ == nullptr) return;
  llvm::Value* actions =
      builder_.CreateLoad(builder_.getPtrTy(), ctx_field(offsetof(ipjit_ctx, actions)));
  llvm::Value* at = builder_.CreatePtrAdd(actions, u64(offsetof(ipjit_actions, count)));
  builder_.CreateAlignedStore(builder_.CreateTrunc(recorded_, builder_.getInt32Ty()), at,
                              llvm::Align(4), /*isVolatile=*/true);
}

}  // namespace ipjit::tier2
