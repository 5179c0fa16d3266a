// SPDX-License-Identifier: BSD-2-Clause
// Gives equal values one name, and computes what is known.
//
//   b0: need 14 else b9                 b0: need 14 else b9
//       v0 = load_be16 12                   v0 = load_be16 12
//       br v0 == 0x800 -> b1, b2   ==>      br v0 == 0x800 -> b1, b2
//   b1: need 14 else b9                 b1: br v0 == 0x806 -> b2, b9
//       v1 = load_be16 12
//       br v1 == 0x806 -> b2, b9
//
// The packet and the context do not change during a run, so two loads of one place are equal
// values like any other.  A value may stand for another only where it is visible: its segment must
// dominate the use (dominators.h).  Dropping a need is legal where as many bytes are readable on
// every way, or a need with the same value dominates; that is exactly what validate() asks for
// later.
//
// Hazard: an offset value that is a constant, or one plus a constant, moves into imm, for the loads
// and the needs of a value alike or not at all; else a load would lose its need.  So whether it
// moves depends on the value alone, and not at all where a place is so far that the sum could pass
// validate()'s limit.
//
// Cost: linear; of equal values that are not visible, only the newest kValuesAsked are asked. Idea:
// dominator-based value numbering (Briggs, Cooper, Simpson, 1997).  Tested by
// tests/ir/passes_test.cpp.
#include <bit>

#include "ir/arithmetic.h"
#include "ir/edges.h"
#include "ir/passes/fold.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kMaxFolded = uint64_t{1} << 31;
constexpr uint64_t kFarPlace = uint64_t{1} << 33;
constexpr uint32_t kNone = 0xffffffff;
constexpr int kFactsAsked = 8;
constexpr int kValuesAsked = 16;

uint64_t hash_of(const Insn& insn) {
  uint64_t h = static_cast<uint64_t>(insn.op) | static_cast<uint64_t>(insn.type) << 8 |
               static_cast<uint64_t>(insn.base) << 16 | uint64_t{insn.table} << 24;
  for (uint64_t word : {uint64_t{index(insn.a)}, uint64_t{index(insn.b)}, insn.imm})
    h = (std::rotl(h, 23) ^ word) * 0x9e3779b97f4a7c15;
  return h >> 32;
}

bool same_value(const Insn& x, const Insn& y) {
  return x.op == y.op && x.type == y.type && x.base == y.base && x.a == y.a && x.b == y.b &&
         x.imm == y.imm && x.table == y.table;
}

class NumberValues {
 public:
  NumberValues(Program& program, Workspace& ws)
      : p_(program),
        ws_(ws),
        facts_(ws.need_facts),
        incoming_(ws.incoming),
        incoming_bits_(ws.incoming_bits) {}

  bool run() {
    const size_t values = p_.values.size();
    ws_.info.assign(values, ValueInfo());
    ws_.renamed.resize(values);
    for (uint32_t i = 0; i < values; ++i) ws_.renamed[i] = ValueId{i};
    ws_.heads.assign(values, kNone);
    ws_.buckets.assign(std::bit_ceil(p_.insns.size() + 2), kNone);
    ws_.chained.resize(p_.insns.size());
    facts_.clear();
    incoming_.assign(p_.params.size(), kNoValue);
    incoming_bits_.assign(p_.params.size(), 0);
    folds_places_ = std::ranges::none_of(p_.insns, [](const Insn& insn) {
      return insn.imm > kFarPlace && operands_of(insn.op) == Operands::kPlace;
    });
    ws_.forward.begin(p_);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (ws_.forward.enter(b)) block(p_.blocks[b]);
    return changed_;
  }

 private:
  ValueInfo& info(ValueId id) { return ws_.info[index(id)]; }

  ValueId rename(ValueId id) const { return id == kNoValue ? id : ws_.renamed[index(id)]; }

  void replace(ValueId id, ValueId by) {
    ws_.renamed[index(id)] = by;
    changed_ = true;
  }

  void block(Block& b) {
    for (uint32_t i = b.params; i < b.params + b.param_count; ++i) parameter(i);
    uint32_t kept = b.first;
    for (uint32_t i = b.first; i < b.first + b.count; ++i) {
      Insn insn = p_.insns[i];
      insn.a = rename(insn.a);
      insn.b = rename(insn.b);
      if (!keep(insn, kept)) continue;
      p_.insns[kept++] = insn;
    }
    changed_ |= kept != b.first + b.count;
    b.count = kept - b.first;
    term(b.term);
  }

