// SPDX-License-Identifier: BSD-2-Clause
// Can this be indexed, and do the types fit?
//
// The limits are those of the native ABI (abi.h), so that a contract can be written for whatever
// passes.  Places are limited so that offset value + imm + size does not wrap for 32-bit values and
// fits an address for every tier.
//
// Tested by tests/ir/validate_test.cpp.
#include "ir/validate_shape.h"

#include <algorithm>

#include "ir/edges.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kMaxPlace = uint64_t{1} << 34;
constexpr size_t kMaxPool = size_t{1} << 28;
constexpr size_t kMaxTableKeys = size_t{1} << 20;

enum class Wanted : uint8_t { kNone, kU32, kU64, kSame };

Wanted result_of(Op op) {
  switch (op) {
#define IPJIT_OP(name, word, result, operands, meaning) \
  case Op::name:                                        \
    return Wanted::result;
#include "ir/ops.def"
#undef IPJIT_OP
  }
  return Wanted::kNone;
}

bool fits(uint64_t n, Type type) { return type == Type::kU64 || n <= UINT32_MAX; }

class ShapeChecker {
 public:
  explicit ShapeChecker(const Program& program) : p_(program) {}

  Status run() {
    if (p_.blocks.empty()) return refuse(Code::kEmpty, "there is no block");
    if (Status s = check_pools(); !s) return s;
    if (Status s = check_tables(); !s) return s;
    for (block_ = 0; block_ < p_.blocks.size(); ++block_)
      if (Status s = check_block(p_.blocks[block_]); !s) return s;
    block_ = 0;
    if (const uint32_t most = max_actions(p_); most > IPJIT_MAX_ACTIONS)
      return refuse(Code::kTooLong, std::to_string(most) + " effects on one path are too many");
    return ok();
  }

 private:
  Error refuse(Code code, std::string why) const {
    return {Stage::kIr, code, block_, std::move(why)};
  }

  Status check_pools() const {
    for (size_t size : {p_.blocks.size(), p_.insns.size(), p_.values.size(), p_.params.size(),
                        p_.edge_args.size(), p_.cases.size()})
      if (size > kMaxPool) return refuse(Code::kTooLong, std::to_string(size) + " is too many");
    if (p_.counters > IPJIT_MAX_COUNTERS)
      return refuse(Code::kTooLong, std::to_string(p_.counters) + " counters are too many");
    if (p_.tables.size() > IPJIT_MAX_TABLES)
      return refuse(Code::kTooLong, std::to_string(p_.tables.size()) + " tables are too many");
    for (Type type : p_.values)
      if (type != Type::kU32 && type != Type::kU64 && type != Type::kNone)
        return refuse(Code::kTypeMismatch, "a value has no known type");
    return ok();
  }

  Status check_tables() const {
    for (const Table& t : p_.tables) {
      const std::string name = "table" + std::to_string(&t - p_.tables.data());
      if (t.key_bits != 8 && t.key_bits != 16 && t.key_bits != 32 && t.key_bits != 64)
        return refuse(Code::kTypeMismatch,
                      name + " has keys of " + std::to_string(t.key_bits) + " bits");
      if (t.entries.size() > kMaxTableKeys)
        return refuse(Code::kTooLong, name + " has too many keys");
      for (size_t i = 0; i < t.entries.size(); ++i) {
        const Table::Entry& e = t.entries[i];
        if (t.key_bits != 64 && e.key >> t.key_bits != 0)
          return refuse(Code::kTypeMismatch, name + " has a key that is too wide");
        if (i != 0 && t.entries[i - 1].key >= e.key)
          return refuse(Code::kBadId, name + " has keys that do not ascend");
        if (e.value == t.miss) return refuse(Code::kBadId, name + " holds its miss value");
      }
    }
    return ok();
  }

  Status check_block(const Block& b) const {
    if (!in(b.first, b.count, p_.insns.size()) || !in(b.params, b.param_count, p_.params.size()))
      return refuse(Code::kBadId, "the block reaches out of its pool");
    if (block_ == 0 && b.param_count != 0)
      return refuse(Code::kTypeMismatch, "the first block has parameters");
    for (ValueId id : p_.params_of(b)) {
      if (!typed(id)) return bad_value(id);
    }
    for (const Insn& insn : p_.insns_of(b))
      if (Status s = check_insn(insn); !s) return s;
    return check_term(b.term);
  }

