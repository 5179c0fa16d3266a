// SPDX-License-Identifier: BSD-2-Clause
// Finds tests in a row and what their order depends on.
//
// A unit is a block that only the unit before it leads to, made of loads, arithmetic, needs and a
// branch.  None of these can be seen from outside, so a unit may run earlier or later than it does,
// or not at all where it did; what matters is where a packet leaves.  Two units that leave to one
// place with the same arguments may swap; so may two of which never both leave.
//
//   need in a unit   fails to where the unit leaves, without arguments: then "too short" is one
//   more
//                    reason to leave.  Any other need ends the row before its block.
//   head             what it defines for others, and all up to its last need, stays where it is;
//                    only what serves its own test moves with it.
//
// Hazards: a load may be covered by the need of an earlier unit, and a value defined in one be used
// in a later one, or behind the place that a later one leaves to.  The first two are seen in the
// units.  The last is possible only where nothing before the earlier unit leads to that place too;
// a unit that defines what others use, or has needs, stays before those that leave there.
//
// Tested by tests/special/.
#include "ir/special/test_chain.h"

#include <algorithm>
#include <optional>

#include "ir/arithmetic.h"
#include "ir/edges.h"
#include "ir/special/block_order.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxUnits = 48;  // their dependences are found pair by pair
constexpr uint32_t kNobody = 0xffffffff;
constexpr uint32_t kSeveral = 0xfffffffe;
constexpr size_t kMaxKeys = 256;  // of a set that is compared with another one key by key

/// Values for which a test leaves, if they are one interval.
struct Interval {
  uint64_t low = 0;
  uint64_t high = 0;
};

std::optional<Interval> leaving_values(const Program& p, const Term& t, bool taken) {
  if (t.b != kNoValue) return std::nullopt;
  const uint64_t top = p.values[index(t.a)] == Type::kU32 ? UINT32_MAX : UINT64_MAX;
  if (t.rel == Rel::kEq && taken) return Interval{t.imm, t.imm};
  if (t.rel == Rel::kLt && t.imm > 0) return taken ? Interval{0, t.imm - 1} : Interval{t.imm, top};
  if (t.rel == Rel::kLe && taken) return Interval{0, t.imm};
  if (t.rel == Rel::kLe && t.imm < top) return Interval{t.imm + 1, top};
  return std::nullopt;
}

/// The table whose keys are the values for which the test leaves.
const Table* leaving_keys(const Program& p, const Term& t, bool taken) {
  if (t.rel != Rel::kIn || !taken) return nullptr;
  const Table& table = p.tables[t.table];
  return table.entries.size() <= kMaxKeys ? &table : nullptr;
}

bool holds_none_of(const Table& table, Interval values) {
  return std::ranges::none_of(table.entries, [&](const Table::Entry& entry) {
    return entry.key >= values.low && entry.key <= values.high;
  });
}

bool share_no_key(const Table& x, const Table& y) {
  return std::ranges::none_of(
      x.entries, [&](const Table::Entry& entry) { return find_in(y, entry.key) != y.miss; });
}

}  // namespace

class ChainFinder {
 public:
  explicit ChainFinder(const TestChains& all) : all_(all), p_(all.p_) {}

  std::vector<TestUnit> find(uint32_t head) const {
    std::vector<TestUnit> best;
    for (bool leaves_taken : {true, false}) {
      std::vector<TestUnit> units = follow(head, leaves_taken);
      if (units.size() > best.size()) best = std::move(units);
    }
    return best.size() < 2 ? std::vector<TestUnit>() : best;
  }

  // --- what must stay in order
  void depend(std::vector<TestUnit>& units) const {
    for (uint32_t later = 1; later < units.size(); ++later)
      for (uint32_t earlier = 0; earlier < later; ++earlier)
        if (!commute(units, earlier, later)) units[later].after.push_back(earlier);
  }

 private:
  static const Edge& onward(const Term& t, bool leaves_taken) {
    return leaves_taken ? t.other : t.taken;
  }

