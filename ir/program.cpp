// SPDX-License-Identifier: BSD-2-Clause
// What ops.def says, as functions, and the two sums that a contract needs.
#include "ir/program.h"

#include <algorithm>

namespace ipjit::ir {

const char* word_of(Op op) {
  switch (op) {
#define IPJIT_OP(name, word, result, operands, meaning) \
  case Op::name:                                        \
    return word;
#include "ir/ops.def"
#undef IPJIT_OP
  }
  return "?";
}

const char* word_of(Rel rel) {
  switch (rel) {
#define IPJIT_REL(name, word, meaning) \
  case Rel::name:                      \
    return word;
#include "ir/ops.def"
#undef IPJIT_REL
  }
  return "?";
}

const char* word_of(TermKind kind) {
  switch (kind) {
#define IPJIT_TERM(name, word, meaning) \
  case TermKind::name:                  \
    return word;
#include "ir/ops.def"
#undef IPJIT_TERM
  }
  return "?";
}

const char* word_of(ipjit_field field) {
  switch (field) {
#define IPJIT_FIELD(name, meaning) \
  case IPJIT_FIELD_##name:         \
    return #name;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
    case IPJIT_FIELD_COUNT:
      break;
  }
  return "?";
}

Operands operands_of(Op op) {
  switch (op) {
#define IPJIT_OP(name, word, result, operands, meaning) \
  case Op::name:                                        \
    return Operands::operands;
#include "ir/ops.def"
#undef IPJIT_OP
  }
  return Operands::kNothing;
}

bool is_test(Op op) { return op >= Op::kEq && op <= Op::kAny; }

bool is_big_endian_load(Op op) {
  return op == Op::kLoadBe16 || op == Op::kLoadBe32 || op == Op::kLoadBe64;
}

uint32_t load_size(Op op) {
  switch (op) {
    case Op::kLoad8:
      return 1;
    case Op::kLoadBe16:
    case Op::kLoadLe16:
      return 2;
    case Op::kLoadBe32:
    case Op::kLoadLe32:
      return 4;
    case Op::kLoadBe64:
    case Op::kLoadLe64:
      return 8;
    case Op::kConst:
    case Op::kNeed:
    case Op::kMeta:
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
    case Op::kFind:
    case Op::kEffect:
    case Op::kCount:
      return 0;
  }
  return 0;
}

uint32_t max_actions(const Program& program) {
  const bool any = std::any_of(program.insns.begin(), program.insns.end(),
                               [](const Insn& insn) { return insn.op == Op::kEffect; });
  if (!any) return 0;

  // Block order is topological, so every way to a block is known when the walk arrives there.
  std::vector<uint32_t> before(program.blocks.size(), 0);
  uint32_t most = 0;
  for (const Block& block : program.blocks) {
    uint32_t count = before[&block - program.blocks.data()];
    const auto reach = [&](BlockId to) { before[index(to)] = std::max(before[index(to)], count); };
    for (const Insn& insn : program.insns_of(block)) {
      if (insn.op == Op::kEffect) ++count;
      if (insn.op == Op::kNeed) reach(insn.fail);
    }
    most = std::max(most, count);
    const Term& term = block.term;
    if (term.kind == TermKind::kJump || term.kind == TermKind::kBranch) reach(term.taken.to);
    if (term.kind == TermKind::kBranch || term.kind == TermKind::kSwitch) reach(term.other.to);
    if (term.kind == TermKind::kSwitch)
      for (const Case& c : program.cases_of(term)) reach(c.edge.to);
  }
  return most;
}

uint64_t fields_read(const Program& program) {
  uint64_t fields = 0;
  for (const Block& block : program.blocks)
    for (const Insn& insn : program.insns_of(block))
      if (insn.op == Op::kMeta) fields |= uint64_t{1} << insn.imm;
  return fields;
}

}  // namespace ipjit::ir