  // --- instructions
  Status check_insn(const Insn& insn) const {
    if (operands_of(insn.op) == Operands::kNothing || insn.op > Op::kCount)
      return refuse(Code::kBadOpcode, "op " + std::to_string(static_cast<int>(insn.op)));
    for (ValueId id : {insn.a, insn.b})
      if (id != kNoValue && !typed(id)) return bad_value(id);
    if (Status s = check_result(insn); !s) return s;
    return check_operands(insn);
  }

  Status check_result(const Insn& insn) const {
    const Wanted wanted = result_of(insn.op);
    if (wanted == Wanted::kNone) {
      if (insn.result != kNoValue || insn.type != Type::kNone)
        return refuse(Code::kTypeMismatch, std::string(word_of(insn.op)) + " has no result");
      return ok();
    }
    if (insn.result == kNoValue || !typed(insn.result)) return bad_value(insn.result);
    if (insn.type != type(insn.result) || insn.type == Type::kNone ||
        (wanted == Wanted::kU32 && insn.type != Type::kU32) ||
        (wanted == Wanted::kU64 && insn.type != Type::kU64))
      return mismatch(insn);
    return ok();
  }

  Status check_operands(const Insn& insn) const {
    const bool has_a = insn.a != kNoValue;
    const bool has_b = insn.b != kNoValue;
    switch (operands_of(insn.op)) {
      case Operands::kNothing:
        break;
      case Operands::kImm:
        return has_a || has_b ? mismatch(insn) : check_imm(insn);
      case Operands::kUnary:
        return !has_a || has_b || !unary_fits(insn) ? mismatch(insn) : ok();
      case Operands::kBinary:
        return has_a && binary_fits(insn) ? ok() : mismatch(insn);
      case Operands::kPlace:
        if (has_b || insn.base > Base::kTransport) return mismatch(insn);
        if (insn.imm > kMaxPlace)
          return refuse(Code::kTooLong, "place " + std::to_string(insn.imm) + " is too far");
        return insn.op == Op::kNeed ? check_fail(insn.fail) : ok();
      case Operands::kTable:
        return !has_a || has_b ? mismatch(insn) : check_id("table", insn.table, p_.tables.size());
      case Operands::kField:
        return has_a || has_b ? mismatch(insn) : check_id("field", insn.imm, IPJIT_FIELD_COUNT);
    }
    return ok();
  }

  Status check_imm(const Insn& insn) const {
    if (insn.op == Op::kEffect) return check_id("effect", insn.imm, 0x10000);
    if (insn.op == Op::kCount) return check_id("counter", insn.imm, p_.counters);
    return fits(insn.imm, insn.type) ? ok() : mismatch(insn);
  }

  bool binary_fits(const Insn& insn) const {
    const Type wanted = is_test(insn.op) ? type(insn.a) : insn.type;
    return type(insn.a) == wanted &&
           (insn.b != kNoValue ? type(insn.b) == wanted : fits(insn.imm, wanted));
  }

  bool unary_fits(const Insn& insn) const {
    if (insn.op == Op::kZext) return type(insn.a) == Type::kU32;
    if (insn.op == Op::kTrunc) return type(insn.a) == Type::kU64;
    return type(insn.a) == insn.type;
  }

  Status check_fail(BlockId to) const {
    if (Status s = check_target(to); !s) return s;
    if (p_.blocks[index(to)].param_count != 0)
      return refuse(Code::kTypeMismatch,
                    "else block b" + std::to_string(index(to)) + " has parameters");
    return ok();
  }

  // --- endings
  Status check_term(const Term& t) const {
    for (ValueId id : {t.a, t.b})
      if (id != kNoValue && !typed(id)) return bad_value(id);
    if (t.kind == TermKind::kSwitch && !in(t.cases, t.case_count, p_.cases.size()))
      return refuse(Code::kBadId, "the switch reaches out of its pool");
    Status edges = ok();
    for_each_edge(p_, t, [&](const Edge& edge) {
      if (edges) edges = check_edge(edge);
    });
    if (!edges) return edges;
    switch (t.kind) {
      case TermKind::kJump:
        return ok();
      case TermKind::kBranch:
        return check_branch(t);
      case TermKind::kSwitch:
        return check_switch(t);
      case TermKind::kRet:
        if (p_.exits != 0) return refuse(Code::kBadId, "a program with exits has no ret");
        return check_answer(t);
      case TermKind::kPull:
        return check_answer(t);
      case TermKind::kExit:
        return check_id("exit", t.imm, p_.exits);
      case TermKind::kResume:
        return check_id("resume point", t.imm, p_.resumes);
    }
    return refuse(Code::kBadOpcode, "the block has no known end");
  }

