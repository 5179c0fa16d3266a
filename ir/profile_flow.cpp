// SPDX-License-Identifier: BSD-2-Clause
// One packet's worth of flow through a program, from what a profile knows.
//
// Block order is topological, so one forward walk has seen every way into a block.  Each edge gets
// its block's reach times its share; the shares are those of the source test, whatever way led to
// it, so a block that was copied behind a guard is judged as if the guard had changed nothing.  A
// test that was moved up sees packets that it was never asked about: they go either way, and half
// of them are guessed wrong.
//
// A guard has no counts of its own, but it tests a load or something computed from one with
// constants (`v1 = and v0, 0xfff0`, `br v1 == 80`), and the load has a table: the test is then
// run on the table's values, and what the table has discarded fails it.
//
// Tested by tests/ir/profile_flow_test.cpp.
#include <algorithm>
#include <optional>

#include "ir/arithmetic.h"
#include "ir/profile.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kNoDefinition = 0xffffffff;
constexpr double kUndecided = 0.5;  // mispredictions of a test that nothing is known about
constexpr double kRounding = 1e-3;
constexpr uint32_t kMaxSteps = 8;  // from a load to the test of it

// The test of what constants make out of one load.
class TableTest {
 public:
  TableTest(const Program& program, const std::vector<uint32_t>& definitions, const Term& term)
      : program_(program), term_(term) {
    ValueId id = term.a;
    while (steps_ < kMaxSteps && definitions[index(id)] != kNoDefinition) {
      const Insn& insn = program.insns[definitions[index(id)]];
      if (insn.op == Op::kMeta || load_size(insn.op) != 0) {
        source_ = insn.source;
        return;
      }
      const Operands operands = operands_of(insn.op);
      const bool computed = operands == Operands::kUnary || operands == Operands::kBinary;
      if (!computed || insn.b != kNoValue) return;
      step_[steps_++] = &insn;
      id = insn.a;
    }
  }

  /// The share of the table's values for which the branch is taken.
  std::optional<double> share(const Profile& profile) const {
    const ValueTable* const table = source_ == kNoSource ? nullptr : profile.value(source_);
    if (table == nullptr || table->total == 0 || term_.b != kNoValue) return std::nullopt;
    uint64_t holds = 0;
    for (const ValueTable::Entry& entry : table->top)
      if (taken(entry.value)) holds += entry.count;
    return static_cast<double>(holds) / static_cast<double>(table->total);
  }

 private:
  bool taken(uint64_t value) const {
    for (uint32_t i = steps_; i-- != 0;)
      value = compute(step_[i]->op, step_[i]->type, value, step_[i]->imm);
    if (term_.rel != Rel::kIn) return compare(term_.rel, value, term_.imm);
    const Table& table = program_.tables[term_.table];
    return find_in(table, value) != table.miss;
  }

  const Program& program_;
  const Term& term_;
  const Insn* step_[kMaxSteps] = {};
  uint32_t steps_ = 0;
  uint32_t source_ = kNoSource;
};

class Walk {
 public:
  Walk(const Program& program, const Profile& profile)
      : p_(program), profile_(profile), definitions_(program.values.size(), kNoDefinition) {
    for (uint32_t i = 0; i < p_.insns.size(); ++i)
      if (p_.insns[i].result != kNoValue) definitions_[index(p_.insns[i].result)] = i;
    flow_.reach.resize(p_.blocks.size());
    flow_.taken.resize(p_.blocks.size(), 1);
    flow_.mispredicted.resize(p_.blocks.size());
    flow_.passed.resize(p_.insns.size(), 1);
  }

