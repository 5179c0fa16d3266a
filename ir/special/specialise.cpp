// SPDX-License-Identifier: BSD-2-Clause
// The passes in order, and the general program behind them.
//
// First what makes the program smaller whatever the traffic is (facts), then what the traffic says
// of single tests (order, shape of sets, values), then its shape: needs go up, so that branches can
// become data flow, so that loads stand beside each other and can become one.  Layout is last: it
// is the order of blocks that is left.  Values are guessed last of what comes before shape, and the
// shape is found twice: with the guesses and without.
//
//   b0: need 34 else b3                    a hoisted need
//       ...                                this traffic's program
//   b3: count 0                            the way out
//       jump b4
//   b4: ...                                the general program, once, as it was
//
// Behind the way out nothing is shared with what came before: packets that left are judged as if
// nothing had happened.  Without a way out the general program is not appended at all.
//
// Tested by tests/special/.
#include "ir/special/specialise.h"

#include <span>

#include "ir/edges.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

struct Pass {
  bool Choices::*chosen;
  bool (*run)(Work&);
  bool tidies;  ///< not behind layout: threading could only spoil its order
};

constexpr Pass kBeforeGuards[] = {
    {&Choices::fold_facts, fold_facts, true},
    {&Choices::order_terms, order_terms, true},
    {&Choices::set_shapes, set_shapes, true},
};
constexpr Pass kBehindGuards[] = {
    {&Choices::hoist_needs, hoist_needs, true},
    {&Choices::if_convert, if_convert, true},
    {&Choices::wide_loads, wide_loads, true},
    {&Choices::layout, layout, false},
};
constexpr double kGuardsGain = 0.2;  // cycles per packet that guards must save in the end

uint32_t size_of(const auto& vector) { return static_cast<uint32_t>(vector.size()); }

/// Where the general program's things go in the pools of the other.
struct Offsets {
  uint32_t blocks, insns, values, params, edge_args, cases, tables;

  ValueId moved(ValueId id) const { return id == kNoValue ? id : ValueId{index(id) + values}; }
  BlockId moved(BlockId id) const { return id == kNoBlock ? id : BlockId{index(id) + blocks}; }
};

void append_insns(Program& p, const Program& general, const Offsets& off) {
  for (Insn insn : general.insns) {
    insn.result = off.moved(insn.result);
    insn.a = off.moved(insn.a);
    insn.b = off.moved(insn.b);
    insn.fail = off.moved(insn.fail);
    if (insn.op == Op::kFind) insn.table += off.tables;
    p.insns.push_back(insn);
  }
}

void append_blocks(Program& p, const Program& general, const Offsets& off) {
  const auto move_edge = [&](Edge& edge) {
    edge.to = off.moved(edge.to);
    edge.args += off.edge_args;
  };
  for (const Case& c : general.cases) move_edge(p.cases.emplace_back(c).edge);
  for (Block block : general.blocks) {
    block.first += off.insns;
    block.params += off.params;
    Term& term = block.term;
    term.a = off.moved(term.a);
    term.b = off.moved(term.b);
    term.cases += off.cases;
    if (term.kind == TermKind::kBranch && term.rel == Rel::kIn) term.table += off.tables;
    if (term.taken.to != kNoBlock) move_edge(term.taken);
    if (term.other.to != kNoBlock) move_edge(term.other);
    p.blocks.push_back(block);
  }
}

/// Gives: the first block of the general program.
BlockId append(Program& p, const Program& general) {
  const Offsets off{size_of(p.blocks),    size_of(p.insns), size_of(p.values), size_of(p.params),
                    size_of(p.edge_args), size_of(p.cases), size_of(p.tables)};
  p.values.insert(p.values.end(), general.values.begin(), general.values.end());
  for (ValueId param : general.params) p.params.push_back(off.moved(param));
  for (ValueId arg : general.edge_args) p.edge_args.push_back(off.moved(arg));
  p.tables.insert(p.tables.end(), general.tables.begin(), general.tables.end());
  append_insns(p, general, off);
  append_blocks(p, general, off);
  return BlockId{off.blocks};
}

/// Gives: whether there is a way out.
bool connect(Work& work) {
  std::vector<uint32_t> ways_out;
  for (uint32_t b = 0; b < work.program.blocks.size(); ++b)
    if (is_leave(work, work.program.blocks[b])) ways_out.push_back(b);
  if (ways_out.empty()) return false;
  const BlockId entry = append(work.program, work.general);
  for (uint32_t b : ways_out)
    work.program.blocks[b].term = jump_along({.to = entry, .args = 0, .arg_count = 0}, kNoSource);
  return true;
}

void run(std::span<const Pass> passes, Work& work, const Choices& choices) {
  for (const Pass& pass : passes) {
    if (!(choices.*pass.chosen) || !pass.run(work)) continue;
    if (pass.tidies) tidy(work);
  }
}

/// Only in the end can be said what guards are worth: all other passes run with and without them.
void run_all(Work& work, const Choices& choices) {
  run(kBeforeGuards, work, choices);
  Work guarded = work;
  const bool has_guards = choices.guards && guards(guarded);
  if (!has_guards) work.log = guarded.log;
  run(kBehindGuards, work, choices);
  if (!has_guards) return;
  tidy(guarded);
  run(kBehindGuards, guarded, choices);
  const double without = cycles_with_leaving(work);
  const double with = cycles_with_leaving(guarded);
  const std::string what = std::to_string(with) + " cycles with guards in the end, " +
                           std::to_string(without) + " without";
  if (without - with < kGuardsGain) return work.say("guards", "dropped: " + what);
  work.program = std::move(guarded.program);
  work.profile = std::move(guarded.profile);
  work.log = std::move(guarded.log);
  work.say("guards", "kept: " + what);
}

}  // namespace

Specialised specialise(const Program& general, const Profile& profile, const Facts& facts,
                       const Choices& choices) {
  Work work{general, general, profile, facts, choices, {}, {}};
  work.ws.profiled = true;
  run_all(work, choices);
  Specialised made;
  made.counters = connect(work) ? 1 : 0;
  if (made.counters == 0) work.program.counters = general.counters;
  made.changed = work.program != general;
  made.program = std::move(work.program);
  made.log = std::move(work.log);
  made.profile = std::move(work.profile);
  return made;
}

}  // namespace ipjit::ir
