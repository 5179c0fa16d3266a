// SPDX-License-Identifier: BSD-2-Clause
// Puts first what decides most packets at the least cost.
//
//   b1: br v0 == 22 -> b7, b2        4 %       b1: br v0 == 443 -> b9, b2       83 %
//   b2: br v0 == 80 -> b8, b3       10 %  ==>  b2: br v0 == 80 -> b8, b3
//   b3: br v0 == 443 -> b9, b4      83 %       b3: br v0 == 22 -> b7, b4
//
// Tests in a row (test_chain.h) may be asked in many orders.  Asking a test first pays by the share
// of packets that it sends off for each cycle it costs, its mispredictions among them; greedily
// taking the best one that may come next is the best order where all may come next.
//
// A profile knows how often a test left when it was asked.  If it excludes all tests before it,
// that times the share that came there is how often it leaves wherever it is asked; otherwise it is
// taken to leave as often of those that it knows (as if tests were independent), and packets that
// it was never asked about go either way and are guessed wrong half of the time, as flow_of() has
// it. Either may be wrong, and then costs time, not truth.
//
// Switches whose packets mostly take one case get a test of that case in front (peel_cases).
//
// Source numbers: a test keeps its own, and so its share, unless others had sent off what it now
// sees; then its value's table knows better, if there is one.
//
// Cost: one walk, quadratic in a row; rows have a limit.  Tested by tests/special/.
#include <algorithm>

#include "ir/edges.h"
#include "ir/special/block_order.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"
#include "ir/special/peel_cases.h"
#include "ir/special/test_chain.h"

namespace ipjit::ir {
namespace {

constexpr double kLeastGain = 0.1;    // cycles per packet; less is noise of the model
constexpr double kUndecided = 0.5;    // of packets that a test was never asked about
constexpr double kSome = 1e-6;        // a share, so that tests that never leave compare too
constexpr double kClearly = 1.1;      // better by less than this is as good
constexpr double kLeastReach = 0.01;  // of packets, for a row to be worth looking at
constexpr uint64_t kLeastRuns = 32;   // of a test, for its share to mean something

/// How far a test is from always going one way: its mispredictions cannot be more.
double doubt(double share) { return std::min(share, 1 - share); }

/// What a unit of a row is expected to do.
struct Expected {
  double leaves = 0;  ///< share of the packets that are asked; of all that come, if `exclusive`
  bool exclusive = false;  ///< excludes all units before it
  double cycles = 0;       ///< of one run, predicted
  double asked = 1;        ///< share of the row's packets that the profile has seen here
  double missed = 0;       ///< mispredictions of a run
  double doubts = 1;       ///< mispredictions in the share that doubt() allows
};

class OrderTerms {
 public:
  explicit OrderTerms(Work& work)
      : work_(work), p_(work.program), flow_(flow_of(p_, work.profile)), chains_(p_) {
    source_of_.assign(p_.values.size(), kNoSource);
    for (const Insn& insn : p_.insns)
      if (insn.result != kNoValue) source_of_[index(insn.result)] = insn.source;
  }

  bool run() {
    std::vector<uint8_t> in_row(p_.blocks.size(), 0);
    std::vector<std::vector<TestUnit>> rows;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (in_row[b] != 0 || flow_.reach[b] < kLeastReach) continue;
      if (p_.blocks[b].term.kind != TermKind::kBranch) continue;
      std::vector<TestUnit> row = chains_.at(b);
      for (const TestUnit& unit : row) in_row[unit.block] = 1;
      if (row.size() >= 2) rows.push_back(std::move(row));
    }
    bool changed = false;
    for (const std::vector<TestUnit>& row : rows) changed |= order(row);
    if (changed) reorder_blocks(p_, forward_order(p_));
    return changed;
  }

 private:
  bool order(const std::vector<TestUnit>& units) {
    expect(units);
    const std::vector<uint32_t> best = best_order(units);
    std::vector<uint32_t> as_is(units.size());
    for (uint32_t i = 0; i < as_is.size(); ++i) as_is[i] = i;
    if (best == as_is) return false;
    const double reach = flow_.reach[units[0].block];
    const double before = cost(units, as_is) * reach;
    const double after = cost(units, best) * reach;
    const std::string what = "b" + std::to_string(units[0].block) + ", " +
                             std::to_string(units.size()) + " tests: " + decimals(before) +
                             " cycles as they stand, " + decimals(after) + " reordered";
    if (before - after < kLeastGain) {
      work_.say("order_terms", what + ", left alone");
      return false;
    }
    work_.say("order_terms", what);
    write(units, best);
    return true;
  }

  void expect(const std::vector<TestUnit>& units) {
    expected_.assign(units.size(), {});
    const double come = std::max(flow_.reach[units[0].block], kLeastReach);
    for (uint32_t i = 0; i < units.size(); ++i) {
      const TestUnit& unit = units[i];
      const Block& block = p_.blocks[unit.block];
      Expected& e = expected_[i];
      const double taken = flow_.taken[unit.block];
      double leaves = unit.leaves_taken ? taken : 1 - taken;
      double passed = 1;
      for (uint32_t k = unit.first; k < unit.first + unit.count; ++k) {
        e.cycles += cost_of(p_, p_.insns[k]);
        passed *= flow_.passed[k];
      }
      e.cycles += cost_of(p_, block.term);
      leaves = 1 - passed * (1 - leaves);
      if (!is_known(block.term)) leaves = 0;
      e.asked = std::min(1.0, flow_.reach[unit.block] / come);
      e.missed = flow_.mispredicted[unit.block];
      e.doubts =
          doubt(leaves) > 0 ? std::min(1.0, flow_.mispredicted[unit.block] / doubt(leaves)) : 1;
      e.exclusive = std::all_of(units.begin(), units.begin() + i,
                                [&](const TestUnit& before) {
                                  return !before.has_needs && exclude_each_other(p_, before, unit);
                                }) &&
                    !unit.has_needs;
      e.leaves = e.exclusive ? leaves * e.asked : leaves;
    }
  }