  Flow run() {
    if (!p_.blocks.empty()) flow_.reach[0] = 1;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      double amount = flow_.reach[b];
      const Block& block = p_.blocks[b];
      for (uint32_t i = block.first; i < block.first + block.count; ++i) {
        if (p_.insns[i].op != Op::kNeed) continue;
        const double passed = passed_share(p_.insns[i]);
        flow_.passed[i] = passed;
        flow_.reach[index(p_.insns[i].fail)] += amount * (1 - passed);
        amount *= passed;
      }
      leave(b, block.term, amount);
    }
    return std::move(flow_);
  }

 private:
  double passed_share(const Insn& need) const {
    const NeedCounts* const counts =
        need.source == kNoSource ? nullptr : profile_.need(need.source);
    if (counts != nullptr && counts->total() != 0)
      return static_cast<double>(counts->passed) / static_cast<double>(counts->total());
    if (need.base != Base::kData || need.a != kNoValue) return 1;
    return profile_.readable_share(need.imm);
  }

  void leave(uint32_t b, const Term& term, double amount) {
    const auto to = [&](const Edge& edge, double share) {
      flow_.reach[index(edge.to)] += amount * share;
    };
    switch (term.kind) {
      case TermKind::kJump:
        to(term.taken, 1);
        return;
      case TermKind::kBranch:
        judge(b, term, amount);
        to(term.taken, flow_.taken[b]);
        to(term.other, 1 - flow_.taken[b]);
        return;
      case TermKind::kSwitch:
        flow_.mispredicted[b] = profile_.mispredict_rate(term.source);
        for (uint32_t i = 0; i < term.case_count; ++i)
          to(p_.cases[term.cases + i].edge, case_share(p_, term, i, profile_));
        to(term.other, case_share(p_, term, term.case_count, profile_));
        return;
      case TermKind::kRet:
      case TermKind::kExit:
      case TermKind::kResume:
      case TermKind::kPull:
        return;
    }
  }

  void judge(uint32_t b, const Term& term, double amount) {
    const BranchCounts* const counts =
        term.source == kNoSource ? nullptr : profile_.branch(term.source);
    if (counts != nullptr && counts->total() != 0) {
      const double asked = known_share(amount, term.source);
      const double unknown = (1 - asked) * kUndecided;
      flow_.taken[b] = asked * profile_.taken_share(term.source) + unknown;
      flow_.mispredicted[b] = asked * profile_.mispredict_rate(term.source) + unknown;
      return;
    }
    const std::optional<double> share = TableTest(p_, definitions_, term).share(profile_);
    flow_.taken[b] = share.value_or(0.5);
    flow_.mispredicted[b] = share ? std::min(*share, 1 - *share) : 0;
  }

  /// Of the packets that come to a test, the share that the source test was asked about.
  double known_share(double amount, uint32_t source) const {
    const double asked = profile_.runs_per_packet(source);
    const bool known = profile_.packets == 0 || amount <= asked * (1 + kRounding);
    return known ? 1 : asked / amount;
  }

  const Program& p_;
  const Profile& profile_;
  std::vector<uint32_t> definitions_;
  Flow flow_;
};

}  // namespace

Flow flow_of(const Program& program, const Profile& profile) {
  return Walk(program, profile).run();
}

std::vector<double> block_counts(const Program& program, const Profile& profile) {
  return flow_of(program, profile).reach;
}

double case_share(const Program& program, const Term& term, uint32_t i, const Profile& profile) {
  const SwitchCounts* const counts = profile.switch_at(term.source);
  const uint64_t total = counts == nullptr ? 0 : counts->total();
  if (total == 0) return 1.0 / (term.case_count + 1);
  if (i == term.case_count) return static_cast<double>(counts->other) / static_cast<double>(total);
  const auto it = counts->cases.find(program.cases[term.cases + i].value);
  return it == counts->cases.end() ? 0
                                   : static_cast<double>(it->second) / static_cast<double>(total);
}

void number_sources(Program& program) {
  uint32_t next = 0;
  const auto taken = [&](uint32_t source) {
    if (source != kNoSource) next = std::max(next, source + 1);
  };
  for (const Insn& insn : program.insns) taken(insn.source);
  for (const Block& block : program.blocks) taken(block.term.source);
  for (Block& block : program.blocks) {
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      Insn& insn = program.insns[i];
      const bool site = insn.op == Op::kNeed || insn.op == Op::kMeta || load_size(insn.op) != 0;
      if (site && insn.source == kNoSource) insn.source = next++;
    }
    const bool site = block.term.kind == TermKind::kBranch || block.term.kind == TermKind::kSwitch;
    if (site && block.term.source == kNoSource) block.term.source = next++;
  }
}

}  // namespace ipjit::ir
