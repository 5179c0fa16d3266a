// SPDX-License-Identifier: BSD-2-Clause
// Leads edges past blocks that only decide what is already decided on that way.
//
//   b1: br v0 == 0x800 -> b2, b3        b1: br v0 == 0x800 -> b2, b5
//   b2: br v1 == 1 -> b9, b3            b2: br v1 == 1 -> b9, b4
//   b3: br v0 == 0x800 -> b4, b5   ==>  b4: ...
//   b4: ...                             b5: ...
//
// pcap expressions ask for the protocol before each primitive, and libpcap writes a far jump as
// `jeq` over `ja`; both come down to this.  Only blocks without instructions are passed, so nothing
// is copied and nothing is left out; number_values() has emptied them before.  A known answer comes
// from the tests that dominate the edge, from the edge itself, and from the value's range.
//
// Hazard: what a passed block has as parameters is not defined on the new way.  So a block is
// passed only if its parameters are used nowhere else (mark_escaping()), and else blocks of needs
// stay without parameters.
//
// Endings without a value are shared: equal ones become the last of them, which lies ahead of
// everything; a jump to one becomes a copy.
//
// Cost: linear; an edge passes at most kMaxPassed blocks and asks at most kFactsAsked facts at
// each. Tested by tests/ir/passes_test.cpp.
#include <array>

#include "ir/arithmetic.h"
#include "ir/edges.h"
#include "ir/passes/endings.h"
#include "ir/passes/fold.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kNone = 0xffffffff;
constexpr int kMaxPassed = 64;
constexpr int kFactsAsked = 32;

using Fact = TestFact;

/// An edge under way, with its arguments in a small buffer of its own.
struct Way {
  static constexpr uint32_t kMaxArgs = 16;
  BlockId to = kNoBlock;
  uint32_t arg_count = 0;
  std::array<ValueId, kMaxArgs> args{};
};

class ThreadJumps {
 public:
  ThreadJumps(Program& program, Workspace& ws)
      : p_(program), ws_(ws), facts_(ws.test_facts), behind_(ws.facts_behind) {}

  bool run() {
    ws_.heads.assign(p_.values.size(), kNone);
    mark_escaping(p_, ws_);
    facts_.clear();
    behind_.assign(p_.blocks.size(), kNone);
    ws_.forward.begin(p_);
    endings_.find(p_);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (ws_.forward.enter(b)) block(b);
    return changed_;
  }

 private:
  void block(uint32_t b) {
    const Block& blk = p_.blocks[b];
    if (ws_.forward.ways(b) == 1 && behind_[b] != kNone) learn(behind_[b]);
    for (uint32_t i = blk.first; i < blk.first + blk.count; ++i) {
      Insn& insn = p_.insns[i];
      if (insn.op != Op::kNeed) continue;
      Edge fail{insn.fail, 0, 0};
      lead(fail, nullptr, true);
      insn.fail = fail.to;
      ws_.forward.need(insn);
    }
    term(p_.blocks[b].term);
  }

  void term(Term& t) {
    if (t.kind == TermKind::kBranch)
      if (const auto known = answer(t, t.a, t.b, nullptr)) decided(t, *known ? t.taken : t.other);
    for_each_edge(p_, t, [&](Edge& edge) {
      if (t.kind != TermKind::kBranch) lead(edge, nullptr, false);
    });
    if (t.kind == TermKind::kJump) copy_target(t);
    if (t.kind == TermKind::kBranch) branch(t);
    for_each_edge(p_, t, [&](const Edge& edge) { ws_.forward.reach(edge.to); });
    if (t.kind == TermKind::kBranch) remember(t);
  }

  void branch(Term& t) {
    const Fact yes{t.rel, true, t.a, t.b, t.imm, t.table};
    Fact no = yes;
    no.holds = false;
    lead(t.taken, &yes, false);
    lead(t.other, &no, false);
    // Where the question behind one edge would lead the other edge's packets to where that edge
    // leads, the first question is needless: `== 6 -> b9, b1`, `b1: == 8 -> b2, b9`.
    if (leads_to(t.other, yes, t.taken)) return decided(t, t.other);
    if (leads_to(t.taken, no, t.other)) return decided(t, t.taken);
  }

  /// Whether `edge`, with `fact`, comes to `target`.
  bool leads_to(const Edge& edge, const Fact& fact, const Edge& target) {
    if (edge.arg_count > Way::kMaxArgs) return false;
    Way way = way_along(edge);
    for (int passed = 0; passed < kMaxPassed; ++passed) {
      if (way.to == target.to && std::equal(way.args.begin(), way.args.begin() + way.arg_count,
                                            p_.args_of(target).begin(), p_.args_of(target).end()))
        return true;
      if (index(way.to) > index(target.to) || !pass(way, &fact)) return false;
    }
    return false;
  }