  /// A parameter that gets the same value on every way is that value.
  void parameter(uint32_t i) {
    const ValueId id = p_.params[i];
    info(id).node = ws_.forward.node();
    info(id).bits = incoming_bits_[i];
    if (const ValueId only = incoming_[i]; only != kNoValue && only != id) replace(id, only);
  }

  /// False if the instruction goes away; `at` is where it would stand.
  bool keep(Insn& insn, uint32_t at) {
    if (insn.op == Op::kEffect || insn.op == Op::kCount) return true;
    if (operands_of(insn.op) == Operands::kPlace) fold_place(insn);
    if (insn.op == Op::kNeed) return keep_need(insn);

    const Operands operands = operands_of(insn.op);
    if (operands == Operands::kBinary || operands == Operands::kUnary) {
      if (operands == Operands::kBinary) join_constants(insn);
      const Folded folded = fold(insn, ws_.info, p_.values[index(insn.a)]);
      if (folded.kind == Folded::Kind::kValue) {
        replace(insn.result, folded.value);
        return false;
      }
      if (folded.kind == Folded::Kind::kConst) to_constant(insn, folded.constant);
    }
    if (insn.op == Op::kFind && info(insn.a).constant)
      to_constant(insn, find_in(p_.tables[insn.table], info(insn.a).bits));
    return keep_value(insn, at);
  }

  void to_constant(Insn& insn, uint64_t n) {
    insn.op = Op::kConst;
    insn.a = kNoValue;
    insn.b = kNoValue;
    insn.imm = n;
    insn.table = 0;
    changed_ = true;
  }

  /// v1 = add v0, 16; need v1 + 4: a need of v0 + 20, if the sum cannot wrap.
  void fold_place(Insn& insn) {
    if (!folds_places_) return;
    while (insn.a != kNoValue) {
      const ValueInfo& a = info(insn.a);
      if (a.constant ? a.bits > kMaxFolded : !is_add_of_constant(a)) return;
      const Insn* def = a.constant ? nullptr : &p_.insns[a.insn];
      if (def != nullptr && (def->imm > kMaxFolded || info(def->a).bits > kMaxFolded - def->imm))
        return;
      insn.imm += def == nullptr ? a.bits : def->imm;
      insn.a = def == nullptr ? kNoValue : def->a;
      changed_ = true;
    }
  }

  bool is_add_of_constant(const ValueInfo& value) const {
    return value.insn != kNone && p_.insns[value.insn].op == Op::kAdd &&
           p_.insns[value.insn].b == kNoValue;
  }

  /// The sum or mask of a sum or mask is one.
  void join_constants(Insn& insn) {
    if (insn.b != kNoValue || (insn.op != Op::kAdd && insn.op != Op::kAnd)) return;
    if (info(insn.a).insn == kNone) return;
    const Insn& def = p_.insns[info(insn.a).insn];
    if (def.op != insn.op || def.b != kNoValue) return;
    insn.a = def.a;
    insn.imm = compute(insn.op, insn.type, insn.imm, def.imm);
  }

  bool keep_need(const Insn& insn) {
    if (insn.a == kNoValue) {
      if (insn.imm <= ws_.forward.readable(insn.base)) return false;
      ws_.forward.need(insn);
      return true;
    }
    uint32_t& head = ws_.heads[index(insn.a)];
    int asked = 0;
    for (uint32_t f = head; f != kNone && asked < kFactsAsked; f = facts_[f].next, ++asked) {
      const NeedFact& fact = facts_[f];
      if (fact.base == insn.base && fact.bytes >= insn.imm && ws_.forward.dominates(fact.node))
        return false;
    }
    ws_.forward.need(insn);
    facts_.push_back({ws_.forward.node(), insn.base, insn.imm, head});
    head = static_cast<uint32_t>(facts_.size() - 1);
    return true;
  }

  bool keep_value(const Insn& insn, uint32_t at) {
    uint32_t& bucket = ws_.buckets[hash_of(insn) & (ws_.buckets.size() - 1)];
    int asked = 0;
    for (uint32_t i = bucket; i != kNone && asked < kValuesAsked; i = ws_.chained[i], ++asked) {
      if (!same_value(p_.insns[i], insn)) continue;
      const ValueId known = p_.insns[i].result;
      if (!ws_.forward.dominates(info(known).node)) continue;
      replace(insn.result, known);
      return false;
    }
    ws_.chained[at] = bucket;
    bucket = at;
    info(insn.result) = {possible_bits(insn, ws_.info), insn.op == Op::kConst, ws_.forward.node(),
                         at};
    return true;
  }

