// SPDX-License-Identifier: BSD-2-Clause
// The passes in order, and the general program behind them.
//
// First what makes the program smaller whatever the traffic is (facts), then what the traffic says
// of single tests (order, shape of sets, values), then its shape: needs go up, so that branches can
// become data flow, so that loads stand beside each other and can become one.  Layout is last: it
// is the order of blocks that is left.  What order and guesses are worth shows only when the shape
// is found: a test that leaves most packets to the next one is worth asking first, unless all
// become one comparison.  So each choice is carried to the end, and the cheapest whole is kept.
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
#include "ir/passes/sets.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

struct Pass {
  bool Choices::*chosen;
  bool (*run)(Work&);
  bool tidies;  ///< not behind layout: threading could only spoil its order
};

constexpr Pass kFacts[] = {{&Choices::fold_facts, fold_facts, true}};
constexpr Pass kOrder[] = {{&Choices::order_terms, order_terms, true}};
constexpr Pass kSets[] = {{&Choices::set_shapes, set_shapes, true}};
constexpr Pass kBehindGuards[] = {
    {&Choices::hoist_needs, hoist_needs, true},
    {&Choices::if_convert, if_convert, true},
    {&Choices::wide_loads, wide_loads, true},
    {&Choices::layout, layout, false},
};
constexpr size_t kLarge = 400;  // instructions: choices of guards and orders are not tried out
constexpr double kMostLeave = 0.05;
// Cycles: filters c and j with and without constant places, against what the model says of them.
constexpr double kWaiting = 1;

constexpr double kGain = 0.2;  // cycles per packet that a choice must save in the end

uint32_t size_of(const auto& vector) { return static_cast<uint32_t>(vector.size()); }

/// Where the general program's things go in the pools of the other.
struct Moves {
  uint32_t blocks, insns, values, params, edge_args, cases;
  std::vector<uint32_t> tables;  ///< by the general program's: equal ones are one, also in cache

  ValueId moved(ValueId id) const { return id == kNoValue ? id : ValueId{index(id) + values}; }
  BlockId moved(BlockId id) const { return id == kNoBlock ? id : BlockId{index(id) + blocks}; }
};

void append_insns(Program& p, const Program& general, const Moves& to) {
  for (Insn insn : general.insns) {
    insn.result = to.moved(insn.result);
    insn.a = to.moved(insn.a);
    insn.b = to.moved(insn.b);
    insn.fail = to.moved(insn.fail);
    if (insn.op == Op::kFind) insn.table = to.tables[insn.table];
    p.insns.push_back(insn);
  }
}

void append_blocks(Program& p, const Program& general, const Moves& to) {
  const auto move_edge = [&](Edge& edge) {
    edge.to = to.moved(edge.to);
    edge.args += to.edge_args;
  };
  for (const Case& c : general.cases) move_edge(p.cases.emplace_back(c).edge);
  for (Block block : general.blocks) {
    block.first += to.insns;
    block.params += to.params;
    Term& term = block.term;
    term.a = to.moved(term.a);
    term.b = to.moved(term.b);
    term.cases += to.cases;
    if (term.kind == TermKind::kBranch && term.rel == Rel::kIn) term.table = to.tables[term.table];
    if (term.taken.to != kNoBlock) move_edge(term.taken);
    if (term.other.to != kNoBlock) move_edge(term.other);
    p.blocks.push_back(block);
  }
}

