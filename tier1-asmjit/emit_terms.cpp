// SPDX-License-Identifier: BSD-2-Clause
// How a run ends, and what it leaves behind: verdict, actions, counters.
//
//   ret 262144        mov eax, 262144; ret
//   resume 3          mov rax, 2 << 32 | 3; ret
//   br c -> ret x, ret y
//                     mov eax, y; mov ecx, x; cmovc eax, ecx; ret     nothing left to mispredict
//
// Blocks that only return a constant are emitted once for each constant, behind all others, so a
// conditional jump goes there directly.  `ret` is five bytes, so that a kernel that needs a return
// thunk can write a jump over it.
//
// Actions: where every path to a block has recorded the same number, the index is a constant;
// otherwise r9 counts.
//
// Tested by tests/tier1/term_test.cpp.
#include <algorithm>
#include <cstddef>

#include "ir/edges.h"
#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Insn;
using ir::Op;
using ir::Term;
using ir::TermKind;

namespace {

constexpr uint32_t kUnknown = UINT32_MAX;
constexpr size_t kTwinsSearched = 16;  // exits have many different ids: looking further costs n^2

ipjit_status status_of(TermKind kind) {
  if (kind == TermKind::kResume) return IPJIT_RESUME;
  return kind == TermKind::kPull ? IPJIT_NEED_BYTES : IPJIT_DONE;
}

bool returns(TermKind kind) {
  return kind == TermKind::kRet || kind == TermKind::kExit || kind == TermKind::kResume ||
         kind == TermKind::kPull;
}

}  // namespace

/// How many actions each block begins with; whether that is a constant everywhere.
void Emitter::count_actions() {
  max_actions_ = ir::max_actions(*program_);
  actions_vary_ = false;
  entry_actions_.assign(program_->blocks.size(), max_actions_ == 0 ? 0 : kUnknown);
  if (max_actions_ == 0) return;
  entry_actions_[0] = 0;
  for (uint32_t b = 0; b < program_->blocks.size(); ++b) {
    const ir::Block& block = program_->blocks[b];
    uint32_t count = entry_actions_[b];
    if (count == kUnknown) continue;  // nothing leads here
    const auto leave_to = [&](ir::BlockId to) {
      uint32_t& entry = entry_actions_[index(to)];
      if (entry != kUnknown && entry != count) actions_vary_ = true;
      entry = count;
    };
    for (const Insn& insn : program_->insns_of(block)) {
      if (insn.op == Op::kEffect) ++count;
      if (insn.op == Op::kNeed) leave_to(insn.fail);
    }
    ir::for_each_edge(*program_, block.term, [&](const ir::Edge& edge) { leave_to(edge.to); });
  }
}

void Emitter::share_returns() {
  shared_.assign(program_->blocks.size(), 0);
  twin_.resize(program_->blocks.size());
  returns_.clear();
  for (uint32_t b = 0; b < program_->blocks.size(); ++b) {
    twin_[b] = b;
    const ir::Block& block = program_->blocks[b];
    const Term& term = block.term;
    if (b == 0 || block.count != 0 || block.param_count != 0 || !returns(term.kind)) continue;
    if (term.a != ir::kNoValue) continue;
    shared_[b] = 1;
    const auto says_the_same = [&](uint32_t earlier) {
      const Term& other = program_->blocks[earlier].term;
      return other.imm == term.imm && status_of(other.kind) == status_of(term.kind) &&
             (actions_vary_ || entry_actions_[earlier] == entry_actions_[b]);
    };
    const size_t searched = std::min(returns_.size(), kTwinsSearched);
    const auto twin = std::find_if(returns_.end() - searched, returns_.end(), says_the_same);
    if (twin != returns_.end())
      twin_[b] = *twin;
    else
      returns_.push_back(b);
  }
}

void Emitter::emit_shared_returns() {
  for (uint32_t b : returns_) {
    if (!reached_[b]) continue;
    block_ = b;
    mark(b, program_->blocks[b].term.source);
    actions_ = entry_actions_[b];
    bind(labels_[b]);
    emit_return(program_->blocks[b].term);
  }
}

void Emitter::emit_term(const Term& term) {
  switch (term.kind) {
    case TermKind::kJump:
      return go(term.taken);
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

void Emitter::emit_return(const Term& term) {
  store_action_count();
  const ipjit_status status = status_of(term.kind);
  std::optional<uint64_t> imm;
  if (term.a == ir::kNoValue)
    imm = term.imm;
  else
    imm = selection_.constant(term.a);
  if (imm) {
    if (status == IPJIT_DONE && *imm == 0)
      as_.xor_(x86::eax, x86::eax);
    else
      set_imm(x86::rax, ipjit_result(status, static_cast<uint32_t>(*imm)));
  } else {
    const Gp value = in(term.a, x86::rax);
    as_.mov(x86::eax, value.r32());
    if (status != IPJIT_DONE) {
      set_imm(x86::rcx, ipjit_result(status, 0));
      as_.add(x86::rax, x86::rcx);
    }
  }
  epilogue();
}

/// Both ways return constants: no branch.  False if this is not so.
bool Emitter::emit_select(Cond cond, const Term& term) {
  if (!is_shared_return(term.taken.to) || !is_shared_return(term.other.to)) return false;
  const Term& taken = program_->blocks[index(term.taken.to)].term;
  const Term& other = program_->blocks[index(term.other.to)].term;
  if (status_of(taken.kind) != IPJIT_DONE || status_of(other.kind) != IPJIT_DONE) return false;
  if (hidden(taken.imm) || hidden(other.imm)) return false;
  as_.mov(x86::eax, static_cast<uint32_t>(other.imm));
  as_.mov(x86::ecx, static_cast<uint32_t>(taken.imm));
  as_.cmov(cond, x86::eax, x86::ecx);
  store_action_count();
  epilogue();
  return true;
}

void Emitter::emit_effect(const Insn& insn) {
  as_.mov(x86::rcx, x86::qword_ptr(ctx_, offsetof(ipjit_ctx, actions)));
  as_.mov(x86::eax, static_cast<uint32_t>(insn.imm));
  if (actions_vary_) {
    as_.mov(x86::word_ptr(x86::rcx, x86::r9, 1), x86::ax);
    as_.add(x86::r9d, 1);
  } else {
    as_.mov(x86::word_ptr(x86::rcx, static_cast<int32_t>(actions_ * 2)), x86::ax);
    ++actions_;
  }
}

void Emitter::emit_count(const Insn& insn) {
  as_.mov(x86::rcx, x86::qword_ptr(ctx_, offsetof(ipjit_ctx, counters)));
  as_.inc(x86::qword_ptr(x86::rcx, static_cast<int32_t>(insn.imm * 8)));
}

/// Also where it is 0, so that the caller need not clear it.  Uses rcx.
void Emitter::store_action_count() {
  if (max_actions_ == 0) return;
  as_.mov(x86::rcx, x86::qword_ptr(ctx_, offsetof(ipjit_ctx, actions)));
  const Mem count = x86::dword_ptr(x86::rcx, offsetof(ipjit_actions, count));
  if (actions_vary_)
    as_.mov(count, x86::r9d);
  else
    as_.mov(count, actions_);
}

void Emitter::epilogue() {
  if (registers_.slots() != 0) as_.add(x86::rsp, registers_.slots() * 8);
  for (size_t i = saved_.size(); i-- > 0;) as_.pop(x86::gpq(saved_[i]));
  static constexpr uint8_t kRet[] = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
  as_.embed(kRet, sizeof kRet);
}

}  // namespace ipjit::tier1