  bool same_edge(const Edge& x, const Edge& y) const {
    const auto a = p_.args_of(x);
    const auto b = p_.args_of(y);
    return x.to == y.to && std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  bool is_branch(uint32_t b) const { return p_.blocks[b].term.kind == TermKind::kBranch; }

  /// Only this edge leads to a block that asks something.
  bool is_private(const Edge& edge) const {
    const uint32_t b = index(edge.to);
    return all_.ways_[b] == 1 && p_.blocks[b].param_count == 0 && is_branch(b);
  }

  std::vector<TestUnit> follow(uint32_t head, bool leaves_taken) const {
    std::vector<TestUnit> units;
    units.push_back(head_unit(head, leaves_taken));
    const Edge& first = leaving(p_.blocks[head].term, units[0]);
    const Edge* on = &onward(p_.blocks[head].term, leaves_taken);
    while (units.size() < kMaxUnits && is_private(*on)) {
      const uint32_t b = index(on->to);
      const Term& t = p_.blocks[b].term;
      const bool by_taken = same_edge(t.taken, first) || !same_edge(t.other, first);
      TestUnit unit{b, p_.blocks[b].first, p_.blocks[b].count, by_taken, false, {}};
      if (!moves(unit)) break;
      units.push_back(unit);
      on = &onward(t, by_taken);
    }
    return units;
  }

  /// Whether nothing in the block can be seen from outside but where it leaves to.
  bool moves(TestUnit& unit) const {
    const Edge& out = leaving(p_.blocks[unit.block].term, unit);
    for (const Insn& insn : p_.insns_of(p_.blocks[unit.block])) {
      if (insn.op == Op::kEffect || insn.op == Op::kCount) return false;
      if (insn.op != Op::kNeed) continue;
      unit.has_needs = true;
      if (insn.fail != out.to || out.arg_count != 0) return false;
    }
    return true;
  }

  /// The head's test, with what serves it alone.
  TestUnit head_unit(uint32_t head, bool leaves_taken) const {
    const Block& block = p_.blocks[head];
    TestUnit unit{head, block.first + block.count, 0, leaves_taken, false, {}};
    std::vector<ValueId> own{block.term.a, block.term.b};
    for (uint32_t i = unit.first; i-- > block.first;) {
      const Insn& insn = p_.insns[i];
      const bool serves = insn.result != kNoValue && std::ranges::count(own, insn.result) != 0;
      if (!serves || used_outside(head, insn.result)) break;
      own.push_back(insn.a);
      own.push_back(insn.b);
      --unit.first;
      ++unit.count;
    }
    return unit;
  }

  /// Whether a block but its own uses the value.
  bool used_outside(uint32_t block, ValueId id) const {
    const uint32_t user = all_.users_[index(id)];
    return user != block && user != kNobody;
  }

  bool commute(const std::vector<TestUnit>& units, uint32_t i, uint32_t j) const {
    const TestUnit& earlier = units[i];
    const TestUnit& later = units[j];
    if (uses_from(earlier, later) || (earlier.has_needs && loads_uncovered(later))) return false;
    const Edge& out = leaving(p_.blocks[later.block].term, later);
    if (same_edge(leaving(p_.blocks[earlier.block].term, earlier), out))
      return !serves_others(earlier) || left_to_before(units, i, out.to);
    return !earlier.has_needs && !later.has_needs && !serves_others(earlier) &&
           exclude_each_other(p_, earlier, later);
  }

  /// Whether a unit before unit `i` leaves to the block: then nothing of unit i is visible there.
  bool left_to_before(const std::vector<TestUnit>& units, uint32_t i, BlockId to) const {
    return std::any_of(units.begin(), units.begin() + i, [&](const TestUnit& unit) {
      return leaving(p_.blocks[unit.block].term, unit).to == to;
    });
  }

  bool defines(const TestUnit& unit, ValueId id) const {
    if (id == kNoValue) return false;
    for (uint32_t i = unit.first; i < unit.first + unit.count; ++i)
      if (p_.insns[i].result == id) return true;
    return false;
  }

  bool uses_from(const TestUnit& earlier, const TestUnit& later) const {
    if (earlier.count == 0) return false;
    const Term& t = p_.blocks[later.block].term;
    bool uses = defines(earlier, t.a) || defines(earlier, t.b);
    for (uint32_t i = later.first; i < later.first + later.count; ++i)
      uses |= defines(earlier, p_.insns[i].a) || defines(earlier, p_.insns[i].b);
    for_each_edge(p_, t, [&](const Edge& edge) {
      for (ValueId arg : p_.args_of(edge)) uses |= defines(earlier, arg);
    });
    return uses;
  }

  /// Whether it reads bytes that no need of its own asks for just so.
  bool loads_uncovered(const TestUnit& unit) const {
    for (uint32_t i = unit.first; i < unit.first + unit.count; ++i) {
      const Insn& load = p_.insns[i];
      if (load_size(load.op) == 0) continue;
      bool covered = false;
      for (uint32_t n = unit.first; n < i; ++n) {
        const Insn& need = p_.insns[n];
        covered |= need.op == Op::kNeed && need.base == load.base && need.a == load.a &&
                   need.imm >= load.imm + load_size(load.op);
      }
      if (!covered) return true;
    }
    return false;
  }

  /// Whether what it defines is used behind the units.
  bool serves_others(const TestUnit& unit) const {
    for (uint32_t i = unit.first; i < unit.first + unit.count; ++i)
      if (p_.insns[i].result != kNoValue && used_outside(unit.block, p_.insns[i].result))
        return true;
    return false;
  }

  const TestChains& all_;
  const Program& p_;
};

TestChains::TestChains(const Program& program)
    : p_(program), ways_(count_ways(program)), users_(program.values.size(), kNobody) {
  for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
    const auto use = [&](ValueId id) {
      if (id == kNoValue) return;
      uint32_t& user = users_[index(id)];
      user = user == kNobody || user == b ? b : kSeveral;
    };
    const Block& block = p_.blocks[b];
    for (const Insn& insn : p_.insns_of(block)) {
      use(insn.a);
      use(insn.b);
    }
    use(block.term.a);
    use(block.term.b);
    for_each_edge(p_, block.term, [&](const Edge& edge) {
      for (ValueId arg : p_.args_of(edge)) use(arg);
    });
  }
}

std::vector<TestUnit> TestChains::unordered_at(uint32_t head) const {
  return ChainFinder(*this).find(head);
}

std::vector<TestUnit> TestChains::at(uint32_t head) const {
  const ChainFinder finder(*this);
  std::vector<TestUnit> units = finder.find(head);
  finder.depend(units);
  return units;
}

bool exclude_each_other(const Program& program, const TestUnit& x, const TestUnit& y) {
  const Term& s = program.blocks[x.block].term;
  const Term& t = program.blocks[y.block].term;
  if (s.a != t.a) return false;
  const auto a = leaving_values(program, s, x.leaves_taken);
  const auto b = leaving_values(program, t, y.leaves_taken);
  if (a && b) return a->high < b->low || b->high < a->low;
  const Table* keys_x = leaving_keys(program, s, x.leaves_taken);
  const Table* keys_y = leaving_keys(program, t, y.leaves_taken);
  if (keys_x != nullptr && b) return holds_none_of(*keys_x, *b);
  if (keys_y != nullptr && a) return holds_none_of(*keys_y, *a);
  return keys_x != nullptr && keys_y != nullptr && share_no_key(*keys_x, *keys_y);
}

}  // namespace ipjit::ir
