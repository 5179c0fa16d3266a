// SPDX-License-Identifier: BSD-2-Clause
// Asks for membership in the way that these keys and this traffic make cheapest.
//
//   b1: br v0 == 20 -> b9, b2           b1: v1 = sub v0, 20
//   b2: br v0 == 21 -> b9, b3               br v1 <= 2 -> b9, b4
//   b3: br v0 == 22 -> b9, b4    ==>
//
//   b4: br v0 in table0 -> b8, b7       b4: br v0 == 443 -> b8, b5      443 in 90 % of packets
//                                       b5: br v0 in table1 -> b8, b7   the rest of table0
//
// Three places ask for membership: tests of a set, `find` of a set as a value, and short chains of
// equality tests that leave to one place, which find_sets() has left as they are.  Chains are
// gathered by value, because such tests commute (test_chain.h); a chain that mispredicts at several
// tests mispredicts once as a set.  set_plan.h says which shapes there are.
//
// Hazards: the table behind a test of one value in front differs from the set in just that value,
// or thread_jumps() would see that the front test changes nothing.  What a chain becomes is none of
// its tests, and gets a source number of its own with what the chain's tests did together; a set in
// another shape is the same test and keeps its number.
//
// Cost: linear in the program and the keys of its tables.  Tested by tests/special/.
#include "ir/special/passes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "ir/arithmetic.h"
#include "ir/passes/sets.h"
#include "ir/special/block_order.h"
#include "ir/special/cost.h"
#include "ir/special/set_plan.h"
#include "ir/special/test_chain.h"

namespace ipjit::ir {
namespace {

constexpr double kTableGain = 0.8;   // a probe hides behind what waits for memory anyway
constexpr double kLeastGain = 1;     // cycles for each run; tests that predict well hide
constexpr uint64_t kLeastRuns = 32;  // of a load, for its table to mean something
// With those of the general program behind; a kernel's context holds no more.
constexpr size_t kMaxTables = IPJIT_MAX_CTX_TABLES;

double doubt(double share) { return std::min(share, 1 - share); }

bool is_set(const Table& table) {
  return table.miss == 0 && !table.entries.empty() &&
         std::ranges::all_of(table.entries, [](const Table::Entry& e) { return e.value == 1; });
}

/// `in` does not care for values.
std::vector<uint64_t> keys_of(const Table& table) {
  std::vector<uint64_t> keys;
  keys.reserve(table.entries.size());
  for (const Table::Entry& entry : table.entries) keys.push_back(entry.key);
  return keys;
}

class SetShapes {
 public:
  explicit SetShapes(Work& work) : work_(work), p_(work.program), flow_(flow_of(p_, work.profile)) {
    source_of_.assign(p_.values.size(), kNoSource);
    is_byte_.assign(p_.values.size(), 0);
    for (const Insn& insn : p_.insns) {
      if (insn.result == kNoValue) continue;
      source_of_[index(insn.result)] = insn.source;
      is_byte_[index(insn.result)] = insn.op == Op::kLoad8 ? 1 : 0;
    }
  }

  bool run() {
    join_chains();
    if (changed_) flow_ = flow_of(p_, work_.profile);
    reshape_tests();
    reshape_finds();
    if (put_in_front()) reorder_blocks(p_, forward_order(p_));
    return changed_;
  }

 private:
  bool has_room() const {
    const size_t made = p_.tables.size() - tables_before_ + promised_;
    return work_.general.tables.size() + made < kMaxTables;
  }

  /// Of a table of keys up to the highest.
  uint32_t key_bits(ValueId value, uint64_t highest) const {
    const bool is_byte = index(value) < is_byte_.size() && is_byte_[index(value)] != 0;
    if (is_byte && highest <= UINT8_MAX) return 8;
    return p_.values[index(value)] == Type::kU32 ? 32 : 64;
  }

  double now_of(uint32_t table) const {
    return probe_cycles(p_.tables[table].entries.size(), p_.tables[table].key_bits);
  }

  void report(uint32_t b, const SetPlan& plan, double before) {
    changed_ = true;
    work_.say("set_shapes", "b" + std::to_string(b) + ": " + describe(plan) + ", " +
                                decimals(plan.cycles) + " cycles instead of " + decimals(before));
  }

