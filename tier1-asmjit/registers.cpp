// SPDX-License-Identifier: BSD-2-Clause
// Linear scan over the program in block order.
//
// Block order is a topological order, so the life of a value is covered by one interval, from its
// definition to its last use, even where paths part and join:
//
//   b0: v0 = load_be16 12     0   v0 ──┐
//       br v0 == 1 -> b1, b2  1        │
//   b1: v1 = load_u8 23       2   v1 ┐ │
//       br v1 == 6 -> b3, b4  3      ┘ │
//   b2: br v0 == 2 -> b3, b4  4        ┘
//
// A register is free at the position of its holder's last use, so a result may take the place of
// an operand; the emitter minds such overlaps.  A block parameter lives from its first predecessor,
// where the first argument is moved in, and at least to its block.  Where registers run out, the
// value that lives longest goes to the stack for its whole life; or nowhere, if it is a load that
// each use can repeat: packet and context stay as they are, and the need before the first load is
// before the others too.  So any number of loaded words may be alive at once, and of computed ones
// as many as registers and stack hold.
//
// Hazard: a value folded into the end of its block is used there, not where it stands.
//
// Cost: values x registers.  Idea: Poletto and Sarkar, "Linear scan register allocation", 1999.
// Tested by tests/tier1/.
#include "tier1-asmjit/registers.h"

#include <algorithm>

#include "ir/edges.h"

namespace ipjit::tier1 {

using ir::Insn;
using ir::Term;
using ir::ValueId;

bool Registers::has_code(const Insn& insn) const {
  if (insn.result == ir::kNoValue) return true;
  return selection_->used(insn.result) && !selection_->folded(insn.result) &&
         insn.op != ir::Op::kConst;
}

Status Registers::assign(const ir::Program& program, const Selection& selection,
                         std::span<const Gpr> pool) {
  program_ = &program;
  selection_ = &selection;
  pool_ = pool;
  intervals_.assign(program.values.size(), Interval{UINT32_MAX, 0});
  places_.assign(program.values.size(), Location{});
  holder_.fill(ir::kNoValue);
  busy_until_.fill(0);
  slot_ends_.clear();
  used_mask_ = 0;
  reads_again_ = false;
  measure();
  return place_all();
}

void Registers::extend(ValueId v, uint32_t at) {
  if (v == ir::kNoValue || selection_->constant(v)) return;
  if (selection_->folded(v)) {
    const Insn* insn = selection_->def(v);
    extend(insn->a, at);
    extend(insn->b, at);
    return;
  }
  Interval& interval = intervals_[index(v)];
  interval.end = std::max(interval.end, at);
}

void Registers::start_params(const Term& term, uint32_t at) {
  ir::for_each_edge(*program_, term, [&](const ir::Edge& edge) {
    for (ValueId arg : program_->args_of(edge)) extend(arg, at);
    for (ValueId param : program_->params_of(program_->blocks[index(edge.to)])) {
      Interval& interval = intervals_[index(param)];
      interval.start = std::min(interval.start, at);
    }
  });
}

void Registers::measure() {
  uint32_t at = 1;
  for (const ir::Block& block : program_->blocks) {
    ++at;  // a place of its own: parameters outlive the ends of predecessors
    for (ValueId param : program_->params_of(block)) extend(param, at);
    for (const Insn& insn : program_->insns_of(block)) {
      ++at;
      if (!has_code(insn)) continue;
      extend(insn.a, at);
      extend(insn.b, at);
      if (insn.result != ir::kNoValue) intervals_[index(insn.result)] = {at, at};
    }
    ++at;
    extend(block.term.a, at);
    extend(block.term.b, at);
    start_params(block.term, at);
  }
}

Status Registers::place_all() {
  uint32_t at = 1;
  for (const ir::Block& block : program_->blocks) {
    ++at;
    for (const Insn& insn : program_->insns_of(block)) {
      ++at;
      if (Status placed = place_insn(insn, at); !placed) return placed;
    }
    ++at;
    if (Status placed = place_params(block.term, at); !placed) return placed;
  }
  return ok();
}

Status Registers::place_insn(const Insn& insn, uint32_t at) {
  if (insn.result == ir::kNoValue || !has_code(insn)) return ok();
  return place(insn.result, at, insn.a);
}

Status Registers::place_params(const Term& term, uint32_t at) {
  Status all = ok();
  ir::for_each_edge(*program_, term, [&](const ir::Edge& edge) {
    const auto args = program_->args_of(edge);
    const auto params = program_->params_of(program_->blocks[index(edge.to)]);
    for (size_t i = 0; i < params.size(); ++i)
      if (all && places_[index(params[i])] == Location{} && selection_->used(params[i]))
        all = place(params[i], at, args[i]);
  });
  return all;
}

int Registers::free_register(uint32_t at, ValueId hint) const {
  if (hint != ir::kNoValue) {
    const int reg = places_[index(hint)].reg;
    if (reg >= 0 && busy_until_[reg] <= at && holder_[reg] == hint) return reg;
  }
  for (Gpr reg : pool_)
    if (busy_until_[reg] <= at) return reg;
  return -1;
}

Status Registers::place(ValueId v, uint32_t at, ValueId hint) {
  int reg = free_register(at, hint);
  if (reg < 0) {
    Gpr longest = pool_[0];
    for (Gpr candidate : pool_)
      if (busy_until_[candidate] > busy_until_[longest]) longest = candidate;
    if (busy_until_[longest] <= intervals_[index(v)].end) return spill(v);
    if (Status spilled = spill(holder_[longest]); !spilled) return spilled;
    reg = longest;
  }
  places_[index(v)] = {static_cast<int16_t>(reg), -1};
  holder_[reg] = v;
  busy_until_[reg] = intervals_[index(v)].end;
  used_mask_ |= 1u << reg;
  return ok();
}

Status Registers::spill(ValueId v) {
  if (selection_->readable_again(v)) {
    places_[index(v)] = {-1, -1, true};
    reads_again_ = true;
    return ok();
  }
  const Interval interval = intervals_[index(v)];
  size_t slot = 0;
  while (slot < slot_ends_.size() && slot_ends_[slot] > interval.start) ++slot;
  if (slot == slot_ends_.size()) {
    if ((slot + 1) * 8 > IPJIT_MAX_STACK)
      return Error{Stage::kTier1, Code::kTooLong, index(v),
                   "more values are alive at once than registers and " +
                       std::to_string(IPJIT_MAX_STACK) + " bytes of stack hold"};
    slot_ends_.push_back(0);
  }
  slot_ends_[slot] = interval.end;
  places_[index(v)] = {-1, static_cast<int16_t>(slot)};
  return ok();
}

}  // namespace ipjit::tier1
