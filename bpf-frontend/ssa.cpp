// SPDX-License-Identifier: BSD-2-Clause
// SSA in one forward walk.
//
// Jumps go forward, so when a block is entered all ways into it are known, with the values that A,
// X and M[] have on each.  Only live registers are compared, and only where the ways differ does
// the block get a parameter:
//
//   b0: ... br v0 == 1 -> b1, b2          A = v0 on both ways
//   b1: v1 = const 7; jump b3(v1)         X = v1
//   b2: v2 = const 9; jump b3(v2)         X = v2
//   b3(v3): ... A is v0, X is v3
//
// The ways that wait for a block are a list through one pool, and so are their values: no
// allocation for a block or an edge.
//
// Hazard: a value that all ways agree on dominates the block, because its definition dominates the
// end of each way; a register that is not live at a target is not recorded, so it must not be read.
#include "bpf-frontend/ssa.h"

#include <algorithm>
#include <bit>

#include "ipjit/error.h"

namespace ipjit::bpf {

using ir::BlockId;
using ir::Edge;
using ir::Op;
using ir::Term;
using ir::TermKind;
using ir::Type;
using ir::ValueId;

namespace {
constexpr size_t kSpare =
    8;  // `ldx 4*([k]&0xf)` makes three values, and there is hardly more than one
}  // namespace

Ssa::Ssa(const Flow& flow, ir::Program& program, Missing missing)
    : flow_(flow), program_(program), missing_(missing) {
  regs_.fill(ir::kNoValue);
  heads_.resize(flow.steps.size());
  arrivals_.reserve(size_t{flow.leaders} * 2);
  values_.reserve(size_t{flow.leaders} * 2);
  program.blocks.reserve(flow.leaders + 2);
  program.insns.reserve(size_t{flow.straight} * 2 + kSpare);
  program.values.reserve(flow.straight + kSpare);
  max_.reserve(flow.straight + kSpare);
  needs_.reserve(flow.straight);
}

void Ssa::enter_first() {
  begin();
  RegMask live = flow_.steps[0].live;
  if (live == 0) return;
  ValueId zero = emit({.op = Op::kConst}, 0);
  for (; live != 0; live &= live - 1) set(static_cast<uint32_t>(std::countr_zero(live)), zero);
}

void Ssa::enter(uint32_t pc) {
  IPJIT_CHECK(!open_ && heads_[pc] != 0);
  begin();
  join(pc);
}

// Completes the edges to the block that is being opened.
void Ssa::join(uint32_t pc) {
  uint32_t first = heads_[pc];
  uint32_t slot = 0;
  RegMask differ = 0;  // by slot
  for (RegMask live = flow_.steps[pc].live; live != 0; live &= live - 1, ++slot) {
    ValueId value = join_values(first, slot);
    if (value == ir::kNoValue) {
      differ |= 1u << slot;
      uint32_t max = 0;
      for (uint32_t at = first; at != 0; at = arrivals_[at - 1].next)
        max = std::max(max, this->max(values_[arrivals_[at - 1].values + slot]));
      value = add_param(max);
    }
    set(static_cast<uint32_t>(std::countr_zero(live)), value);
  }
  uint32_t count = static_cast<uint32_t>(program_.params.size()) - params_;
  for (uint32_t at = first; at != 0; at = arrivals_[at - 1].next) {
    const Arrival& arrival = arrivals_[at - 1];
    edge_of(arrival) = {.to = block(),
                        .args = static_cast<uint32_t>(program_.edge_args.size()),
                        .arg_count = count};
    for (RegMask left = differ; left != 0; left &= left - 1)
      program_.edge_args.push_back(
          values_[arrival.values + static_cast<uint32_t>(std::countr_zero(left))]);
  }
}

// The value that all ways agree on, or kNoValue.
ValueId Ssa::join_values(uint32_t first, uint32_t slot) {
  ValueId value = values_[arrivals_[first - 1].values + slot];
  for (uint32_t at = arrivals_[first - 1].next; at != 0; at = arrivals_[at - 1].next)
    if (values_[arrivals_[at - 1].values + slot] != value) return ir::kNoValue;
  return value;
}

Edge& Ssa::edge_of(const Arrival& arrival) {
  Term& term = program_.blocks[arrival.block].term;
  return arrival.taken ? term.taken : term.other;
}

ValueId Ssa::new_value(uint32_t max) {
  max_.push_back(max);
  return program_.add_value(Type::kU32);
}

ValueId Ssa::add_param(uint32_t max) {
  ValueId value = new_value(max);
  program_.params.push_back(value);
  return value;
}

ValueId Ssa::emit(ir::Insn insn, uint32_t max) {
  insn.type = Type::kU32;
  insn.result = new_value(max);
  program_.insns.push_back(insn);
  return insn.result;
}

void Ssa::need(ValueId base, uint64_t imm, uint32_t source) {
  needs_.push_back(static_cast<uint32_t>(program_.insns.size()));
  program_.insns.push_back({.op = Op::kNeed, .a = base, .imm = imm, .source = source});
}

void Ssa::begin() {
  open_ = true;
  first_ = static_cast<uint32_t>(program_.insns.size());
  params_ = static_cast<uint32_t>(program_.params.size());
}

void Ssa::close(const Term& term) {
  ir::Block& block = program_.blocks.emplace_back();
  block.first = first_;
  block.count = static_cast<uint32_t>(program_.insns.size()) - first_;
  block.params = params_;
  block.param_count = static_cast<uint32_t>(program_.params.size()) - params_;
  block.term = term;
  open_ = false;
}

// The block that was closed last goes to pc.
void Ssa::arrive(uint32_t pc, bool taken) {
  arrivals_.push_back({.next = heads_[pc],
                       .block = static_cast<uint32_t>(program_.blocks.size() - 1),
                       .taken = taken,
                       .values = static_cast<uint32_t>(values_.size())});
  heads_[pc] = static_cast<uint32_t>(arrivals_.size());
  for (RegMask live = flow_.steps[pc].live; live != 0; live &= live - 1)
    values_.push_back(get(static_cast<uint32_t>(std::countr_zero(live))));
}

void Ssa::ret(ValueId value, uint32_t imm, uint32_t source) {
  close({.kind = TermKind::kRet, .a = value, .imm = imm, .source = source});
}

void Ssa::jump(uint32_t pc, uint32_t source) {
  close({.kind = TermKind::kJump, .source = source});
  arrive(pc, true);
}

void Ssa::branch(const Term& condition, uint32_t taken_pc, uint32_t other_pc) {
  close(condition);
  arrive(taken_pc, true);
  arrive(other_pc, false);
}

void Ssa::reject_if(const Term& condition) {
  Term term = condition;
  term.other = {.to = BlockId{index(block()) + 1}};
  close(term);
  arrive(flow_.end(), true);
  begin();
}

void Ssa::pull(uint32_t source) { close({.kind = TermKind::kPull, .source = source}); }

void Ssa::pull_if(const Term& condition) {
  pulls_.push_back(index(block()));
  Term term = condition;
  term.other = {.to = BlockId{index(block()) + 1}};
  close(term);
  begin();
}

void Ssa::split(const Term& term) {
  close(term);
  begin();
}

Edge Ssa::edge_to(BlockId to, ValueId arg) {
  program_.edge_args.push_back(arg);
  return {.to = to, .args = static_cast<uint32_t>(program_.edge_args.size() - 1), .arg_count = 1};
}

void Ssa::finish() {
  IPJIT_CHECK(!open_);
  const bool rejected = heads_[flow_.end()] != 0;
  const bool pulls = missing_ == Missing::kPull;
  if (rejected || (!pulls && !needs_.empty())) {
    if (rejected)
      enter(flow_.end());
    else
      begin();
    ret(ir::kNoValue, 0, flow_.reject);
  }
  if (pulls && (!needs_.empty() || !pulls_.empty())) {
    begin();
    pull(ir::kNoSource);
  }
  const BlockId last{index(block()) - 1};
  for (uint32_t need : needs_) program_.insns[need].fail = last;
  for (uint32_t branch : pulls_) program_.blocks[branch].term.taken = {.to = last};
}

}  // namespace ipjit::bpf
