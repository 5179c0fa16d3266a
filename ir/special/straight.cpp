// SPDX-License-Identifier: BSD-2-Clause
// Writes a region as straight code.
//
//   b4: br v0 == 0x800 -> b5, b9              L0: need v8 + 18 else leave
//   b5: v4 = load_u8 23                           v20 = eq v0, 0x800
//       br v4 == 6 -> b6, b9                      v21 = load_u8 23
//   b6: need v8 + 18 else b9          ==>         v22 = eq v21, 6
//       v9 = load_be16 v8 + 16                    v23 = load_be16 v8 + 16
//       br v9 == 80 -> b8, b9                     v24 = eq v23, 80
//   b8: ret 262144                                v25 = and v20, v22
//   b9: ret 0                                     v26 = and v25, v24
//                                                 v27 = neg v26
//                                                 v28 = and v27, 262144
//                                                 ret v28
//
// The region is read from its ends: a block's answer is a choice between the answers of the blocks
// that it leads to, so each block is seen once and no path condition is ever built.  A side is
// asked for in the same way (does this packet come to it?), and becomes a branch as soon as its
// question can be answered; from then on its answer does not matter, which makes what follows
// smaller.  Values are written where they are first wanted.
//
// Hazard: a load may stand before the test that guarded it, so its need stands before it too, and
// is asked of packets that never came there.  One that fails leaves; the answer is the general
// program's.  All needs of the region are asked, also those whose loads are gone: a short packet
// must not be answered as a long one.
//
// Cost: linear in the region and in what its sides lead to.  Tested by tests/special/.
#include "ir/special/straight.h"

#include <algorithm>
#include <bit>
#include <set>

#include "ir/edges.h"
#include "ir/special/cost.h"
#include "ir/special/predicate.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxBeyond = 128;       // blocks copied for one side
constexpr double kStrangersFail = 0.02;  // of the packets that were not asked for a need before
constexpr PredId kDoesNotMatter{0xffffffff};

/// A need with an offset value, for all places of it in the region.
struct OffsetNeed {
  Insn insn;
  double share = 0;               ///< of the packets that are asked for it now
  std::vector<uint32_t> members;  ///< who ask, by position
  bool done = false;
};

/// What a block answers with.
struct Answer {
  enum class Kind : uint8_t { kDoesNotMatter, kChoice, kValue } kind = Kind::kDoesNotMatter;
  PredId when = Predicates::kAlways;  ///< kChoice: `yes` where it holds, else `no`
  uint64_t yes = 0;
  uint64_t no = 0;
  ValueId value = kNoValue;  ///< kValue: of the straight code
};

class Straighten {
 public:
  Straighten(const Convertible& of, const Region& region, const uint64_t (&readable)[2])
      : of_(of), p_(of.program), region_(region), readable_{readable[0], readable[1]} {}

  std::optional<Straight> run() {
    read_region();
    ask_constant_needs();
    for (uint32_t s = 0; s < region_.sides.size() && !ended_; ++s)
      if (!leave_to(s)) return std::nullopt;
    if (!ended_) answer();
    return std::move(out_);
  }

 private:
  // --- what the region holds
  void read_region() {
    out_.pieces.emplace_back();
    for (uint32_t m = 0; m < region_.members.size(); ++m) {
      const Block& block = p_.blocks[region_.members[m]];
      const uint32_t first = block.first + (m == 0 ? leading_needs(p_, region_.head()) : 0);
      for (uint32_t i = block.first; i < first; ++i) {
        see_leading(p_.insns[i]);
        out_.cycles += cost_of(p_, p_.insns[i]);
      }
      for (uint32_t i = first; i < block.first + block.count; ++i) {
        const Insn& insn = p_.insns[i];
        if (insn.result != kNoValue) definition_[insn.result] = i;
        if (insn.op == Op::kNeed) see_need(insn, m);
      }
      for_each_edge(p_, block.term, [&](const Edge& edge) { see_edge(edge); });
    }
  }

  void see_leading(const Insn& need) {
    uint64_t& readable = readable_[static_cast<uint32_t>(need.base)];
    if (need.a == kNoValue) readable = std::max(readable, need.imm);
  }

  void see_need(const Insn& insn, uint32_t member) {
    if (insn.a == kNoValue) {
      uint64_t& wanted = wanted_[static_cast<uint32_t>(insn.base)];
      wanted = std::max(wanted, insn.imm);
      return;
    }
    OffsetNeed* need = need_of(insn);
    if (need == nullptr) {
      needs_.push_back({insn, 0, {}});
      need = &needs_.back();
      need->insn.a = resolve(insn.a);
    }
    need->insn.imm = std::max(need->insn.imm, insn.imm);
    need->share = std::max(need->share, region_.reach[member]);
    need->members.push_back(member);
  }

