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
#include "ir/special/straight_writer.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxBeyond = 128;  // blocks copied for one side
constexpr PredId kDoesNotMatter{0xffffffff};
constexpr double kLeastShare = 1e-9;
constexpr double kStrangersLeave = 0.3;  // of packets that did not come to a guard before

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
  Straighten(const Convertible& of, const Region& region, const uint64_t (&readable)[2], bool wide)
      : of_(of), p_(of.program), region_(region), writer_(of, region, readable, wide) {}

  std::optional<Straight> run() {
    for (uint32_t s = 0; s < region_.sides.size() && !ended_; ++s)
      if (!leave_to(s)) return std::nullopt;
    if (!ended_) answer();
    return std::move(out());
  }

 private:
  Straight& out() { return writer_.out(); }
  Straight::Piece& piece() { return writer_.piece(); }
  Predicates& preds() { return writer_.preds(); }

  // --- conditions
  PredId test_of(const Term& term) {
    return preds().test({term.rel, false, writer_.resolve(term.a),
                         term.b == kNoValue ? kNoValue : writer_.resolve(term.b), term.imm,
                         term.table, term.source});
  }

  PredId case_of(const Term& term, const Case& c) {
    return preds().test(
        {Rel::kEq, false, writer_.resolve(term.a), kNoValue, c.value, 0, kNoSource});
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
    return a == kDoesNotMatter ? b : preds().choice(condition, a, b);
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

  /// As comes_to(), but for a side that leaves: whoever fails its test may leave, also packets that
  /// do not come there now; so nothing but the test is asked, and first of all.
  std::vector<PredId> might_leave_by(uint32_t s) {
    std::vector<PredId> comes(region_.members.size(), Predicates::kNever);
    for (size_t m = region_.members.size(); m-- > 0;) {
      PredId before = Predicates::kAlways;  // the conditions of earlier choices do not hold
      std::vector<std::pair<PredId, const Edge*>> choices;
      for_each_choice(p_.blocks[region_.members[m]].term, [&](PredId condition, const Edge& edge) {
        choices.emplace_back(condition, &edge);
      });
      for (size_t c = choices.size(); c-- > 0;) {
        const auto& [condition, edge] = choices[c];
        const uint32_t at = region_.position_of(index(edge->to));
        const PredId here = at != Region::kNotIn  ? comes[at]
                            : side_of(*edge) == s ? preds().both(before, condition)
                                                  : Predicates::kNever;
        comes[m] = preds().either(comes[m], here);
        before = preds().both(before, preds().negation(condition));
      }
    }
    return comes;
  }

  /// False if too much lies beyond the side.
  bool leave_to(uint32_t s) {
    Side side = region_.sides[s];
    const bool leaves = of_.leaves[side.block] != 0;
    const std::vector<PredId> comes = leaves ? might_leave_by(s) : comes_to(s);
    if (leaves) {
      const double strangers = kStrangersLeave * std::max(0.0, writer_.left() - reach_of(s));
      side.share = std::min(writer_.left(), side.share + strangers);
      out().cycles += strangers * (kCosts.mispredict + kCosts.leaving + region_.cycles);
    }
    const PredId when = comes[0] == kDoesNotMatter ? Predicates::kNever : comes[0];
    out().beyond.emplace_back();
    if (when == Predicates::kNever) return true;
    if (!find_beyond(s)) return false;
    std::vector<uint8_t> askers(comes.size());
    std::ranges::transform(comes, askers.begin(), [](PredId c) { return c != Predicates::kNever; });
    if (!leaves) writer_.ask(askers);
    write_for_beyond(s);
    std::vector<ValueId> args;
    for (ValueId arg : side.args) args.push_back(writer_.value(arg));
    end_piece(when, s, std::move(args));
    const double stay = std::max(0.0, writer_.left() - side.share);
    const double mispredicted = std::min({mispredicted_for(s, comes), side.share, stay});
    out().mispredicts += mispredicted;
    const double here = std::max(writer_.left(), kLeastShare);
    piece().share = side.share / here;
    piece().mispredicted = mispredicted / here;
    out().cycles += writer_.left() * cost_of(p_, piece().term) + mispredicted * kCosts.mispredict;
    writer_.set_left(stay);
    if (!ended_) out().pieces.emplace_back();
    return true;
  }

  /// The share of packets that come to a branch that leads to the side.
  double reach_of(uint32_t s) const {
    double reach = 0;
    for (uint32_t m = 0; m < region_.members.size(); ++m)
      for_each_edge(p_, p_.blocks[region_.members[m]].term, [&](const Edge& edge) {
        if (side_of(edge) == s) reach = std::max(reach, region_.reach[m]);
      });
    return reach;
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
      const Predicates::Node node = preds()[when];
      term.kind = TermKind::kBranch;
      if (node.kind == Predicates::Kind::kTest && node.test.source != kNoSource) {
        // The test as it was, with its source, so that the profile still speaks of it.
        term.rel = node.test.rel;
        term.a = writer_.value(node.test.a);
        term.b = node.test.b == kNoValue ? kNoValue : writer_.value(node.test.b);
        term.imm = node.test.imm;
        term.table = node.test.table;
        term.source = node.test.source;
        on_taken = !node.test.negated;
      } else {
        term.a = writer_.write(when);
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
    std::vector<uint32_t>& found = out().beyond[s];
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
      writer_.value(id);
    };
    for (uint32_t b : out().beyond[s]) {
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
    // First: a load at a constant place may have nothing but a need with an offset value before it.
    writer_.ask(std::vector<uint8_t>(region_.members.size(), 1));
    std::vector<Answer> answers(region_.members.size());
    for (size_t m = region_.members.size(); m-- > 0;) {
      const Term& term = p_.blocks[region_.members[m]].term;
      if (term.kind == TermKind::kRet) {
        answers[m] = term.a == kNoValue ? constant(term.imm) : as_value(writer_.value(term.a));
        continue;
      }
      for_each_choice(term, [&](PredId condition, const Edge& edge) {
        const uint32_t at = region_.position_of(index(edge.to));
        const Answer there = at == Region::kNotIn ? Answer() : answers[at];
        answers[m] = choose(condition, there, answers[m]);
      });
    }
    Term& term = piece().term;
    term.kind = TermKind::kRet;
    const Answer& all = answers[0];
    if (all.kind == Answer::Kind::kChoice && all.when == Predicates::kAlways) {
      term.imm = all.yes;
    } else if (all.kind != Answer::Kind::kDoesNotMatter) {
      const ValueId result = write_answer(all);
      piece().term.a = result;
    }
    out().cycles += writer_.left() * cost_of(p_, piece().term);
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
        return {Answer::Kind::kChoice, preds().choice(condition, when(a, yes), when(b, yes)), yes,
                no, kNoValue};
    }
    // a where it holds: b ^ ((a ^ b) & -condition)
    const ValueId va = write_answer(a);
    const ValueId vb = write_answer(b);
    const ValueId mask = writer_.write(Op::kNeg, Type::kU32, writer_.write(condition), kNoValue, 0);
    const ValueId change = writer_.write(Op::kXor, Type::kU32, va, vb, 0);
    const ValueId masked = writer_.write(Op::kAnd, Type::kU32, change, mask, 0);
    return as_value(writer_.write(Op::kXor, Type::kU32, vb, masked, 0));
  }

  /// When the answer is `yes`, of two that it may be.
  PredId when(const Answer& answer, uint64_t yes) {
    const PredId one = answer.yes == yes ? Predicates::kAlways : Predicates::kNever;
    const PredId two = answer.no == yes ? Predicates::kAlways : Predicates::kNever;
    return preds().choice(answer.when, one, two);
  }

  ValueId write_answer(const Answer& answer) {
    if (answer.kind == Answer::Kind::kValue) return answer.value;
    if (answer.yes == answer.no || answer.when == Predicates::kAlways)
      return writer_.write(Op::kConst, Type::kU32, kNoValue, kNoValue, answer.yes);
    if (answer.when == Predicates::kNever)
      return writer_.write(Op::kConst, Type::kU32, kNoValue, kNoValue, answer.no);
    const ValueId holds = writer_.write(answer.when);
    if (answer.no == 0 && std::has_single_bit(answer.yes))
      return answer.yes == 1 ? holds
                             : writer_.write(Op::kShl, Type::kU32, holds, kNoValue,
                                             static_cast<uint64_t>(std::countr_zero(answer.yes)));
    const ValueId mask = writer_.write(Op::kNeg, Type::kU32, holds, kNoValue, 0);
    const ValueId yes = writer_.write(Op::kAnd, Type::kU32, mask, kNoValue, answer.yes ^ answer.no);
    if (answer.no == 0) return yes;
    return writer_.write(Op::kXor, Type::kU32, yes, kNoValue, answer.no);
  }

  const Convertible& of_;
  const Program& p_;
  const Region& region_;
  StraightWriter writer_;
  bool ended_ = false;
};

}  // namespace

uint32_t leading_needs(const Program& program, uint32_t head) {
  const Block& block = program.blocks[head];
  uint32_t count = 0;
  while (count < block.count && program.insns[block.first + count].op == Op::kNeed) ++count;
  return count;
}

std::optional<Straight> straighten(const Convertible& of, const Region& region,
                                   const uint64_t (&readable)[2], bool wide) {
  return Straighten(of, region, readable, wide).run();
}

}  // namespace ipjit::ir