  // --- endings
  void term(Term& t) {
    t.a = rename(t.a);
    t.b = rename(t.b);
    for_each_edge(p_, t, [&](Edge& edge) {
      for (uint32_t i = 0; i < edge.arg_count; ++i) {
        ValueId& arg = p_.edge_args[edge.args + i];
        arg = rename(arg);
      }
    });
    if (t.kind == TermKind::kBranch) branch(t);
    if (t.kind == TermKind::kSwitch && (t.case_count == 0 || info(t.a).constant)) choose_case(t);
    if ((t.kind == TermKind::kRet || t.kind == TermKind::kPull) && t.a != kNoValue &&
        info(t.a).constant) {
      t.imm = info(t.a).bits;
      t.a = kNoValue;
    }
    for_each_edge(p_, t, [&](Edge& edge) { reach(edge); });
  }

  void reach(const Edge& edge) {
    const Block& to = p_.blocks[index(edge.to)];
    const bool first = ws_.forward.ways(index(edge.to)) == 0;
    for (uint32_t i = 0; i < edge.arg_count; ++i) {
      const ValueId arg = p_.edge_args[edge.args + i];
      ValueId& incoming = incoming_[to.params + i];
      if (first) {
        incoming = arg;
      } else if (incoming != arg) {
        incoming = p_.params[to.params + i];
      }
      incoming_bits_[to.params + i] |= info(arg).bits;
    }
    ws_.forward.reach(edge.to);
  }

  void go(Term& t, const Edge& edge) {
    t = jump_along(edge, t.source);
    changed_ = true;
  }

  void choose_case(Term& t) {
    for (const Case& c : p_.cases_of(t))
      if (c.value == info(t.a).bits) return go(t, Edge(c.edge));
    go(t, Edge(t.other));
  }

  void branch(Term& t) {
    if (t.b != kNoValue) constant_to_the_right(t);
    if (t.b == t.a) {
      // a REL a, where a & a says something of a
      if (t.rel == Rel::kEq || t.rel == Rel::kLe) return go(t, Edge(t.taken));
      if (t.rel == Rel::kLt) return go(t, Edge(t.other));
    }
    const ValueInfo& a = info(t.a);
    if (t.rel == Rel::kIn) {
      if (!a.constant) return;
      const Table& table = p_.tables[t.table];
      return go(t, Edge(find_in(table, a.bits) != table.miss ? t.taken : t.other));
    }
    if (t.b != kNoValue) return;
    mask_test(t);
    const ValueInfo& tested = info(t.a);
    const uint64_t low = tested.constant ? tested.bits : 0;
    if (const auto known = decide(t.rel, t.imm, low, tested.bits, tested.bits))
      go(t, Edge(*known ? t.taken : t.other));
  }

  void constant_to_the_right(Term& t) {
    if (info(t.a).constant && !info(t.b).constant) {
      std::swap(t.a, t.b);
      if (t.rel == Rel::kLt || t.rel == Rel::kLe) {
        // c < v is not v <= c.
        t.rel = t.rel == Rel::kLt ? Rel::kLe : Rel::kLt;
        swap_edges(t);
      }
    }
    if (!info(t.b).constant) return;
    t.imm = info(t.b).bits;
    t.b = kNoValue;
    changed_ = true;
  }

  /// v1 = and v0, m; br v1 == 0: a test of v0's bits, which needs no v1.
  void mask_test(Term& t) {
    if (t.rel != Rel::kEq || info(t.a).insn == kNone) return;
    const Insn& def = p_.insns[info(t.a).insn];
    if (def.op != Op::kAnd || def.b != kNoValue) return;
    const bool bit = t.imm == def.imm && std::has_single_bit(def.imm);
    if (t.imm != 0 && !bit) return;
    t.rel = Rel::kAny;
    t.a = def.a;
    t.imm = def.imm;
    if (!bit) swap_edges(t);
    changed_ = true;
  }

  void swap_edges(Term& t) const {
    std::swap(t.taken, t.other);
    if (ws_.profiled) t.source = kNoSource;
  }

  Program& p_;
  Workspace& ws_;
  std::vector<NeedFact>& facts_;
  std::vector<ValueId>& incoming_;
  std::vector<uint64_t>& incoming_bits_;
  bool folds_places_ = true;
  bool changed_ = false;
};

}  // namespace

bool number_values(Program& program, Workspace& ws) { return NumberValues(program, ws).run(); }

}  // namespace ipjit::ir