  OffsetNeed* need_of(const Insn& place) {
    for (OffsetNeed& need : needs_)
      if (need.insn.a == resolve(place.a) && need.insn.base == place.base) return &need;
    return nullptr;
  }

  void see_edge(const Edge& edge) {
    if (region_.position_of(index(edge.to)) == Region::kNotIn) return;
    const auto params = p_.params_of(p_.blocks[index(edge.to)]);
    const auto args = p_.args_of(edge);
    for (size_t i = 0; i < params.size(); ++i) alias_[params[i]] = resolve(args[i]);
  }

  /// A parameter of a member stands for its one argument.
  ValueId resolve(ValueId id) const {
    const auto at = alias_.find(id);
    return at == alias_.end() ? id : at->second;
  }

  // --- writing
  Straight::Piece& piece() { return out_.pieces.back(); }

  void write(const Insn& insn) {
    out_.cycles += left_ * cost_of(p_, insn);
    piece().insns.push_back(insn);
  }

  ValueId add_value(Type type) {
    out_.types.push_back(type);
    return ValueId{static_cast<uint32_t>(p_.values.size() + out_.types.size() - 1)};
  }

  ValueId write(Op op, Type type, ValueId a, ValueId b, uint64_t imm, uint32_t source = kNoSource) {
    Insn insn;
    insn.op = op;
    insn.type = type;
    insn.a = a;
    insn.b = b;
    insn.imm = imm;
    insn.source = source;
    insn.result = add_value(type);
    write(insn);
    return insn.result;
  }

  void ask_constant_needs() {
    for (const Base base : {Base::kData, Base::kTransport}) {
      const uint64_t wanted = wanted_[static_cast<uint32_t>(base)];
      if (wanted <= readable_[static_cast<uint32_t>(base)]) continue;
      Insn need;
      need.op = Op::kNeed;
      need.base = base;
      need.imm = wanted;
      out_.leaves = true;
      write(need);
    }
  }

  void ask(OffsetNeed& need) {
    if (need.done) return;
    need.done = true;
    Insn insn = need.insn;
    insn.a = value(insn.a);
    out_.leaves = true;
    write(insn);
    const double strangers = std::max(0.0, left_ - need.share);
    out_.cycles += strangers * kStrangersFail * (2 * kCosts.mispredict + region_.cycles);
  }

  /// What stands for a value of the program, written here if it was not yet.
  ValueId value(ValueId id) {
    const ValueId root = resolve(id);
    const ValueId made = defined(root);
    if (root != id) out_.values[id] = made;
    return made;
  }

  ValueId defined(ValueId id) {
    const auto def = definition_.find(id);
    if (def == definition_.end()) return id;
    if (const auto known = out_.values.find(id); known != out_.values.end()) return known->second;
    Insn insn = p_.insns[def->second];
    if (load_size(insn.op) != 0 && insn.a != kNoValue)
      if (OffsetNeed* const need = need_of(insn)) ask(*need);
    if (insn.a != kNoValue) insn.a = value(insn.a);
    if (insn.b != kNoValue) insn.b = value(insn.b);
    insn.result = add_value(insn.type);
    write(insn);
    return out_.values[id] = insn.result;
  }

  // --- conditions
  PredId test_of(const Term& term) {
    return preds_.test({term.rel, false, resolve(term.a),
                        term.b == kNoValue ? kNoValue : resolve(term.b), term.imm, term.table,
                        term.source});
  }

  PredId case_of(const Term& term, const Case& c) {
    return preds_.test({Rel::kEq, false, resolve(term.a), kNoValue, c.value, 0, kNoSource});
  }

  ValueId write_pred(PredId id) {
    if (const auto known = written_.find(id); known != written_.end()) return known->second;
    const Predicates::Node node = preds_[id];
    ValueId made = kNoValue;
    switch (node.kind) {
      case Predicates::Kind::kFalse:
      case Predicates::Kind::kTrue:
        made = write(Op::kConst, Type::kU32, kNoValue, kNoValue,
                     node.kind == Predicates::Kind::kTrue ? 1 : 0);
        break;
      case Predicates::Kind::kTest:
        made = write_test(node.test);
        break;
      case Predicates::Kind::kAnd:
      case Predicates::Kind::kOr: {
        const Op op = node.kind == Predicates::Kind::kAnd ? Op::kAnd : Op::kOr;
        const ValueId left = write_pred(node.left);
        made = write(op, Type::kU32, left, write_pred(node.right), 0);
        break;
      }
    }
    return written_[id] = made;
  }