  // --- chains of equality tests
  struct Group {
    ValueId value = kNoValue;
    std::vector<uint32_t> units = {};
    std::vector<uint64_t> keys = {};
  };

  void join_chains() {
    const TestChains chains(p_);
    std::vector<uint8_t> seen(p_.blocks.size(), 0);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (seen[b] != 0 || chains.ways()[b] == 0) continue;
      if (p_.blocks[b].term.kind != TermKind::kBranch) continue;
      const std::vector<TestUnit> units = leading_together(chains.unordered_at(b));
      for (const TestUnit& unit : units) seen[unit.block] = 1;
      if (units.size() >= 2) join(units);
    }
  }

  /// The units up to the first that leaves elsewhere or does more than to ask.
  std::vector<TestUnit> leading_together(std::vector<TestUnit> units) const {
    size_t count = 0;
    for (; count < units.size(); ++count) {
      const TestUnit& unit = units[count];
      if (count > 0 && (unit.count != 0 || !same_target(units[0], unit))) break;
    }
    units.resize(count);
    return units;
  }

  bool same_target(const TestUnit& x, const TestUnit& y) const {
    const Edge& a = leaving(p_.blocks[x.block].term, x);
    const Edge& b = leaving(p_.blocks[y.block].term, y);
    return a.to == b.to && std::ranges::equal(p_.args_of(a), p_.args_of(b));
  }

  bool asks_for_keys(const TestUnit& unit) const {
    const Term& t = p_.blocks[unit.block].term;
    return unit.leaves_taken && t.rel == Rel::kEq && t.b == kNoValue;
  }

  void join(const std::vector<TestUnit>& units) {
    std::vector<Group> groups;
    for (uint32_t i = 0; i < units.size(); ++i) {
      if (!asks_for_keys(units[i])) continue;
      const Term& t = p_.blocks[units[i].block].term;
      auto group = std::ranges::find(groups, t.a, &Group::value);
      if (group == groups.end()) group = groups.insert(group, Group{t.a});
      group->units.push_back(i);
      group->keys.push_back(t.imm);
    }
    source_.assign(units.size(), kNoSource);
    std::vector<std::optional<SetPlan>> plans(units.size());  // by the first unit of a group
    std::vector<uint32_t> goes(units.size(), 0);
    for (Group& group : groups) plan_group(units, group, plans, goes);
    if (std::ranges::count(goes, 1u) != 0) write_chain(units, plans, goes);
    promised_ = 0;
  }

  void plan_group(const std::vector<TestUnit>& units, Group& group,
                  std::vector<std::optional<SetPlan>>& plans, std::vector<uint32_t>& goes) {
    if (group.units.size() < 2) return;
    std::ranges::sort(group.keys);
    const auto repeated = std::ranges::unique(group.keys);
    group.keys.erase(repeated.begin(), repeated.end());
    SetPlan plan = plan_set(group.keys, key_bits(group.value, group.keys.back()), has_room());
    const uint32_t head = units[group.units[0]].block;
    const double come = std::max(flow_.reach[head], 1e-9);
    double before = 0;
    double missed = 0;
    double leave = 0;
    for (uint32_t i : group.units) {
      const uint32_t b = units[i].block;
      const double runs = flow_.reach[b] / come;
      before += runs * kCosts.branch;
      missed += runs * flow_.mispredicted[b];
      leave += runs * flow_.taken[b];
    }
    before += missed * kCosts.mispredict;
    leave = std::min(leave, 1.0);
    missed = std::min(missed, doubt(leave));
    const double after = plan.cycles + kCosts.branch + missed * kCosts.mispredict;
    if (before - after < kLeastGain) return;
    plan.cycles = after;
    report(head, plan, before);
    for (uint32_t i : group.units) goes[i] = 1;
    goes[group.units[0]] = 0;
    promised_ += plan.shape == SetPlan::Shape::kTable ? 1 : 0;
    plans[group.units[0]] = std::move(plan);
    if (!work_.profile.empty()) source_[group.units[0]] = source_of_made(work_, leave, missed);
  }

