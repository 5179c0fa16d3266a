// SPDX-License-Identifier: BSD-2-Clause
// Writes a region's values and conditions.
//
// A value is copied when something first asks for it, after what it is made of; so nothing is
// written that no answer needs, and what a packet is asked first stands first.  Needs at constant
// places are one need before everything; one with an offset value stands before its first load.
// Conditions that are all to hold are looked at together, so that fields that lie close to each
// other are compared at once (wide_test.h).
//
// Every instruction is priced as it is written, by the share of packets that come so far.
//
// Tested by tests/special/.
#include "ir/special/straight_writer.h"

#include <algorithm>

#include "ir/edges.h"
#include "ir/special/cost.h"

namespace ipjit::ir {
namespace {

// Of the packets that the branches kept away from a need: they may be shorter than those it met.
constexpr double kStrangersFail = 0.02;

}  // namespace

StraightWriter::StraightWriter(const Convertible& of, const Region& region,
                               const uint64_t (&readable)[2], bool wide)
    : of_(of), p_(of.program), region_(region), wide_(wide), readable_{readable[0], readable[1]} {
  out_.pieces.emplace_back();
  for (uint32_t m = 0; m < region.members.size(); ++m) read_member(m);
  ask_constant_needs();
}

// --- what the region holds

void StraightWriter::read_member(uint32_t member) {
  const Block& block = p_.blocks[region_.members[member]];
  const uint32_t leading = member == 0 ? leading_needs(p_, region_.head()) : 0;
  for (uint32_t i = block.first; i < block.first + block.count; ++i) {
    const Insn& insn = p_.insns[i];
    if (i < block.first + leading) {
      // It stays where it is, before everything.
      uint64_t& readable = readable_[static_cast<uint32_t>(insn.base)];
      if (insn.a == kNoValue) readable = std::max(readable, insn.imm);
      out_.cycles += cost_of(p_, insn);
      continue;
    }
    if (insn.result != kNoValue) definition_[insn.result] = i;
    if (insn.op == Op::kNeed) see_need(insn, member);
  }
  for_each_edge(p_, block.term, [&](const Edge& edge) {
    if (region_.position_of(index(edge.to)) == Region::kNotIn) return;
    const auto params = p_.params_of(p_.blocks[index(edge.to)]);
    const auto args = p_.args_of(edge);
    for (size_t i = 0; i < params.size(); ++i) alias_[params[i]] = resolve(args[i]);
  });
}

void StraightWriter::see_need(const Insn& insn, uint32_t member) {
  if (insn.a == kNoValue) {
    uint64_t& wanted = wanted_[static_cast<uint32_t>(insn.base)];
    wanted = std::max(wanted, insn.imm);
    return;
  }
  OffsetNeed* need = need_of(insn.base, insn.a);
  if (need == nullptr) {
    need = &needs_.emplace_back(OffsetNeed{insn, 0, {}, false});
    need->insn.a = resolve(insn.a);
  }
  need->insn.imm = std::max(need->insn.imm, insn.imm);
  need->share = std::max(need->share, region_.reach[member]);
  need->members.push_back(member);
}

StraightWriter::OffsetNeed* StraightWriter::need_of(Base base, ValueId offset) {
  for (OffsetNeed& need : needs_)
    if (need.insn.a == resolve(offset) && need.insn.base == base) return &need;
  return nullptr;
}

uint64_t StraightWriter::readable(Base base, ValueId offset) {
  const uint32_t b = static_cast<uint32_t>(base);
  if (offset == kNoValue) return std::max(readable_[b], wanted_[b]);
  const OffsetNeed* const need = need_of(base, offset);
  return need == nullptr ? 0 : need->insn.imm;
}

ValueId StraightWriter::resolve(ValueId id) const {
  const auto at = alias_.find(id);
  return at == alias_.end() ? id : at->second;
}

// --- needs

void StraightWriter::ask_constant_needs() {
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

void StraightWriter::ask(const std::vector<uint8_t>& wanted) {
  for (OffsetNeed& need : needs_)
    if (std::ranges::any_of(need.members, [&](uint32_t m) { return wanted[m] != 0; })) ask(need);
}

void StraightWriter::ask(OffsetNeed& need) {
  if (need.done) return;
  need.done = true;
  Insn insn = need.insn;
  insn.a = value(insn.a);
  out_.leaves = true;
  write(insn);
  const double strangers = std::max(0.0, left_ - need.share);
  out_.cycles += strangers * kStrangersFail * (kCosts.mispredict + region_.cycles);
}

/// A need with an offset value covers constant places too, as no value is below 0.
void StraightWriter::cover(Base base, uint64_t end) {
  if (end <= readable(base, kNoValue)) return;
  // In the region's order: what covers the load stands before what hangs on it.
  for (OffsetNeed& need : needs_)
    if (need.insn.base == base && need.insn.imm >= end) return ask(need);
}

// --- values

void StraightWriter::write(const Insn& insn) {
  out_.cycles += left_ * cost_of(p_, insn);
  piece().insns.push_back(insn);
}

ValueId StraightWriter::add(Insn insn, Type type) {
  insn.type = type;
  out_.types.push_back(type);
  insn.result = ValueId{static_cast<uint32_t>(p_.values.size() + out_.types.size() - 1)};
  write(insn);
  return insn.result;
}

ValueId StraightWriter::write(Op op, Type type, ValueId a, ValueId b, uint64_t imm,
                              uint32_t source) {
  Insn insn;
  insn.op = op;
  insn.a = a;
  insn.b = b;
  insn.imm = imm;
  insn.source = source;
  return add(insn, type);
}

ValueId StraightWriter::value(ValueId id) {
  const ValueId root = resolve(id);
  const ValueId made = defined(root);
  if (root != id) out_.values[id] = made;
  return made;
}

ValueId StraightWriter::defined(ValueId id) {
  const auto def = definition_.find(id);
  if (def == definition_.end()) return id;
  if (const auto known = out_.values.find(id); known != out_.values.end()) return known->second;
  Insn insn = p_.insns[def->second];
  if (load_size(insn.op) != 0 && insn.a != kNoValue)
    if (OffsetNeed* const need = need_of(insn.base, insn.a)) ask(*need);
  if (load_size(insn.op) != 0 && insn.a == kNoValue)
    cover(insn.base, insn.imm + load_size(insn.op));
  if (insn.a != kNoValue) insn.a = value(insn.a);
  if (insn.b != kNoValue) insn.b = value(insn.b);
  return out_.values[id] = add(insn, insn.type);
}

// --- conditions

ValueId StraightWriter::write(PredId id) {
  if (const auto known = written_.find(id); known != written_.end()) return known->second;
  const Predicates::Node node = preds_[id];
  ValueId made = kNoValue;
  switch (node.kind) {
    case Predicates::Kind::kFalse:
    case Predicates::Kind::kTrue:
      made = write(Op::kConst, Type::kU32, kNoValue, kNoValue, id == Predicates::kAlways ? 1 : 0);
      break;
    case Predicates::Kind::kTest:
      made = write_test(node.test);
      break;
    case Predicates::Kind::kAnd:
      made = write_inner(id, Op::kAnd);
      break;
    case Predicates::Kind::kOr:
      made = write_inner(id, Op::kOr);
      break;
  }
  return written_[id] = made;
}

ValueId StraightWriter::write_inner(PredId id, Op op) {
  std::vector<FieldTest> fields;
  std::vector<PredId> parts, tests;
  if (op == Op::kAnd && wide_) parts = preds_.parts_of(Predicates::Kind::kAnd, id);
  const auto definition = [&](ValueId v) { return of_.definition(resolve(v)); };
  for (PredId part : parts) {
    if (preds_[part].kind != Predicates::Kind::kTest) continue;
    auto field = field_test(preds_[part].test, definition);
    if (!field) continue;
    field->offset = field->offset == kNoValue ? kNoValue : resolve(field->offset);
    fields.push_back(*field);
    tests.push_back(part);
  }
  const auto wides =
      widen(fields, [&](Base base, ValueId offset) { return readable(base, offset); });
  if (wides.empty()) {
    const Predicates::Node node = preds_[id];
    const ValueId left = write(node.left);
    return write(op, Type::kU32, left, write(node.right), 0);
  }
  std::vector<ValueId> written;
  for (const WideTest& wide : wides) {
    for (uint32_t f : wide.of) std::erase(parts, tests[f]);
  }
  for (PredId part : parts) written.push_back(write(part));
  for (const WideTest& wide : wides) written.push_back(write_wide(wide.test));
  ValueId all = written[0];
  for (size_t i = 1; i < written.size(); ++i) all = write(op, Type::kU32, all, written[i], 0);
  return all;
}

ValueId StraightWriter::write_wide(const FieldTest& wide) {
  const auto [it, added] = wides_.try_emplace(
      {wide.base, wide.offset, wide.place, wide.size, wide.mask, wide.value}, kNoValue);
  if (!added) return it->second;
  Insn load = wide_load(wide);
  if (wide.offset != kNoValue) {
    if (OffsetNeed* const need = need_of(wide.base, wide.offset)) ask(*need);
    load.a = value(wide.offset);
  }
  ValueId bytes = add(load, load.type);
  const uint64_t all = wide.size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * wide.size) - 1;
  if (wide.mask != all) bytes = write(Op::kAnd, load.type, bytes, kNoValue, wide.mask);
  return it->second = write(Op::kEq, Type::kU32, bytes, kNoValue, wide.value);
}

ValueId StraightWriter::write_test(const PredTest& t) {
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

ValueId StraightWriter::write_find(ValueId key, const PredTest& t) {
  const Table& table = p_.tables[t.table];
  Insn find;
  find.op = Op::kFind;
  find.a = key;
  find.table = t.table;
  find.source = t.source;
  const ValueId found = add(find, Type::kU32);
  const bool set = table.miss == 0 &&
                   std::ranges::all_of(table.entries, [](const auto& e) { return e.value == 1; });
  if (set && !t.negated) return found;
  return write(t.negated ? Op::kEq : Op::kNe, Type::kU32, found, kNoValue, table.miss, t.source);
}

}  // namespace ipjit::ir