  ValueId write_test(const PredTest& t) {
    const ValueId a = value(t.a);
    const ValueId b = t.b == kNoValue ? kNoValue : value(t.b);
    const auto test = [&](Op op) { return write(op, Type::kU32, a, b, t.imm, t.source); };
    switch (t.rel) {
      case Rel::kEq:
        return test(t.negated ? Op::kNe : Op::kEq);
      case Rel::kLt:
      case Rel::kLe:
      case Rel::kAny: {
        const Op op = t.rel == Rel::kLt ? Op::kLt : t.rel == Rel::kLe ? Op::kLe : Op::kAny;
        const ValueId holds = test(op);
        return t.negated ? write(Op::kXor, Type::kU32, holds, kNoValue, 1) : holds;
      }
      case Rel::kIn:
        return write_find(a, t);
    }
    return kNoValue;
  }

  ValueId write_find(ValueId key, const PredTest& t) {
    const Table& table = p_.tables[t.table];
    Insn find;
    find.op = Op::kFind;
    find.type = Type::kU32;
    find.a = key;
    find.table = t.table;
    find.source = t.source;
    find.result = add_value(Type::kU32);
    write(find);
    const bool set = table.miss == 0 && std::all_of(table.entries.begin(), table.entries.end(),
                                                    [](const auto& e) { return e.value == 1; });
    if (set && !t.negated) return find.result;
    const Op op = t.negated ? Op::kEq : Op::kNe;
    return write(op, Type::kU32, find.result, kNoValue, table.miss, t.source);
  }

  // --- sides
  /// Calls fold(condition, edge) for the ways out of a member from the last to the first; the last
  /// one has no condition of its own.
  template <class Visit>
  void for_each_choice(const Term& term, Visit visit) {
    switch (term.kind) {
      case TermKind::kJump:
        visit(Predicates::kAlways, term.taken);
        return;
      case TermKind::kBranch:
        visit(Predicates::kAlways, term.other);
        visit(test_of(term), term.taken);
        return;
      case TermKind::kSwitch:
        visit(Predicates::kAlways, term.other);
        for (uint32_t i = term.case_count; i-- > 0;) {
          const Case& c = p_.cases[term.cases + i];
          visit(case_of(term, c), c.edge);
        }
        return;
      case TermKind::kRet:
      case TermKind::kExit:
      case TermKind::kResume:
      case TermKind::kPull:
        return;
    }
  }

  uint32_t side_of(const Edge& edge) const {
    for (uint32_t s = 0; s < region_.sides.size(); ++s)
      if (region_.sides[s].is(index(edge.to), p_.args_of(edge))) return s;
    return Straight::kEnds;
  }

  PredId choose(PredId condition, PredId a, PredId b) {
    if (condition == Predicates::kAlways || b == kDoesNotMatter) return a;
    return a == kDoesNotMatter ? b : preds_.choice(condition, a, b);
  }

  /// By member: whether a packet there comes to side `s`; of earlier sides nobody asks any more.
  std::vector<PredId> comes_to(uint32_t s) {
    std::vector<PredId> comes(region_.members.size(), Predicates::kNever);
    for (size_t m = region_.members.size(); m-- > 0;) {
      for_each_choice(p_.blocks[region_.members[m]].term, [&](PredId condition, const Edge& edge) {
        const uint32_t at = region_.position_of(index(edge.to));
        PredId there = Predicates::kNever;
        if (at != Region::kNotIn) {
          there = comes[at];
        } else {
          const uint32_t side = side_of(edge);
          if (side == s) there = Predicates::kAlways;
          if (side < s) there = kDoesNotMatter;
        }
        comes[m] = choose(condition, there, comes[m]);
      });
    }
    return comes;
  }

  /// False if too much lies beyond the side.
  bool leave_to(uint32_t s) {
    const Side& side = region_.sides[s];
    const std::vector<PredId> comes = comes_to(s);
    const PredId when = comes[0] == kDoesNotMatter ? Predicates::kNever : comes[0];
    out_.beyond.emplace_back();
    if (when == Predicates::kNever) return true;
    if (!find_beyond(s)) return false;
    for (OffsetNeed& need : needs_)
      if (std::any_of(need.members.begin(), need.members.end(),
                      [&](uint32_t m) { return comes[m] != Predicates::kNever; }))
        ask(need);
    write_for_beyond(s);
    std::vector<ValueId> args;
    for (ValueId arg : side.args) args.push_back(value(arg));
    end_piece(when, s, std::move(args));
    const double stay = std::max(0.0, left_ - side.share);
    const double mispredicted = std::min({mispredicted_for(s, comes), side.share, stay});
    out_.mispredicts += mispredicted;
    out_.cycles += left_ * cost_of(p_, piece().term) + mispredicted * kCosts.mispredict;
    left_ = stay;
    if (!ended_) out_.pieces.emplace_back();
    return true;
  }