  /// Writes what is left of the chain into its first blocks.
  void write_chain(const std::vector<TestUnit>& units,
                   const std::vector<std::optional<SetPlan>>& plans,
                   const std::vector<uint32_t>& goes) {
    const Edge behind = onward(units.back());
    std::vector<uint32_t> staying;
    for (uint32_t i = 0; i < units.size(); ++i)
      if (goes[i] == 0) staying.push_back(i);
    for (uint32_t at = 0; at < staying.size(); ++at) {
      const TestUnit& unit = units[staying[at]];
      const uint32_t to = units[at].block;
      Term test = p_.blocks[unit.block].term;
      const bool last = at + 1 == staying.size();
      (unit.leaves_taken ? test.other : test.taken) =
          last ? behind : Edge{BlockId{units[at + 1].block}, 0, 0};
      std::vector<Insn> made;
      if (const auto& plan = plans[staying[at]]) {
        write_test(p_, *plan, test.a, made, test);
        test.source = source_[staying[at]];
      }
      append(p_.blocks[to], made);
      p_.blocks[to].term = test;
    }
  }

  Edge onward(const TestUnit& unit) const {
    const Term& t = p_.blocks[unit.block].term;
    return unit.leaves_taken ? t.other : t.taken;
  }

  void append(Block& block, const std::vector<Insn>& made) {
    if (made.empty()) return;
    std::vector<Insn> insns(p_.insns.begin() + block.first,
                            p_.insns.begin() + block.first + block.count);
    insns.insert(insns.end(), made.begin(), made.end());
    block.first = static_cast<uint32_t>(p_.insns.size());
    block.count = static_cast<uint32_t>(insns.size());
    p_.insns.insert(p_.insns.end(), insns.begin(), insns.end());
  }

  // --- sets
  /// The plan for a probe's keys, if it is better than the table.
  const SetPlan* better_than(uint32_t table, ValueId key) {
    const Table& t = p_.tables[table];
    if (t.entries.empty()) return nullptr;
    const uint32_t bits = key_bits(key, t.entries.back().key);
    const auto [at, added] = plans_.try_emplace({table, bits});
    if (added) at->second = plan_set(keys_of(t), bits, true);
    const SetPlan& plan = at->second;
    if (plan.shape == SetPlan::Shape::kTable && !has_room()) return nullptr;
    return now_of(table) - plan.cycles < kTableGain ? nullptr : &plan;
  }

  void reshape_tests() {
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      Term test = p_.blocks[b].term;
      if (test.kind != TermKind::kBranch || test.rel != Rel::kIn) continue;
      const SetPlan* plan = better_than(test.table, test.a);
      if (plan == nullptr) continue;
      report(b, *plan, now_of(test.table));
      std::vector<Insn> made;
      write_test(p_, *plan, test.a, made, test);
      append(p_.blocks[b], made);
      p_.blocks[b].term = test;
    }
  }