  Status check_branch(const Term& t) const {
    if (t.rel > Rel::kIn) return refuse(Code::kBadOpcode, "the branch has no known relation");
    if (t.a == kNoValue) return refuse(Code::kUndefinedValue, "a branch tests no value");
    if (t.rel == Rel::kIn) return check_id("table", t.table, p_.tables.size());
    if (t.b != kNoValue ? type(t.b) != type(t.a) : !fits(t.imm, type(t.a)))
      return refuse(Code::kTypeMismatch, "the branch compares different types");
    return ok();
  }

  Status check_switch(const Term& t) const {
    if (t.a == kNoValue) return refuse(Code::kUndefinedValue, "a switch tests no value");
    const auto cases = p_.cases_of(t);
    for (size_t i = 0; i < cases.size(); ++i) {
      if (!fits(cases[i].value, type(t.a)))
        return refuse(Code::kTypeMismatch, "a case is wider than the value");
      if (i != 0 && cases[i - 1].value >= cases[i].value)
        return refuse(Code::kBadId, "the cases do not ascend");
    }
    return ok();
  }

  Status check_answer(const Term& t) const {
    if (t.a != kNoValue ? type(t.a) != Type::kU32 : t.imm > UINT32_MAX)
      return refuse(Code::kTypeMismatch, "the answer is wider than 32 bits");
    return ok();
  }

  Status check_edge(const Edge& edge) const {
    if (Status s = check_target(edge.to); !s) return s;
    if (!in(edge.args, edge.arg_count, p_.edge_args.size()))
      return refuse(Code::kBadId, "an edge reaches out of its pool");
    const auto params = p_.params_of(p_.blocks[index(edge.to)]);
    const auto args = p_.args_of(edge);
    const auto same = [&](ValueId arg, ValueId param) {
      return typed(arg) && typed(param) && type(arg) == type(param);
    };
    if (args.size() != params.size() || !std::equal(args.begin(), args.end(), params.begin(), same))
      return refuse(Code::kTypeMismatch, "the arguments do not fit the parameters of b" +
                                             std::to_string(index(edge.to)));
    return ok();
  }

  Status check_target(BlockId to) const {
    if (index(to) >= p_.blocks.size())
      return refuse(Code::kBadId, "b" + std::to_string(index(to)) + " does not exist");
    if (index(to) <= block_)
      return refuse(Code::kNotAcyclic, "the way to b" + std::to_string(index(to)) + " goes back");
    if (!in(p_.blocks[index(to)].params, p_.blocks[index(to)].param_count, p_.params.size()))
      return refuse(Code::kBadId, "a block reaches out of its pool");
    return ok();
  }

  // --- words
  Status check_id(const char* what, uint64_t id, uint64_t count) const {
    if (id < count) return ok();
    return refuse(Code::kBadId, std::string(what) + " " + std::to_string(id) + " of " +
                                    std::to_string(count) + " does not exist");
  }

  Error mismatch(const Insn& insn) const {
    return refuse(Code::kTypeMismatch,
                  std::string("the operands of ") + word_of(insn.op) + " do not fit");
  }

  Error bad_value(ValueId id) const {
    return refuse(Code::kUndefinedValue, "v" + std::to_string(index(id)) + " is not defined");
  }

  static bool in(uint64_t first, uint64_t count, uint64_t size) { return first + count <= size; }
  bool typed(ValueId id) const {
    return index(id) < p_.values.size() && p_.values[index(id)] != Type::kNone;
  }
  Type type(ValueId id) const { return p_.values[index(id)]; }

  const Program& p_;
  uint32_t block_ = 0;
};

}  // namespace

Status validate_shape(const Program& program) { return ShapeChecker(program).run(); }

}  // namespace ipjit::ir
