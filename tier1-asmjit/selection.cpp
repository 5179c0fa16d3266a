// SPDX-License-Identifier: BSD-2-Clause
// Decides what is emitted where, before registers are given out.
//
// Two things make straight translation slow, and both are seen from the uses of a value:
//
//   v0 = load_u8 23                    the load has one user, a comparison: it becomes that
//   br v0 == 6 -> b1, b2               comparison's operand, cmp byte [rdi+23], 6
//
//   v1 = load_be16 12                  all users compare with constants: the value stays as the
//   br v1 == 0x800 -> b1, b2           packet has it and the constants are swapped instead,
//   ...                                movzx r8d, word [rdi+12]; cmp r8d, 0x0008
//   br v1 == 0x806 -> b4, b5
//
// A set is asked with raw keys too if everyone who asks it can: its keys are stored swapped.
//
// Hazards: a load with a constant place reads the same wherever it stands behind its need, so it
// may move down into another block; one with an offset value may not, because that value would
// have to live longer.  Less-than needs the number, so such users forbid raw.
//
// Cost: two walks over the instructions.  Tested by tests/tier1/.
#include "tier1-asmjit/selection.h"

#include <algorithm>
#include <bit>

#include "ir/edges.h"

namespace ipjit::tier1 {

using ir::Insn;
using ir::Op;
using ir::Rel;
using ir::Term;
using ir::TermKind;
using ir::ValueId;

namespace {
constexpr uint64_t kNear = 0xff00;  // places that stand in an instruction as they are
}  // namespace

std::optional<uint64_t> Selection::constant(ValueId v) const {
  const Insn* insn = def(v);
  if (insn == nullptr || insn->op != Op::kConst) return std::nullopt;
  return insn->imm;
}

const Insn* Selection::def(ValueId v) const {
  const uint32_t at = info_[index(v)].def;
  return at == kNoDef ? nullptr : &program_->insns[at];
}

uint64_t Selection::upper_bound(ValueId v) const {
  const uint64_t of_type = program_->values[index(v)] == ir::Type::kU64 ? UINT64_MAX : UINT32_MAX;
  const Insn* insn = def(v);
  if (insn == nullptr) return of_type;
  if (const uint32_t bytes = ir::load_size(insn->op); bytes != 0)
    return UINT64_MAX >> (64 - 8 * bytes);
  if (insn->op == Op::kConst) return insn->imm;
  if (insn->b != ir::kNoValue) return of_type;
  if (insn->op == Op::kAnd) return std::min(of_type, insn->imm);
  if (insn->op == Op::kShr && insn->imm < 64) return of_type >> insn->imm;
  return of_type;
}

void Selection::run(const ir::Program& program) {
  program_ = &program;
  info_.assign(program.values.size(), Info{});
  raw_tables_.assign(program.tables.size(), true);
  probes_.clear();
  needs_ctx_ = needs_transport_ = needs_divider_ = false;
  for (uint32_t b = 0; b < program.blocks.size(); ++b) {
    const ir::Block& block = program.blocks[b];
    for (uint32_t i = block.first; i < block.first + block.count; ++i)
      visit_insn(program.insns[i], i, b);
    visit_term(block.term);
  }
  for (uint32_t b = 0; b < program.blocks.size(); ++b) fold_into(program.blocks[b].term, b);
  keep_raw();
}

void Selection::use(ValueId v) {
  if (v != ir::kNoValue) ++info_[index(v)].uses;
}

void Selection::use_as_number(ValueId v) {
  use(v);
  if (v != ir::kNoValue) ++info_[index(v)].as_number;
}

void Selection::visit_insn(const Insn& insn, uint32_t at, uint32_t block) {
  if (insn.result != ir::kNoValue) {
    info_[index(insn.result)].def = at;
    info_[index(insn.result)].block = block;
  }
  if (insn.op == Op::kFind) {
    use(insn.a);
    probes_.emplace_back(insn.table, insn.a);
  } else if (ir::is_test(insn.op) && insn.b == ir::kNoValue && insn.op != Op::kLt &&
             insn.op != Op::kLe) {
    use(insn.a);
  } else {
    use_as_number(insn.a);
    use_as_number(insn.b);
  }
  const ir::Operands operands = ir::operands_of(insn.op);
  if (operands == ir::Operands::kPlace && insn.a != ir::kNoValue)
    info_[index(insn.a)].offset = true;
  if (operands == ir::Operands::kPlace && insn.base == ir::Base::kTransport)
    needs_transport_ = needs_ctx_ = true;
  if (insn.op == Op::kMeta || insn.op == Op::kEffect || insn.op == Op::kCount) needs_ctx_ = true;
  if (insn.op == Op::kDiv || insn.op == Op::kMod)
    needs_divider_ |= insn.b != ir::kNoValue || !std::has_single_bit(insn.imm);
}

bool Selection::swaps_constants(const Term& term) const {
  if (term.kind == TermKind::kSwitch) return true;
  return term.kind == TermKind::kBranch && term.b == ir::kNoValue &&
         (term.rel == Rel::kEq || term.rel == Rel::kAny);
}

void Selection::visit_term(const Term& term) {
  if (term.kind == TermKind::kBranch && term.rel == Rel::kIn) {
    use(term.a);
    probes_.emplace_back(term.table, term.a);
  } else if (swaps_constants(term)) {
    use(term.a);
  } else {
    use_as_number(term.a);
  }
  use_as_number(term.b);
  ir::for_each_edge(*program_, term, [&](const ir::Edge& edge) {
    for (ValueId arg : program_->args_of(edge)) {
      use_as_number(arg);
      info_[index(arg)].argument = true;
    }
  });
}

/// A load that one comparison uses becomes its memory operand.
bool Selection::fold_load(ValueId v, uint32_t block) {
  Info& info = info_[index(v)];
  const Insn* insn = def(v);
  if (info.uses != 1 || insn == nullptr) return false;
  if (ir::load_size(insn->op) == 0 && insn->op != Op::kMeta) return false;
  if (insn->a != ir::kNoValue && info.block != block) return false;
  info.folded = true;
  return true;
}

void Selection::fold_into(const Term& term, uint32_t block) {
  if (term.kind != TermKind::kBranch || term.rel == Rel::kIn || term.b != ir::kNoValue) return;
  if (fold_load(term.a, block) || !swaps_constants(term)) return;
  Info& info = info_[index(term.a)];
  const Insn* insn = def(term.a);
  if (info.uses != 1 || insn == nullptr || insn->op != Op::kAnd || insn->b != ir::kNoValue ||
      info.block != block || constant(insn->a))
    return;
  // (a & mask) == c: the mask swaps as well as c, so `a` need not be a number for it.
  info.folded = true;
  --info_[index(insn->a)].as_number;
  fold_load(insn->a, block);
}

bool Selection::readable_again(ValueId v) const {
  const Info& info = info_[index(v)];
  const Insn* insn = def(v);
  // An offset keeps its register: what a need has taught the verifier is about that very number.
  if (insn == nullptr || info.offset || info.argument) return false;
  if (insn->op == Op::kMeta) return true;
  if (ir::load_size(insn->op) == 0 || insn->a != ir::kNoValue || insn->imm > kNear) return false;
  return insn->op != Op::kLoadBe16 || info.raw;  // else it is rotated, which writes flags
}

bool Selection::can_be_raw(ValueId v) const {
  const Insn* insn = def(v);
  return insn != nullptr && is_big_endian_load(insn->op) && info_[index(v)].as_number == 0;
}

/// A table is raw if every key asked of it is, and is as wide as its keys; a value stays raw only
/// if all its tables are.  Each round can only take raw away, so it ends.
void Selection::settle_tables() {
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [table, key] : probes_) {
      const bool fits =
          can_be_raw(key) && ir::load_size(def(key)->op) * 8 == program_->tables[table].key_bits;
      if (raw_tables_[table] && !fits) {
        raw_tables_[table] = false;
        changed = true;
      }
      if (!raw_tables_[table] && info_[index(key)].as_number == 0) {
        ++info_[index(key)].as_number;
        changed = true;
      }
    }
  }
}

void Selection::keep_raw() {
  settle_tables();
  for (uint32_t v = 0; v < info_.size(); ++v) info_[v].raw = can_be_raw(ValueId{v});
}

}  // namespace ipjit::tier1
