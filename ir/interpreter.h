// SPDX-License-Identifier: BSD-2-Clause
// The meaning of the IR: slow, obvious, also tier 0.
//
// What is not obvious: a place is offset value + imm in 64 bits, and one that wraps is not
// readable; edges pass their arguments all at once (a block may hand its own parameters over in
// another order, though never to itself); 32-bit values are kept in 64-bit slots with a zero upper
// half, so each 32-bit result is cut to size where it is made.
//
// An observer sees what a run does; with the one that sees nothing the calls vanish, so that there
// is one interpreter for answers and for profiles.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/arithmetic.h"
#include "ir/program.h"

namespace ipjit::ir {

/// What Interpreter tells its observer, in the order of the run.
struct Unobserved {
  /// Before a load of the bytes [place, place + size) of its base; false ends the run.
  bool may_load(const Insn&, uint64_t) { return true; }
  void need(const Insn&, bool) {}                   ///< passed or failed
  void value(const Insn&, uint64_t) {}              ///< what a load or a meta field gave
  void branch(BlockId, const Term&, bool) {}        ///< taken or other
  void switched(BlockId, const Term&, uint32_t) {}  ///< case; case_count: the other edge
};

inline constexpr uint32_t ipjit_ctx::*kCtxFields[] = {
#define IPJIT_FIELD(name, meaning) &ipjit_ctx::name,
#include "ipjit/fields.def"
#undef IPJIT_FIELD
};

inline uint64_t load_be(const uint8_t* p, uint32_t size) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < size; ++i) v = v << 8 | p[i];
  return v;
}

inline uint64_t load_le(const uint8_t* p, uint32_t size) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < size; ++i) v |= uint64_t{p[i]} << (8 * i);
  return v;
}

/// Runs one program on packet after packet; interpret.h says what it takes and gives.
template <class Observer>
class Interpreter {
 public:
  /// Both outlive the interpreter.
  Interpreter(const Program& program, Observer& observer)
      : p_(program), observer_(observer), values_(program.values.size()) {}

  /// Takes: `len` bytes at `data`, of which an observer that refuses loads may lack some.
  /// Gives: the native ABI's result; IPJIT_NEED_BYTES and 0 if the observer has ended the run.
  uint64_t run(const uint8_t* data, uint64_t len, const ipjit_ctx& ctx) {
    data_ = data;
    len_ = len;
    ctx_ = &ctx;
    actions_ = 0;
    at_ = BlockId{0};
    while (true) {
      const Block& block = p_.blocks[index(at_)];
      const Step step = run_insns(block);
      if (step == Step::kOver || (step == Step::kOn && run_term(block.term))) return result_;
    }
  }

 private:
  enum class Step : uint8_t { kOn, kLeft, kOver };

  uint64_t value(ValueId id) const { return values_[index(id)]; }
  uint64_t value_or(ValueId id, uint64_t imm) const { return id == kNoValue ? imm : value(id); }

  void set(const Insn& insn, uint64_t v) {
    values_[index(insn.result)] = insn.type == Type::kU32 ? static_cast<uint32_t>(v) : v;
  }

  bool readable(const Insn& insn) const {
    const uint64_t length = insn.base == Base::kData ? len_ : ctx_->th_len;
    uint64_t place = 0;
    return !__builtin_add_overflow(value_or(insn.a, 0), insn.imm, &place) && place <= length;
  }

  uint64_t place(const Insn& insn) const { return value_or(insn.a, 0) + insn.imm; }

  const uint8_t* at(const Insn& insn) const {
    return (insn.base == Base::kData ? data_ : ctx_->th) + place(insn);
  }

  /// kLeft: a need has gone to its else block; kOver: the observer has ended the run.
  Step run_insns(const Block& block) {
    for (const Insn& insn : p_.insns_of(block)) {
      if (insn.op == Op::kNeed) {
        const bool passed = readable(insn);
        observer_.need(insn, passed);
        if (passed) continue;
        at_ = insn.fail;
        return Step::kLeft;
      }
      if (!run_insn(insn)) return Step::kOver;
    }
    return Step::kOn;
  }

  template <class Read>
  bool load(const Insn& insn, Read read) {
    if (!observer_.may_load(insn, place(insn))) {
      result_ = ipjit_result(IPJIT_NEED_BYTES, 0);
      return false;
    }
    set(insn, read(at(insn), load_size(insn.op)));
    observer_.value(insn, value(insn.result));
    return true;
  }

  /// False if the observer has ended the run.
  bool run_insn(const Insn& insn) {
    switch (insn.op) {
      case Op::kConst:
        set(insn, insn.imm);
        return true;
      case Op::kNeed:
        return true;
      case Op::kLoad8:
      case Op::kLoadBe16:
      case Op::kLoadBe32:
      case Op::kLoadBe64:
        return load(insn, load_be);
      case Op::kLoadLe16:
      case Op::kLoadLe32:
      case Op::kLoadLe64:
        return load(insn, load_le);
      case Op::kMeta:
        set(insn, ctx_->*kCtxFields[insn.imm]);
        observer_.value(insn, value(insn.result));
        return true;
      case Op::kFind:
        set(insn, find_in(p_.tables[insn.table], value(insn.a)));
        return true;
      case Op::kEffect:
        ctx_->actions->id[actions_++] = static_cast<uint16_t>(insn.imm);
        ctx_->actions->count = actions_;
        return true;
      case Op::kCount:
        ++ctx_->counters[insn.imm];
        return true;
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
      case Op::kEq:
      case Op::kNe:
      case Op::kLt:
      case Op::kLe:
      case Op::kAny:
      case Op::kNeg:
      case Op::kBswap:
      case Op::kZext:
      case Op::kTrunc:
        set(insn, compute(insn.op, insn.type, value(insn.a), value_or(insn.b, insn.imm)));
        return true;
    }
    return true;
  }

  bool holds(const Term& term) const {
    const uint64_t a = value(term.a);
    if (term.rel != Rel::kIn) return compare(term.rel, a, value_or(term.b, term.imm));
    const Table& table = p_.tables[term.table];
    return find_in(table, a) != table.miss;
  }

  const Edge& chosen_edge(const Term& term) {
    const bool taken = holds(term);
    observer_.branch(at_, term, taken);
    return taken ? term.taken : term.other;
  }

  const Edge& chosen_case(const Term& term) {
    uint32_t i = 0;
    while (i < term.case_count && p_.cases[term.cases + i].value != value(term.a)) ++i;
    observer_.switched(at_, term, i);
    return i < term.case_count ? p_.cases[term.cases + i].edge : term.other;
  }

  /// True if the run is over, with result_ set.
  bool run_term(const Term& term) {
    switch (term.kind) {
      case TermKind::kJump:
        return follow(term.taken);
      case TermKind::kBranch:
        return follow(chosen_edge(term));
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
  Observer& observer_;
  const uint8_t* data_ = nullptr;
  uint64_t len_ = 0;
  const ipjit_ctx* ctx_ = nullptr;
  std::vector<uint64_t> values_;
  std::vector<uint64_t> arguments_;
  uint32_t actions_ = 0;
  BlockId at_{0};
  uint64_t result_ = 0;
};

}  // namespace ipjit::ir