  /// What is mispredicted now by the branches that decide whether a packet comes to the side.
  double mispredicted_for(uint32_t s, const std::vector<PredId>& comes) {
    double sum = 0;
    for (uint32_t m = 0; m < region_.members.size(); ++m) {
      const uint32_t b = region_.members[m];
      std::set<PredId> ways;
      for_each_edge(p_, p_.blocks[b].term, [&](const Edge& edge) {
        const uint32_t at = region_.position_of(index(edge.to));
        const PredId way = at != Region::kNotIn ? comes[at]
                           : side_of(edge) == s ? Predicates::kAlways
                           : side_of(edge) < s  ? kDoesNotMatter
                                                : Predicates::kNever;
        if (way != kDoesNotMatter) ways.insert(way);
      });
      if (ways.size() > 1) sum += region_.reach[m] * of_.flow.mispredicted[b];
    }
    return sum;
  }

  void end_piece(PredId when, uint32_t s, std::vector<ValueId> args) {
    Term term;
    term.kind = TermKind::kJump;
    ended_ = when == Predicates::kAlways;
    bool on_taken = true;
    if (!ended_) {
      const Predicates::Node node = preds_[when];
      term.kind = TermKind::kBranch;
      if (node.kind == Predicates::Kind::kTest && node.test.source != kNoSource) {
        // The test as it was, with its source, so that the profile still speaks of it.
        term.rel = node.test.rel;
        term.a = value(node.test.a);
        term.b = node.test.b == kNoValue ? kNoValue : value(node.test.b);
        term.imm = node.test.imm;
        term.table = node.test.table;
        term.source = node.test.source;
        on_taken = !node.test.negated;
      } else {
        term.a = write_pred(when);
        term.rel = Rel::kAny;
        term.imm = 1;
      }
    }
    piece().term = term;
    piece().side = s;
    piece().on_taken = on_taken;
    piece().args = std::move(args);
  }

  bool find_beyond(uint32_t s) {
    std::set<uint32_t> open{region_.sides[s].block};
    std::vector<uint32_t>& found = out_.beyond[s];
    while (!open.empty()) {
      const uint32_t b = *open.begin();
      open.erase(open.begin());
      found.push_back(b);
      if (found.size() > kMaxBeyond) return false;
      for (const Insn& insn : p_.insns_of(p_.blocks[b]))
        if (insn.op == Op::kNeed) open.insert(index(insn.fail));
      for_each_edge(p_, p_.blocks[b].term, [&](const Edge& edge) { open.insert(index(edge.to)); });
    }
    return true;
  }

  /// What the blocks beyond a side use of the region must be there before it.
  void write_for_beyond(uint32_t s) {
    std::set<ValueId> own;
    const auto use = [&](ValueId id) {
      if (id == kNoValue || own.contains(id)) return;
      value(id);
    };
    for (uint32_t b : out_.beyond[s]) {
      const Block& block = p_.blocks[b];
      for (ValueId param : p_.params_of(block)) own.insert(param);
      for (const Insn& insn : p_.insns_of(block)) {
        use(insn.a);
        use(insn.b);
        if (insn.result != kNoValue) own.insert(insn.result);
      }
      use(block.term.a);
      use(block.term.b);
      for_each_edge(p_, block.term, [&](const Edge& edge) {
        for (ValueId arg : p_.args_of(edge)) use(arg);
      });
    }
  }

  // --- the answer
  void answer() {
    std::vector<Answer> answers(region_.members.size());
    for (size_t m = region_.members.size(); m-- > 0;) {
      const Term& term = p_.blocks[region_.members[m]].term;
      if (term.kind == TermKind::kRet) {
        answers[m] = term.a == kNoValue ? constant(term.imm) : as_value(value(term.a));
        continue;
      }
      for_each_choice(term, [&](PredId condition, const Edge& edge) {
        const uint32_t at = region_.position_of(index(edge.to));
        const Answer there = at == Region::kNotIn ? Answer() : answers[at];
        answers[m] = choose(condition, there, answers[m]);
      });
    }
    for (OffsetNeed& need : needs_) ask(need);
    Term& term = piece().term;
    term.kind = TermKind::kRet;
    const Answer& all = answers[0];
    if (all.kind == Answer::Kind::kChoice && all.when == Predicates::kAlways) {
      term.imm = all.yes;
    } else if (all.kind != Answer::Kind::kDoesNotMatter) {
      const ValueId result = write_answer(all);
      piece().term.a = result;
    }
    out_.cycles += left_ * cost_of(p_, piece().term);
  }