  void reshape_finds() {
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      Block& block = p_.blocks[b];
      bool changed = false;
      std::vector<Insn> made;
      const std::vector<Insn> old(p_.insns_of(block).begin(), p_.insns_of(block).end());
      for (const Insn& insn : old) {
        const bool may = insn.op == Op::kFind && is_set(p_.tables[insn.table]);
        const SetPlan* plan = may ? better_than(insn.table, insn.a) : nullptr;
        if (plan == nullptr) {
          made.push_back(insn);
          continue;
        }
        report(b, *plan, now_of(insn.table));
        write_value(p_, *plan, insn.a, made, insn.result);
        changed = true;
      }
      if (!changed) continue;
      block.first = static_cast<uint32_t>(p_.insns.size());
      block.count = static_cast<uint32_t>(made.size());
      p_.insns.insert(p_.insns.end(), made.begin(), made.end());
    }
  }

  // --- one value in front of a set
  bool put_in_front() {
    const size_t count = p_.blocks.size();
    bool any = false;
    for (uint32_t b = 0; b < count && has_room(); ++b) {
      const Term& t = p_.blocks[b].term;
      if (t.kind != TermKind::kBranch || t.rel != Rel::kIn || t.source == kNoSource) continue;
      if (index(t.a) >= source_of_.size() || source_of_[index(t.a)] == kNoSource) continue;
      const ValueTable* values = work_.profile.value(source_of_[index(t.a)]);
      if (values == nullptr || values->total < kLeastRuns || values->top.empty()) continue;
      const double share =
          static_cast<double>(values->top[0].count) / static_cast<double>(values->total);
      if (!pays(b, values->top[0].value, share)) continue;
      front_test(b, values->top[0].value, share);
      any = true;
    }
    changed_ |= any;
    return any;
  }

  /// Mispredictions in the share that doubt() allows: small where packets come in rows.
  double luck_of(uint32_t b) const {
    return std::clamp(flow_.mispredicted[b] / std::max(doubt(flow_.taken[b]), 0.001), 0.1, 1.0);
  }

  bool pays(uint32_t b, uint64_t value, double share) {
    const Table& table = p_.tables[p_.blocks[b].term.table];
    if (table.key_bits < 64 && value >> table.key_bits != 0) return false;
    const bool hit = find_in(table, value) != table.miss;
    const double same_way = hit ? flow_.taken[b] : 1 - flow_.taken[b];
    share = std::min(share, same_way);  // the load's packets may not be the test's
    const double missed = flow_.mispredicted[b];
    const double luck = luck_of(b);
    const double probe = probe_cycles(table.entries.size(), table.key_bits);
    const double before = probe + missed * kCosts.mispredict;
    const double rest = 1 - share;
    const double after = kCosts.branch + luck * doubt(share) * kCosts.mispredict + rest * probe +
                         std::min(missed, rest * 0.5) * kCosts.mispredict;
    const std::string what = "b" + std::to_string(b) + ": " + std::to_string(value) + " in " +
                             decimals(share * 100) + " % before a table of " +
                             std::to_string(table.entries.size()) + ": " + decimals(after) +
                             " cycles instead of " + decimals(before);
    const bool pays = flow_.reach[b] * (before - after) >= kLeastGain;
    work_.say("set_shapes", what + (pays ? "" : ", left alone"));
    return pays;
  }

  void front_test(uint32_t b, uint64_t value, double share) {
    Block rest;
    rest.term = p_.blocks[b].term;
    Table table = p_.tables[rest.term.table];
    const bool hit = find_in(table, value) != table.miss;
    const auto at = std::ranges::lower_bound(table.entries, value, {}, &Table::Entry::key);
    if (hit)
      table.entries.erase(at);
    else
      table.entries.insert(at, {value, table.miss == 1 ? 2u : 1u});
    rest.term.table = one_of(p_.tables, std::move(table));
    const double same_way = hit ? flow_.taken[b] : 1 - flow_.taken[b];
    share = std::min(share, same_way);
    const double rest_same = (same_way - share) / std::max(1 - share, 0.001);
    const double missed = flow_.mispredicted[b];
    rest.term.source =
        source_of_made(work_, hit ? rest_same : 1 - rest_same, std::min(missed, 0.5));
    Term& test = p_.blocks[b].term;
    const Edge yes = hit ? test.taken : test.other;
    test = Term{.kind = TermKind::kBranch, .a = test.a, .imm = value, .taken = yes};
    test.source = source_of_made(work_, share, luck_of(b) * doubt(share));
    test.other = Edge{BlockId{static_cast<uint32_t>(p_.blocks.size())}, 0, 0};
    p_.blocks.push_back(rest);
  }

  Work& work_;
  Program& p_;
  Flow flow_;
  std::vector<uint32_t> source_;     ///< by unit of a chain: of what it becomes
  std::vector<uint32_t> source_of_;  ///< by value of the program as it came
  std::vector<uint8_t> is_byte_;     ///< the same
  std::map<std::pair<uint32_t, uint32_t>, SetPlan> plans_;  ///< by table and bits of a key
  const size_t tables_before_ = p_.tables.size();
  size_t promised_ = 0;  ///< tables of plans that are not written yet
  bool changed_ = false;
};

}  // namespace

bool set_shapes(Work& work) { return SetShapes(work).run(); }

}  // namespace ipjit::ir
