// SPDX-License-Identifier: BSD-2-Clause
// Turns chains of equality tests into tests of a table.
//
//   b1: br v0 == 1 -> b9, b2            b1: br v0 in table0 -> b9, b2
//   b2: br v1 == 1 -> b9, b3            b2: br v1 in table0 -> b9, b8
//   b3: br v0 == 2 -> b9, b4   ==>
//   b4: br v1 == 2 -> b9, b8            (in earnest: kMinSetKeys of each)
//
// This is what `host a or host b or ...` becomes: tests of source and destination in turn, all
// leading to one block, or each to a return of its own that says the same.  Such tests neither fail
// nor record anything, so as an "or" they commute and can be gathered by value, one table for each.
// A chain ends where a block does anything else, is also entered from elsewhere, or leads
// elsewhere: there the order matters.
//
// libpcap's optimiser shares equal tails, so a chain may run on in blocks that several chains use.
// A second walk, backwards, lets a test whose way on is a test of the same value to the same target
// swallow that test's keys and go on where it goes on; the shared block stays for the others.
//
// Hazards: keys swallowed are copied, so kCopies bounds them by the size of the program and its
// tables; a swallowed block's parameters must be used nowhere else; there are no more tables than
// the ABI has.
//
// Cost: linear; keys are sorted by radix.  Tested by tests/ir/passes_test.cpp.
#include "ir/edges.h"
#include "ir/passes/endings.h"
#include "ir/passes/passes.h"
#include "ir/passes/sets.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kMaxGroups = 8;
constexpr int kGuardsAsked = 4;
constexpr uint64_t kCopies = 4;

class FindSets {
 public:
  FindSets(Program& program, Workspace& ws)
      : p_(program), ws_(ws), tables_(program.tables), ways_(ws.ways) {}

  bool run() {
    if (keys_at_most() < kMinSetKeys) return false;
    endings_.find(p_);
    resolve_all();
    if (!some_target_has_keys()) return false;
    find_ways();
    copies_left_ = p_.insns.size() + p_.blocks.size();
    for (const Table& table : p_.tables) copies_left_ += table.entries.size();
    copies_left_ *= kCopies;
    gathered_.assign(p_.blocks.size(), 0);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (ways_[b] != 0 && gathered_[b] == 0 && is_test(p_.blocks[b].term)) gather(b);
    mark_escaping(p_, ws_);  // now: a test that was moved down uses its value elsewhere
    for (uint32_t b = static_cast<uint32_t>(p_.blocks.size()); b-- > 0;)
      while (ways_[b] != 0 && is_test(p_.blocks[b].term) && swallow(p_.blocks[b].term)) continue;
    return changed_;
  }

 private:
  /// The keys of all tests: with too few, there is nothing to look for.
  size_t keys_at_most() const {
    size_t keys = 0;
    for (const Block& block : p_.blocks)
      if (is_test(block.term)) keys += keys_of(block.term);
    return keys;
  }

  /// Whether tests with enough keys for a set lead to one block.
  bool some_target_has_keys() {
    ws_.keys_to.assign(p_.blocks.size(), 0);
    for (const Block& block : p_.blocks) {
      if (!is_test(block.term)) continue;
      uint32_t& keys = ws_.keys_to[index(resolve(block.term.taken))];
      keys += keys_of(block.term);
      if (keys >= kMinSetKeys) return true;
    }
    return false;
  }