  static Answer constant(uint64_t imm) {
    return {Answer::Kind::kChoice, Predicates::kAlways, imm, imm, kNoValue};
  }

  static Answer as_value(ValueId id) {
    return {Answer::Kind::kValue, Predicates::kAlways, 0, 0, id};
  }

  Answer choose(PredId condition, const Answer& a, const Answer& b) {
    if (condition == Predicates::kAlways || b.kind == Answer::Kind::kDoesNotMatter) return a;
    if (a.kind == Answer::Kind::kDoesNotMatter || condition == Predicates::kNever) return b;
    if (a.kind == Answer::Kind::kChoice && b.kind == Answer::Kind::kChoice) {
      const uint64_t yes = std::max({a.yes, a.no, b.yes, b.no});
      const uint64_t no = std::min({a.yes, a.no, b.yes, b.no});
      const auto within = [&](const Answer& x) {
        return (x.yes == yes || x.yes == no) && (x.no == yes || x.no == no);
      };
      if (within(a) && within(b))
        return {Answer::Kind::kChoice, preds_.choice(condition, when(a, yes), when(b, yes)), yes,
                no, kNoValue};
    }
    // a where it holds: b ^ ((a ^ b) & -condition)
    const ValueId va = write_answer(a);
    const ValueId vb = write_answer(b);
    const ValueId mask = write(Op::kNeg, Type::kU32, write_pred(condition), kNoValue, 0);
    const ValueId change = write(Op::kXor, Type::kU32, va, vb, 0);
    const ValueId masked = write(Op::kAnd, Type::kU32, change, mask, 0);
    return as_value(write(Op::kXor, Type::kU32, vb, masked, 0));
  }

  /// When the answer is `yes`, of two that it may be.
  PredId when(const Answer& answer, uint64_t yes) {
    const PredId one = answer.yes == yes ? Predicates::kAlways : Predicates::kNever;
    const PredId two = answer.no == yes ? Predicates::kAlways : Predicates::kNever;
    return preds_.choice(answer.when, one, two);
  }

  ValueId write_answer(const Answer& answer) {
    if (answer.kind == Answer::Kind::kValue) return answer.value;
    if (answer.yes == answer.no || answer.when == Predicates::kAlways)
      return write(Op::kConst, Type::kU32, kNoValue, kNoValue, answer.yes);
    if (answer.when == Predicates::kNever)
      return write(Op::kConst, Type::kU32, kNoValue, kNoValue, answer.no);
    const ValueId holds = write_pred(answer.when);
    if (answer.no == 0 && std::has_single_bit(answer.yes))
      return answer.yes == 1 ? holds
                             : write(Op::kShl, Type::kU32, holds, kNoValue,
                                     static_cast<uint64_t>(std::countr_zero(answer.yes)));
    const ValueId mask = write(Op::kNeg, Type::kU32, holds, kNoValue, 0);
    const ValueId yes = write(Op::kAnd, Type::kU32, mask, kNoValue, answer.yes ^ answer.no);
    if (answer.no == 0) return yes;
    return write(Op::kXor, Type::kU32, yes, kNoValue, answer.no);
  }

  const Convertible& of_;
  const Program& p_;
  const Region& region_;
  uint64_t readable_[2];
  uint64_t wanted_[2] = {0, 0};
  std::map<ValueId, uint32_t> definition_;
  std::map<ValueId, ValueId> alias_;
  std::vector<OffsetNeed> needs_;
  Predicates preds_;
  std::map<PredId, ValueId> written_;
  double left_ = 1;  ///< share of packets that come to what is written now
  bool ended_ = false;
  Straight out_;
};

}  // namespace

uint32_t leading_needs(const Program& program, uint32_t head) {
  const Block& block = program.blocks[head];
  uint32_t count = 0;
  while (count < block.count && program.insns[block.first + count].op == Op::kNeed) ++count;
  return count;
}

std::optional<Straight> straighten(const Convertible& of, const Region& region,
                                   const uint64_t (&readable)[2]) {
  return Straighten(of, region, readable).run();
}

}  // namespace ipjit::ir
