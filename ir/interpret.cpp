// SPDX-License-Identifier: BSD-2-Clause
// The meaning of the IR: slow, obvious, also tier 0.
//
// What is not obvious: a place is offset value + imm in 64 bits, and one that wraps is not
// readable; edges pass their arguments all at once (a block may hand its own parameters over in
// another order, though never to itself); 32-bit values are kept in 64-bit slots with a zero upper
// half, so each 32-bit result is cut to size where it is made.
#include "ir/interpret.h"

#include <algorithm>

#include "ir/arithmetic.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t ipjit_ctx::*kFields[] = {
#define IPJIT_FIELD(name, meaning) &ipjit_ctx::name,
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

uint64_t load_be(const uint8_t* p, uint32_t size) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < size; ++i) v = v << 8 | p[i];
  return v;
}

uint64_t load_le(const uint8_t* p, uint32_t size) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < size; ++i) v |= uint64_t{p[i]} << (8 * i);
  return v;
}

class Run {
 public:
  Run(const Program& program, std::span<const uint8_t> data, const ipjit_ctx& ctx)
      : p_(program), data_(data), ctx_(ctx), values_(program.values.size()) {}

  uint64_t run() {
    while (true) {
      const Block& block = p_.blocks[index(at_)];
      if (run_insns(block) && run_term(block.term)) return result_;
    }
  }

 private:
  uint64_t value(ValueId id) const { return values_[index(id)]; }
  uint64_t value_or(ValueId id, uint64_t imm) const { return id == kNoValue ? imm : value(id); }

  void set(const Insn& insn, uint64_t v) {
    values_[index(insn.result)] = insn.type == Type::kU32 ? static_cast<uint32_t>(v) : v;
  }

  bool readable(const Insn& insn) const {
    const uint64_t length = insn.base == Base::kData ? data_.size() : ctx_.th_len;
    uint64_t place = 0;
    return !__builtin_add_overflow(value_or(insn.a, 0), insn.imm, &place) && place <= length;
  }

  const uint8_t* place(const Insn& insn) const {
    return (insn.base == Base::kData ? data_.data() : ctx_.th) + value_or(insn.a, 0) + insn.imm;
  }

  /// False if a need has left the block.
  bool run_insns(const Block& block) {
    for (const Insn& insn : p_.insns_of(block)) {
      if (insn.op == Op::kNeed) {
        if (readable(insn)) continue;
        at_ = insn.fail;
        return false;
      }
      run_insn(insn);
    }
    return true;
  }

  void run_insn(const Insn& insn) {
    switch (insn.op) {
      case Op::kConst:
        return set(insn, insn.imm);
      case Op::kNeed:
        return;
      case Op::kLoad8:
      case Op::kLoadBe16:
      case Op::kLoadBe32:
      case Op::kLoadBe64:
        return set(insn, load_be(place(insn), load_size(insn.op)));
      case Op::kLoadLe16:
      case Op::kLoadLe32:
      case Op::kLoadLe64:
        return set(insn, load_le(place(insn), load_size(insn.op)));
      case Op::kMeta:
        return set(insn, ctx_.*kFields[insn.imm]);
      case Op::kFind:
        return set(insn, find_in(p_.tables[insn.table], value(insn.a)));
      case Op::kEffect:
        ctx_.actions->id[actions_++] = static_cast<uint16_t>(insn.imm);
        ctx_.actions->count = actions_;
        return;
      case Op::kCount:
        ++ctx_.counters[insn.imm];
        return;
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
      case Op::kMod:
      case Op::kAnd:
      case Op::kOr:
      case Op::kXor:
      case Op::kShl:
      case Op::kShr:
      case Op::kNeg:
      case Op::kBswap:
      case Op::kZext:
      case Op::kTrunc:
        return set(insn, compute(insn.op, insn.type, value(insn.a), value_or(insn.b, insn.imm)));
    }
  }

  bool holds(const Term& term) const {
    const uint64_t a = value(term.a);
    if (term.rel != Rel::kIn) return compare(term.rel, a, value_or(term.b, term.imm));
    const Table& table = p_.tables[term.table];
    return find_in(table, a) != table.miss;
  }

  const Edge& chosen_case(const Term& term) const {
    for (const Case& c : p_.cases_of(term))
      if (c.value == value(term.a)) return c.edge;
    return term.other;
  }

  /// True if the run is over, with result_ set.
  bool run_term(const Term& term) {
    switch (term.kind) {
      case TermKind::kJump:
        return follow(term.taken);
      case TermKind::kBranch:
        return follow(holds(term) ? term.taken : term.other);
      case TermKind::kSwitch:
        return follow(chosen_case(term));
      case TermKind::kRet:
        return finish(IPJIT_DONE, value_or(term.a, term.imm));
      case TermKind::kExit:
        return finish(IPJIT_DONE, term.imm);
      case TermKind::kResume:
        return finish(IPJIT_RESUME, term.imm);
      case TermKind::kPull:
        return finish(IPJIT_NEED_BYTES, value_or(term.a, term.imm));
    }
    return true;
  }

  bool follow(const Edge& edge) {
    const auto params = p_.params_of(p_.blocks[index(edge.to)]);
    arguments_.clear();
    for (ValueId arg : p_.args_of(edge)) arguments_.push_back(value(arg));
    for (size_t i = 0; i < params.size(); ++i) values_[index(params[i])] = arguments_[i];
    at_ = edge.to;
    return false;
  }

  bool finish(ipjit_status status, uint64_t low) {
    result_ = ipjit_result(status, static_cast<uint32_t>(low));
    return true;
  }

  const Program& p_;
  std::span<const uint8_t> data_;
  const ipjit_ctx& ctx_;
  std::vector<uint64_t> values_;
  std::vector<uint64_t> arguments_;
  uint32_t actions_ = 0;
  BlockId at_{0};
  uint64_t result_ = 0;
};

}  // namespace

uint64_t interpret(const Program& program, std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  return Run(program, data, ctx).run();
}

}  // namespace ipjit::ir
