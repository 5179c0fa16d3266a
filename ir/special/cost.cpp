// SPDX-License-Identifier: BSD-2-Clause
// What a program is expected to cost for a packet of a profile.
//
// Work plus surprises: each block's instructions and ending count as often as packets reach it, and
// each wrong guess costs a refilled pipeline.
//
// What an instruction costs is not what a table of instructions says.  On fresh packets the
// processor waits for memory and meanwhile runs the packets behind, as many as its window of some
// hundred instructions holds: an instruction more is a packet less in the window.  So a plain one
// costs 0.4 of a cycle, although six are run in one where all data is near, and a branch that is
// guessed right costs less than the data flow that could stand for it.  Left out: how many
// registers there are, and what waits for what.  docs/tier2.md has the measured error.
//
// Tested by tests/ir/cost_test.cpp; compared with measured times by bench/micro/model_bench.cpp.
#include "ir/special/cost.h"

#include <algorithm>
#include <cmath>

namespace ipjit::ir {

constexpr CostTable kCosts = {.ghz = 3,
                              .call = 5,
                              .packet = 5,
                              .simple = 0.4,
                              .test = 1.2,
                              .multiply = 1.4,
                              .divide = 5.5,
                              .need = 0.3,
                              .branch = 0.4,
                              .jump = 0.7,
                              .probe = 4,
                              .probe_miss = 3,
                              .found = 2.4,
                              .count = 0.9,
                              .mispredict = 30,
                              .leaving = 40};

namespace {

constexpr uint64_t kFirstCache = 24 << 10;  // bytes of it that a table may count on
constexpr uint32_t kInARow = 4;             // cases that tiers compare one after the other

double probe_cost(const Table& table, const CostTable& costs) {
  if (is_array(table.key_bits)) return array_probe(costs);
  const uint64_t keys = table.entries.size();
  const uint64_t bytes = table.key_bits <= 16 ? 8192 : 2 * keys * (table.key_bits == 64 ? 8 : 4);
  return costs.probe + (bytes > kFirstCache ? costs.probe_miss : 0);
}

/// Compares until case `i` of a switch is found.
double compares(uint32_t cases, uint32_t i) {
  if (cases <= kInARow) return std::min(i + 1, cases);
  return 2 * std::log2(static_cast<double>(cases) / kInARow) + 0.5 * kInARow;
}

/// The moves of an edge's arguments and the way to where it leads.
double edge_cost(const Edge& edge, uint32_t from, const CostTable& costs) {
  const double moves = edge.arg_count * costs.simple;
  return moves + (index(edge.to) == from + 1 ? 0 : costs.jump);
}

class Sum {
 public:
  Sum(const Program& program, const Profile& profile, const CostTable& costs)
      : p_(program), profile_(profile), costs_(costs), flow_(flow_of(program, profile)) {}

  Cost run() {
    cost_.cycles = costs_.call + (reads_packet() ? costs_.packet : 0);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (flow_.reach[b] > 0) add(b);
    cost_.cycles += cost_.mispredicts * costs_.mispredict;
    return cost_;
  }

 private:
  bool reads_packet() const {
    return std::any_of(p_.insns.begin(), p_.insns.end(),
                       [](const Insn& insn) { return load_size(insn.op) != 0; });
  }

  void add(uint32_t b) {
    const Block& block = p_.blocks[b];
    double amount = flow_.reach[b];
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      cost_.cycles += amount * cost_of(p_, p_.insns[i], costs_);
      cost_.instructions += amount;
      if (p_.insns[i].op != Op::kNeed) continue;
      const double failed = 1 - flow_.passed[i];
      cost_.cycles += amount * failed * costs_.jump;
      cost_.mispredicts += amount * std::min(failed, flow_.passed[i]);
      amount *= flow_.passed[i];
    }
    cost_.instructions += amount;
    cost_.mispredicts += amount * flow_.mispredicted[b];
    cost_.cycles += amount * (block.term.kind == TermKind::kSwitch
                                  ? switch_cost(b)
                                  : cost_of(p_, block.term, costs_) + edges(b));
  }

  double edges(uint32_t b) const {
    const Term& term = p_.blocks[b].term;
    if (term.kind == TermKind::kJump) return edge_cost(term.taken, b, costs_);
    if (term.kind != TermKind::kBranch) return 0;
    return flow_.taken[b] * edge_cost(term.taken, b, costs_) +
           (1 - flow_.taken[b]) * edge_cost(term.other, b, costs_);
  }

  double switch_cost(uint32_t b) const {
    const Term& term = p_.blocks[b].term;
    double cycles = 0;
    for (uint32_t i = 0; i <= term.case_count; ++i) {
      const Edge& edge = i == term.case_count ? term.other : p_.cases[term.cases + i].edge;
      cycles += case_share(p_, term, i, profile_) *
                (compares(term.case_count, i) * costs_.branch + edge_cost(edge, b, costs_));
    }
    return cycles;
  }

  const Program& p_;
  const Profile& profile_;
  const CostTable& costs_;
  const Flow flow_;
  Cost cost_;
};

}  // namespace

Cost expected_cost(const Program& program, const Profile& profile, const CostTable& costs) {
  return Sum(program, profile, costs).run();
}

double cost_of(const Program& program, const Insn& insn, const CostTable& costs) {
  switch (insn.op) {
    case Op::kConst:
      return 0;  // an operand of what uses it
    case Op::kNeed:
      return costs.need + (insn.a == kNoValue ? 0 : costs.simple);
    case Op::kLoad8:
    case Op::kLoadBe16:
    case Op::kLoadBe32:
    case Op::kLoadBe64:
    case Op::kLoadLe16:
    case Op::kLoadLe32:
    case Op::kLoadLe64:
    case Op::kMeta:
    case Op::kAdd:
    case Op::kSub:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kShl:
    case Op::kShr:
    case Op::kNeg:
    case Op::kBswap:
    case Op::kZext:
    case Op::kTrunc:
      return costs.simple;
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kAny:
      return costs.test;
    case Op::kMul:
      return costs.multiply;
    case Op::kDiv:
    case Op::kMod:
      return costs.divide;
    case Op::kFind:
      // A branch uses the probe's flags as they are, and where it skips the next probe, that one
      // is no work.  A value is set, widened and waited for, and there are as many as probes.
      return probe_cost(program.tables[insn.table], costs) +
             (is_array(program.tables[insn.table].key_bits) ? 0 : costs.found);
    case Op::kEffect:
    case Op::kCount:
      return costs.count;
  }
  return costs.simple;
}

double cost_of(const Program& program, const Term& term, const CostTable& costs) {
  switch (term.kind) {
    case TermKind::kBranch:
      return costs.branch +
             (term.rel == Rel::kIn ? probe_cost(program.tables[term.table], costs) : 0);
    case TermKind::kSwitch:
      return compares(term.case_count, term.case_count / 2) * costs.branch;
    case TermKind::kJump:
    case TermKind::kRet:
    case TermKind::kExit:
    case TermKind::kResume:
    case TermKind::kPull:
      return 0;  // entering and leaving is CostTable::call, where a jump leads the edge's
  }
  return 0;
}

}  // namespace ipjit::ir