  /// A jump to a block that only ends or only asks does so itself.
  void copy_target(Term& t) {
    const Block& to = p_.blocks[index(t.taken.to)];
    const Edge edge = t.taken;
    if (to.count != 0 || to.term.kind == TermKind::kSwitch) return;
    for (const Edge& e : {edge, to.term.taken, to.term.other})
      if (e.arg_count > Way::kMaxArgs) return;
    for (ValueId param : p_.params_of(to))
      if (ws_.marks[index(param)] != 0) return;
    const Way way = way_along(edge);
    t = to.term;
    t.a = argument(way, to, t.a);
    t.b = argument(way, to, t.b);
    for_each_edge(p_, t, [&](Edge& out) {
      Way next = way;
      follow(next, to, out);
      store(next, out);
    });
  }

  /// The facts of a branch, for blocks that only one edge leads to.
  void remember(const Term& t) {
    for (bool holds : {true, false}) {
      facts_.push_back({t.rel, holds, t.a, t.b, t.imm, t.table});
      behind_[index(holds ? t.taken.to : t.other.to)] = static_cast<uint32_t>(facts_.size() - 1);
    }
  }

  void learn(uint32_t f) {
    Fact& fact = facts_[f];
    uint32_t& head = ws_.heads[index(fact.a)];
    fact.node = ws_.forward.node();
    fact.next = head;
    head = f;
  }

  // --- what is known
  /// The answer of t's test with a and b for its operands, if there is one.
  std::optional<bool> answer(const Term& t, ValueId a, ValueId b, const Fact* edge) {
    const ValueInfo& info = ws_.info[index(a)];
    Range range{info.constant ? info.bits : 0, info.bits, info.bits};
    const Test test{t.rel, b, t.imm, t.table};
    std::optional<bool> known;
    if (edge != nullptr && edge->a == a) known = use(*edge, test, range);
    // One value left answers by itself: behind `== k` a chain's further tests of the same value are
    // passed without asking its facts for each.
    const auto open = [&] { return !known && (b != kNoValue || range.low != range.high); };
    int asked = 0;
    for (uint32_t f = ws_.heads[index(a)]; f != kNone && open() && asked < kFactsAsked;
         f = facts_[f].next, ++asked)
      if (matters(facts_[f], test) && ws_.forward.dominates(facts_[f].node))
        known = use(facts_[f], test, range);
    if (known || b != kNoValue) return known;
    if (t.rel != Rel::kIn) return decide(t.rel, t.imm, range.low, range.high, range.bits);
    if (range.low != range.high) return std::nullopt;
    const Table& table = p_.tables[t.table];
    return find_in(table, range.low) != table.miss;
  }

  struct Range {
    uint64_t low;
    uint64_t high;
    uint64_t bits;
  };

  struct Test {
    Rel rel;
    ValueId b;
    uint64_t imm;
    uint32_t table;
  };

  static bool same_test(const Fact& fact, const Test& test) {
    return fact.rel == test.rel && fact.b == test.b && fact.imm == test.imm &&
           (fact.rel != Rel::kIn || fact.table == test.table);
  }

  /// False for what use() would ignore: most facts of a chain say "is not that key".  To know it
  /// costs less than to ask whether the fact is on the way.
  static bool matters(const Fact& fact, const Test& test) {
    const bool narrows =
        fact.b == kNoValue && fact.rel != Rel::kIn && (fact.rel != Rel::kEq || fact.holds);
    return narrows || same_test(fact, test);
  }

  /// Narrows the range by a fact, or finds that it answers the test.
  static std::optional<bool> use(const Fact& fact, const Test& test, Range& range) {
    if (same_test(fact, test)) return fact.holds;
    if (fact.b != kNoValue) return std::nullopt;
    switch (fact.rel) {
      case Rel::kEq:
        if (fact.holds) range.low = range.high = fact.imm;
        break;
      case Rel::kLt:
        if (!fact.holds) range.low = std::max(range.low, fact.imm);
        if (fact.holds) range.high = std::min(range.high, fact.imm - 1);
        break;
      case Rel::kLe:
        if (!fact.holds) range.low = std::max(range.low, fact.imm + 1);
        if (fact.holds) range.high = std::min(range.high, fact.imm);
        break;
      case Rel::kAny:
        if (!fact.holds) range.bits &= ~fact.imm;
        break;
      case Rel::kIn:
        break;
    }
    return std::nullopt;
  }