/// Gives: the first block of the general program.
BlockId append(Program& p, const Program& general) {
  Moves to{size_of(p.blocks),
           size_of(p.insns),
           size_of(p.values),
           size_of(p.params),
           size_of(p.edge_args),
           size_of(p.cases),
           {}};
  for (const Table& table : general.tables) to.tables.push_back(one_of(p.tables, table));
  p.values.insert(p.values.end(), general.values.begin(), general.values.end());
  for (ValueId param : general.params) p.params.push_back(to.moved(param));
  for (ValueId arg : general.edge_args) p.edge_args.push_back(to.moved(arg));
  append_insns(p, general, to);
  append_blocks(p, general, to);
  return BlockId{to.blocks};
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

/// Gives: whether one of them changed anything.
bool run(std::span<const Pass> passes, Work& work, const Choices& choices) {
  bool changed = false;
  for (const Pass& pass : passes) {
    if (!(choices.*pass.chosen) || !pass.run(work)) continue;
    changed = true;
    if (pass.tidies) tidy(work);
  }
  return changed;
}

/// A program that is finished but for the way out, and what made it differ from the others.
struct Variant {
  Work work;
  std::string name;
  double cycles = 0;
};

/// How many loads of a packet wait for a value that was loaded before: their place hangs on it.
double loads_that_wait(const Work& work) {
  const std::vector<double> reach = block_counts(work.program, work.profile);
  double loads = 0;
  for (uint32_t b = 0; b < reach.size(); ++b)
    for (const Insn& insn : work.program.insns_of(work.program.blocks[b]))
      if (load_size(insn.op) != 0 && insn.a != kNoValue) loads += reach[b];
  return loads;
}

void finish(std::vector<Variant>& variants, Work work, std::string name, const Choices& choices) {
  tidy(work);
  run(kBehindGuards, work, choices);
  const double cycles = cycles_with_leaving(work) + kWaiting * loads_that_wait(work);
  if (leaving_share(work) > kMostLeave) return;
  variants.push_back({std::move(work), std::move(name), cycles});
}

/// Every choice among the fields that may be asked for at the entry; the first is in each.
void try_entry_guards(std::vector<Variant>& variants, const Work& work, const std::string& order,
                      const Choices& choices) {
  if (work.program.insns.size() > kLarge) return;
  const std::vector<EntryGuard> sites = entry_guard_sites(work);
  for (uint32_t set = 1; set < 1u << sites.size(); set += 2) {
    Work made = work;
    std::vector<EntryGuard> guards;
    std::string name = order + "entry asks";
    for (uint32_t i = 0; i < sites.size(); ++i) {
      if ((set >> i & 1) == 0) continue;
      guards.push_back(sites[i]);
      name += " " + std::string(word_of(sites[i].load.op)) + " " +
              std::to_string(sites[i].load.imm) + " == " + std::to_string(sites[i].value);
    }
    guard_entry(made, guards);
    finish(variants, std::move(made), name, choices);
  }
}

/// With tests in one order: no guards, and every choice of them.
void try_guards(std::vector<Variant>& variants, const Work& work, const std::string& order,
                const Choices& choices) {
  Work plain = work;
  Work guarded = work;
  const bool has_guards = choices.guards && guards(guarded);
  if (!has_guards) plain.log = guarded.log;  // which say why
  finish(variants, std::move(plain), order + "no guards", choices);
  if (!choices.guards) return;
  if (has_guards)
    finish(variants, std::move(guarded), order + "guards where fields are read", choices);
  try_entry_guards(variants, work, order, choices);
}

/// Only in the end can be said what orders and guards are worth: all other passes run with each.
std::vector<Variant> variants_of(const Work& work, const Choices& choices) {
  std::vector<Variant> variants;
  Work ordered = work;
  const bool reordered = run(kOrder, ordered, choices);
  run(kSets, ordered, choices);
  try_guards(variants, ordered, "", choices);
  if (!reordered || work.program.insns.size() > kLarge) return variants;
  Work as_is = work;
  as_is.say("order_terms", "tests stay as they stand");
  run(kSets, as_is, choices);
  try_guards(variants, as_is, "as they stand, ", choices);
  return variants;
}

/// The cheapest; the first, unless another is so by more than noise of the model.
const Variant& best_of(const std::vector<Variant>& variants) {
  const Variant* best = &variants[0];
  for (const Variant& v : variants)
    if (v.cycles < best->cycles && variants[0].cycles - v.cycles >= kGain) best = &v;
  return *best;
}

void run_all(Work& work, const Choices& choices) {
  run(kFacts, work, choices);
  const std::vector<Variant> variants = variants_of(work, choices);
  if (variants.empty()) {
    run(kOrder, work, choices);
    run(kSets, work, choices);
    work.say("guards", "nothing that could leave: too many packets would");
    if (choices.layout) layout(work);
    return;
  }
  const Variant& best = best_of(variants);
  work.log = best.work.log;
  if (variants.size() > 1) {
    std::string what = best.name + ": " + decimals(best.cycles) + " cycles";
    if (&best != &variants[0])
      what += "; " + variants[0].name + ": " + decimals(variants[0].cycles);
    work.say("best", what + "; of " + std::to_string(variants.size()) + " wholes");
  }
  work.program = best.work.program;
  work.profile = best.work.profile;
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
