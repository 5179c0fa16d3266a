// SPDX-License-Identifier: BSD-2-Clause
// From block to block: labels, fall-through, and arguments into parameters.
//
// Blocks are emitted in their own order, so every jump goes forward.  The moves of an edge happen
// all at once in meaning, so a move waits until its target is nobody's source, and a cycle is
// broken through rcx:
//
//   jump b3(v1, v0)   v0 in r8, v1 in r9, parameters in r8, r9:   mov rcx, r8; mov r8, r9; mov r9,
//   rcx
//
// Of a branch's edges the one with moves is emitted in line; if both have some, the taken one gets
// a stub behind the branch.
//
// Hazard: moves stand between a comparison and nothing that reads its flags.
//
// Tested by tests/tier1/edge_test.cpp.
#include <algorithm>

#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::BlockId;
using ir::Edge;

Jumps::Label Emitter::label_of(BlockId block) {
  const uint32_t b = twin_[index(block)];
  reached_[b] = 1;
  if (labels_[b] == Label::kNone) labels_[b] = jumps_.new_label();
  return labels_[b];
}

void Emitter::jump(Label to) {
  jumps_.always(to, offset());
  as_.embed(Jumps::kPlaceholder, sizeof Jumps::kPlaceholder);
}

void Emitter::jump(Cond cond, Label to) {
  jumps_.when(static_cast<uint8_t>(cond), to, offset());
  as_.embed(Jumps::kPlaceholder, sizeof Jumps::kPlaceholder);
}

/// The block itself, or a stub that first moves the arguments.
Jumps::Label Emitter::label_of(const Edge& edge) {
  collect_moves(edge);
  if (moves_.empty()) return label_of(edge.to);
  const Label label = jumps_.new_label();
  stubs_.push_back({label, edge});
  return label;
}

void Emitter::collect_moves(const Edge& edge) {
  moves_.clear();
  const auto args = program_->args_of(edge);
  const auto params = program_->params_of(program_->blocks[index(edge.to)]);
  for (size_t i = 0; i < params.size(); ++i) {
    if (!selection_.used(params[i])) continue;
    const Move move{place_of(args[i]), place_of(params[i]), selection_.constant(args[i])};
    if (move.imm || move.from != move.to) moves_.push_back(move);
  }
}

void Emitter::move(const Move& m) {
  const bool to_reg = m.to.reg >= 0;
  const Gp target = to_reg ? x86::gpq(static_cast<uint32_t>(m.to.reg)) : x86::rax;
  if (m.imm)
    set_imm(target, *m.imm);
  else if (m.from.reg < 0)
    as_.mov(target, slot(m.from));
  else if (to_reg)
    as_.mov(target, x86::gpq(static_cast<uint32_t>(m.from.reg)));
  if (!to_reg)
    as_.mov(slot(m.to),
            m.imm || m.from.reg < 0 ? target : x86::gpq(static_cast<uint32_t>(m.from.reg)));
}

void Emitter::emit_moves(const Edge& edge) {
  collect_moves(edge);
  const Location rcx{kRcx, -1};
  while (!moves_.empty()) {
    const auto is_source = [&](const Location& place) {
      return std::any_of(moves_.begin(), moves_.end(),
                         [&](const Move& m) { return !m.imm && m.from == place; });
    };
    const auto ready =
        std::find_if(moves_.begin(), moves_.end(), [&](const Move& m) { return !is_source(m.to); });
    if (ready != moves_.end()) {
      move(*ready);
      moves_.erase(ready);
      continue;
    }
    // Only cycles are left: what the first target holds waits in rcx.
    const Location held = moves_.front().to;
    move({held, rcx, std::nullopt});
    for (Move& m : moves_)
      if (!m.imm && m.from == held) m.from = rcx;
  }
}

/// True if the code of `block` follows what is emitted now; `block` counts as reached.
bool Emitter::is_next(BlockId block) {
  if (is_shared_return(block)) return false;
  for (uint32_t b = block_ + 1; b < index(block); ++b)
    if (reached_[b] && !shared_[b]) return false;
  return true;
}

/// Leaves the block for good.
void Emitter::go(const Edge& edge) {
  if (is_shared_return(edge.to)) return emit_return(program_->blocks[index(edge.to)].term);
  emit_moves(edge);
  const bool next = stubs_.empty() && is_next(edge.to);
  const Label label = label_of(edge.to);
  if (!next) jump(label);
}

void Emitter::branch(Cond cond, const Edge& taken, const Edge& other) {
  collect_moves(taken);
  const bool taken_moves = !moves_.empty();
  collect_moves(other);
  const bool other_moves = !moves_.empty();
  // Marked before asking which block is next: a block reached only by this branch counts.
  if (!is_shared_return(taken.to)) label_of(taken.to);
  if (!is_shared_return(other.to)) label_of(other.to);
  bool invert = is_next(taken.to) && !other_moves;
  if (taken_moves != other_moves) invert = taken_moves;
  if (invert) {
    jump(asmjit::x86::negateCond(cond), label_of(other));
    go(taken);
  } else {
    jump(cond, label_of(taken));
    go(other);
  }
}

void Emitter::emit_stubs() {
  // Emitting a stub makes no further ones: its edge goes by go().
  std::vector<Stub> stubs;
  stubs.swap(stubs_);
  for (const Stub& stub : stubs) {
    bind(stub.label);
    emit_moves(stub.edge);
    const bool last = &stub == &stubs.back();
    const bool next = last && is_next(stub.edge.to);
    const Label label = label_of(stub.edge.to);
    if (!next) jump(label);
  }
}

}  // namespace ipjit::tier1