  // --- edges
  void lead(Edge& edge, const Fact* fact, bool plain) {
    if (p_.blocks[index(edge.to)].count != 0 || edge.arg_count > Way::kMaxArgs) return;
    Way way = way_along(edge);
    for (int passed = 0; passed < kMaxPassed; ++passed) {
      Way next = way;
      if (!pass(next, fact)) break;
      way = next;
      if (plain && way.arg_count != 0) continue;
      store(way, edge);
      changed_ = true;
    }
    const uint32_t shared = endings_.same_as(p_, p_.blocks[index(edge.to)]);
    if (shared != kNone && shared != index(edge.to)) edge.to = BlockId{shared};
  }

  /// One block further; false if the way stays at this one.
  bool pass(Way& way, const Fact* fact) {
    const Block& block = p_.blocks[index(way.to)];
    if (block.count != 0) return false;
    const Term& t = block.term;
    if (t.kind != TermKind::kJump && t.kind != TermKind::kBranch) return false;
    for (ValueId param : p_.params_of(block))
      if (ws_.marks[index(param)] != 0) return false;
    const Edge* next = &t.taken;
    if (t.kind == TermKind::kBranch) {
      const ValueId b = t.b == kNoValue ? t.b : argument(way, block, t.b);
      const auto known = answer(t, argument(way, block, t.a), b, fact);
      if (!known) return false;
      if (!*known) next = &t.other;
    }
    return follow(way, block, *next);
  }

  /// What stands for a parameter of `block` on this way.
  ValueId argument(const Way& way, const Block& block, ValueId id) const {
    for (uint32_t i = 0; i < block.param_count; ++i)
      if (p_.params[block.params + i] == id) return way.args[i];
    return id;
  }

  bool follow(Way& way, const Block& block, const Edge& edge) {
    if (edge.arg_count > Way::kMaxArgs) return false;
    Way next{edge.to, edge.arg_count, {}};
    for (uint32_t i = 0; i < edge.arg_count; ++i)
      next.args[i] = argument(way, block, p_.edge_args[edge.args + i]);
    way = next;
    return true;
  }

  Way way_along(const Edge& edge) const {
    Way way{edge.to, edge.arg_count, {}};
    std::copy_n(p_.edge_args.begin() + edge.args, edge.arg_count, way.args.begin());
    return way;
  }

  void store(const Way& way, Edge& edge) {
    edge.to = way.to;
    edge.arg_count = way.arg_count;
    if (way.arg_count == 0) return;
    edge.args = static_cast<uint32_t>(p_.edge_args.size());
    p_.edge_args.insert(p_.edge_args.end(), way.args.begin(), way.args.begin() + way.arg_count);
  }

  void decided(Term& t, Edge edge) {
    t = jump_along(edge, t.source);
    changed_ = true;
  }

  Program& p_;
  Workspace& ws_;
  std::vector<Fact>& facts_;
  std::vector<uint32_t>& behind_;  ///< by block: the fact of the latest edge to it
  Endings endings_;
  bool changed_ = false;
};

}  // namespace

bool thread_jumps(Program& program, Workspace& ws) { return ThreadJumps(program, ws).run(); }

void mark_escaping(const Program& program, Workspace& ws) {
  std::vector<uint8_t>& marks = ws.marks;
  std::vector<uint32_t>& owner = ws.owners;
  marks.assign(program.values.size(), 0);
  if (program.params.empty()) return;
  // First the block that owns each parameter, then every use elsewhere.
  owner.assign(program.values.size(), kNone);
  for (const Block& block : program.blocks)
    for (ValueId param : program.params_of(block))
      owner[index(param)] = static_cast<uint32_t>(&block - program.blocks.data());
  for (uint32_t b = 0; b < program.blocks.size(); ++b) {
    const auto use = [&](ValueId id) {
      if (id != kNoValue && owner[index(id)] != kNone && owner[index(id)] != b)
        marks[index(id)] = 1;
    };
    const Block& block = program.blocks[b];
    for (const Insn& insn : program.insns_of(block)) {
      use(insn.a);
      use(insn.b);
    }
    use(block.term.a);
    use(block.term.b);
    for_each_edge(program, block.term, [&](const Edge& edge) {
      for (ValueId arg : program.args_of(edge)) use(arg);
    });
  }
}

}  // namespace ipjit::ir