  void find_ways() {
    ways_.assign(p_.blocks.size(), 0);
    from_.assign(p_.blocks.size(), 0);
    ways_[0] = 1;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (ways_[b] == 0) continue;
      const Block& block = p_.blocks[b];
      for (const Insn& insn : p_.insns_of(block))
        if (insn.op == Op::kNeed) ++ways_[index(insn.fail)];
      for_each_edge(p_, block.term, [&](const Edge& edge) {
        ++ways_[index(edge.to)];
        from_[index(edge.to)] = b;
      });
    }
  }

  static bool is_test(const Term& t) {
    return t.kind == TermKind::kBranch &&
           (t.rel == Rel::kIn || (t.rel == Rel::kEq && t.b == kNoValue));
  }

  /// Where an edge leads, past blocks that only jump; of equal endings, to the last.
  BlockId resolve(const Edge& edge) const { return resolved_[index(edge.to)]; }

  /// Once for all, from the end: jumps go on, and the walks change branches only.
  void resolve_all() {
    resolved_.resize(p_.blocks.size());
    for (uint32_t b = static_cast<uint32_t>(p_.blocks.size()); b-- > 0;) {
      const Block& block = p_.blocks[b];
      const Term& t = block.term;
      const bool only_jumps = block.count == 0 && block.param_count == 0 &&
                              t.kind == TermKind::kJump && t.taken.arg_count == 0;
      const uint32_t ending = only_jumps ? Endings::kNone : endings_.same_as(p_, block);
      resolved_[b] = only_jumps                 ? resolved_[index(t.taken.to)]
                     : ending == Endings::kNone ? BlockId{b}
                                                : BlockId{ending};
    }
  }

  /// Both edges hand the same values to the same block; `map` says what stands for a value of y.
  template <class Map>
  bool same_target(const Edge& x, const Edge& y, Map map) const {
    if (x.arg_count != y.arg_count) return false;
    for (uint32_t i = 0; i < x.arg_count; ++i)
      if (p_.edge_args[x.args + i] != map(p_.edge_args[y.args + i])) return false;
    return resolve(x) == resolve(y);
  }

  // --- first walk: gather by value
  /// The next test of a chain, if it belongs to this chain alone.
  uint32_t next_in_chain(const Term& t) const {
    BlockId to = t.other.to;
    while (ways_[index(to)] == 1) {
      const Block& block = p_.blocks[index(to)];
      if (block.count != 0 || block.param_count != 0) break;
      if (block.term.kind == TermKind::kJump) {
        to = block.term.taken.to;
        continue;
      }
      const bool same = is_test(block.term) &&
                        same_target(t.taken, block.term.taken, [](ValueId id) { return id; });
      return same ? index(to) : 0;
    }
    return 0;
  }

  struct Group {
    ValueId value = kNoValue;
    uint32_t keys = 0;
    uint32_t first = 0;  ///< position in the chain
    bool is_set = false;
  };

  void gather(uint32_t head) {
    chain_.clear();
    groups_.clear();
    for (uint32_t b = head;;) {
      if (!join_group(p_.blocks[b].term)) break;
      chain_.push_back(b);
      gathered_[b] = 1;
      b = next_in_chain(p_.blocks[b].term);
      if (b == 0) break;
    }
    uint32_t sets = 0;
    for (Group& group : groups_) {
      group.is_set = group.keys >= kMinSetKeys && tables_.room() > sets;
      if (group.is_set) ++sets;
    }
    if (sets > 0 && chain_.size() > groups_.size()) rewrite();
  }

  uint32_t group_of(ValueId value) const {
    uint32_t g = 0;
    while (g < groups_.size() && groups_[g].value != value) ++g;
    return g;
  }

  uint32_t keys_of(const Term& t) const {
    return t.rel == Rel::kEq ? 1 : static_cast<uint32_t>(p_.tables[t.table].entries.size());
  }

  bool join_group(const Term& t) {
    const uint32_t g = group_of(t.a);
    if (g == kMaxGroups) return false;
    if (g == groups_.size())
      groups_.push_back({t.a, 0, static_cast<uint32_t>(chain_.size()), false});
    if (t.rel == Rel::kIn) {
      if (keys_of(t) > copies_left_) return false;
      copies_left_ -= keys_of(t);
    }
    groups_[g].keys += keys_of(t);
    return true;
  }

  /// Writes the chain's tests anew into the chain's first blocks.
  void rewrite() {
    tests_.clear();
    for (uint32_t g = 0; g < groups_.size(); ++g)
      if (groups_[g].is_set) tests_.push_back(set_test(groups_[g]));
    for (uint32_t b : chain_) {
      const Term& t = p_.blocks[b].term;
      if (!groups_[group_of(t.a)].is_set) tests_.push_back(t);
    }
    Edge taken = p_.blocks[chain_[0]].term.taken;
    // Written by hand, each test has its own `ret` behind it: only the last lies ahead of them all.
    taken.to = resolve(taken);
    const Edge last = p_.blocks[chain_.back()].term.other;
    for (size_t i = 0; i < tests_.size(); ++i) {
      tests_[i].taken = taken;
      tests_[i].other = i + 1 < tests_.size() ? Edge{BlockId{chain_[i + 1]}, 0, 0} : last;
      p_.blocks[chain_[i]].term = tests_[i];
    }
    for (size_t i = tests_.size(); i < chain_.size(); ++i) ways_[chain_[i]] = 0;
    changed_ = true;
  }

  Term set_test(const Group& group) {
    keys_.clear();
    for (uint32_t b : chain_) {
      const Term& t = p_.blocks[b].term;
      if (t.a == group.value) append_keys(t);
    }
    append_guards(group.value);
    Term test = p_.blocks[chain_[group.first]].term;
    make_in(test);
    return test;
  }

  void append_keys(const Term& t) {
    if (t.rel == Rel::kEq) {
      keys_.push_back(t.imm);
      return;
    }
    for (const Table::Entry& entry : p_.tables[t.table].entries) keys_.push_back(entry.key);
  }

  /// Keys that the value cannot have here, because an earlier test has sent them off: they do no
  /// harm, and often make this set equal to another one.
  void append_guards(ValueId value) {
    uint32_t b = chain_[0];
    for (int asked = 0; asked < kGuardsAsked && b != 0 && ways_[b] == 1; ++asked) {
      const Term& t = p_.blocks[from_[b]].term;
      const bool sent_off = t.kind == TermKind::kBranch && t.rel == Rel::kEq && t.b == kNoValue &&
                            t.a == value && t.other.to == BlockId{b};
      if (sent_off) keys_.push_back(t.imm);
      b = from_[b];
    }
  }

  void make_in(Term& t) {
    t.rel = Rel::kIn;
    t.imm = 0;
    t.table = tables_.set_of(keys_, p_.values[index(t.a)] == Type::kU32 ? 32 : 64);
  }

  // --- second walk: swallow shared tails
  bool swallow(Term& t) {
    const BlockId to = t.other.arg_count == 0 ? resolve(t.other) : t.other.to;
    const Block& next = p_.blocks[index(to)];
    if (next.count != 0 || !is_test(next.term)) return false;
    const auto map = [&](ValueId id) {
      for (uint32_t i = 0; i < next.param_count; ++i)
        if (p_.params[next.params + i] == id) return p_.edge_args[t.other.args + i];
      return id;
    };
    if (map(next.term.a) != t.a || !same_target(t.taken, next.term.taken, map)) return false;
    for (ValueId param : p_.params_of(next))
      if (ws_.marks[index(param)] != 0) return false;
    const uint32_t keys = keys_of(t) + keys_of(next.term);
    if (keys < kMinSetKeys || keys > copies_left_ || tables_.room() == 0) return false;
    copies_left_ -= keys;
    keys_.clear();
    append_keys(t);
    append_keys(next.term);
    make_in(t);
    t.other = mapped(next.term.other, map);
    changed_ = true;
    return true;
  }

  template <class Map>
  Edge mapped(Edge edge, Map map) {
    if (edge.arg_count == 0) return edge;
    const uint32_t first = static_cast<uint32_t>(p_.edge_args.size());
    for (uint32_t i = 0; i < edge.arg_count; ++i) {
      const ValueId arg = map(p_.edge_args[edge.args + i]);
      p_.edge_args.push_back(arg);
    }
    edge.args = first;
    return edge;
  }

  Program& p_;
  Workspace& ws_;
  Sets tables_;
  Endings endings_;
  std::vector<uint32_t>& ways_;
  std::vector<uint32_t> from_;     ///< by block: the latest block that leads to it
  std::vector<BlockId> resolved_;  ///< by block: resolve() of an edge to it
  std::vector<uint8_t> gathered_;
  std::vector<uint32_t> chain_;
  std::vector<Group> groups_;
  std::vector<Term> tests_;
  std::vector<uint64_t> keys_;
  uint64_t copies_left_ = 0;
  bool changed_ = false;
};

}  // namespace

bool find_sets(Program& program, Workspace& ws) { return FindSets(program, ws).run(); }

}  // namespace ipjit::ir