  bool is_known(const Term& t) const {
    const BranchCounts* counts = work_.profile.branch(t.source);
    return counts != nullptr && counts->total() >= kLeastRuns;
  }

  /// Of `asked` packets, the share that a unit was never asked about.
  double strangers(uint32_t i, double asked) const {
    return asked <= expected_[i].asked ? 0 : 1 - expected_[i].asked / asked;
  }

  /// The share of those asked that leave, when `asked` of all that came are still there.
  double leaves_now(uint32_t i, double asked) const {
    const Expected& e = expected_[i];
    if (e.exclusive) return asked <= e.leaves ? 1 : e.leaves / asked;
    const double unknown = strangers(i, asked);
    return (1 - unknown) * e.leaves + unknown * kUndecided;
  }

  double cycles_now(uint32_t i, double asked, double leaves) const {
    const Expected& e = expected_[i];
    const double unknown = strangers(i, asked);
    const double missed =
        e.exclusive ? e.doubts * doubt(leaves) : (1 - unknown) * e.missed + unknown * kUndecided;
    return e.cycles + kCosts.mispredict * missed;
  }

  double cost(const std::vector<TestUnit>& units, const std::vector<uint32_t>& order) const {
    double cycles = 0;
    double asked = 1;
    for (uint32_t at = 0; at < units.size(); ++at) {
      const double leaves = leaves_now(order[at], asked);
      cycles += asked * cycles_now(order[at], asked, leaves);
      asked *= 1 - leaves;
    }
    return cycles;
  }

  std::vector<uint32_t> best_order(const std::vector<TestUnit>& units) const {
    std::vector<uint32_t> order;
    std::vector<uint8_t> placed(units.size(), 0);
    double asked = 1;
    while (order.size() < units.size()) {
      uint32_t best = static_cast<uint32_t>(units.size());
      double most = 0;
      for (uint32_t i = 0; i < units.size(); ++i) {
        const bool may = placed[i] == 0 && std::ranges::all_of(units[i].after, [&](uint32_t u) {
                           return placed[u] != 0;
                         });
        if (!may) continue;
        const double leaves = leaves_now(i, asked);
        const double worth = (leaves + kSome) / cycles_now(i, asked, leaves);
        if (worth <= most * kClearly) continue;
        most = worth;
        best = i;
      }
      placed[best] = 1;
      order.push_back(best);
      asked *= 1 - leaves_now(best, asked);
    }
    return order;
  }

  // --- rewriting
  /// Writes the units in this order into the row's blocks.  Edges may then go back until the blocks
  /// are put in order.
  void write(const std::vector<TestUnit>& units, const std::vector<uint32_t>& order) {
    std::vector<Block> made;
    const uint32_t last = static_cast<uint32_t>(units.size() - 1);
    const Edge behind = onward(units[last]);
    for (uint32_t at = 0; at <= last; ++at) {
      const TestUnit& unit = units[order[at]];
      Block block = p_.blocks[units[at].block];
      take_insns(block, unit, at == 0 ? units[0].first - block.first : 0);
      block.term = p_.blocks[unit.block].term;
      Edge& next = unit.leaves_taken ? block.term.other : block.term.taken;
      next = at == last ? behind : Edge{BlockId{units[at + 1].block}, 0, 0};
      if (expected_[order[at]].exclusive && order[at] != at && has_table(block.term.a))
        block.term.source = kNoSource;
      made.push_back(block);
    }
    for (uint32_t at = 0; at <= last; ++at) p_.blocks[units[at].block] = made[at];
  }

  Edge onward(const TestUnit& unit) const {
    const Term& t = p_.blocks[unit.block].term;
    return unit.leaves_taken ? t.other : t.taken;
  }

  /// The unit's instructions behind `staying` ones that the block begins with.
  void take_insns(Block& block, const TestUnit& unit, uint32_t staying) {
    if (staying == 0) {
      block.first = unit.first;
      block.count = unit.count;
      return;
    }
    std::vector<Insn> insns(p_.insns.begin() + block.first,
                            p_.insns.begin() + block.first + staying);
    insns.insert(insns.end(), p_.insns.begin() + unit.first,
                 p_.insns.begin() + unit.first + unit.count);
    block.first = static_cast<uint32_t>(p_.insns.size());
    block.count = static_cast<uint32_t>(insns.size());
    p_.insns.insert(p_.insns.end(), insns.begin(), insns.end());
  }

  /// Whether the profile knows the values of `id`.
  bool has_table(ValueId id) const {
    const uint32_t source = source_of_[index(id)];
    return source != kNoSource && work_.profile.value(source) != nullptr;
  }

  Work& work_;
  Program& p_;
  Flow flow_;
  TestChains chains_;
  std::vector<Expected> expected_;
  std::vector<uint32_t> source_of_;  ///< by value: of its definition
};

}  // namespace

bool order_terms(Work& work) {
  if (work.profile.empty()) return false;
  const bool ordered = OrderTerms(work).run();
  return peel_cases(work) || ordered;
}

}  // namespace ipjit::ir
