// SPDX-License-Identifier: BSD-2-Clause
// Constants are swapped here so that packet bytes need not be swapped there.
//
//   v0 = load_be16 12                      v0 = load_le16 12
//   br v0 == 0x800 -> b1, b2               br v0 == 0x8 -> b1, b2
//   v1 = load_be32 26                ==>   v1 = load_le32 26
//   v2 = and v1, 0xffffff00                v2 = and v1, 0xffffff
//   br v2 == 0xc0000200 -> b3, b4          br v2 == 0x200c0 -> b3, b4
//
// Equality, masks and sets do not care about byte order if all sides are swapped; less-than,
// arithmetic and answers do.  A set is swapped only if everyone who asks it can be.
//
// Hazard: a constant wider than the load has no swapped form.  An equality with it stays false as
// long as the constant stays wider; in masks its high bits say nothing.
//
// Tested by tests/tier2/byte_order_test.cpp and by every case in tests/cases/.
#include "tier2-llvm/byte_order.h"
#include "ir/arithmetic.h"

#include <algorithm>

#include "ir/edges.h"

namespace ipjit::tier2 {
namespace {

using ir::Insn;
using ir::Op;
using ir::Rel;
using ir::Term;
using ir::TermKind;
using ir::ValueId;

uint64_t all_ones(uint32_t bytes) { return UINT64_MAX >> (64 - 8 * bytes); }

/// The load of the same bytes in the other order.
Op little_endian(Op op) {
  if (op == Op::kLoadBe16) return Op::kLoadLe16;
  if (op == Op::kLoadBe32) return Op::kLoadLe32;
  return Op::kLoadLe64;
}

class PacketOrder {
 public:
  explicit PacketOrder(ir::Program& program)
      : program_(program),
        bytes_(program.values.size(), 0),
        raw_table_(program.tables.size(), true) {}

  void run() {
    find_candidates();
    for (const Insn& insn : program_.insns) drop_by_insn(insn);
    for (const ir::Block& block : program_.blocks) drop_by_term(block.term);
    settle();
    rewrite();
  }

 private:
  uint32_t& bytes(ValueId v) { return bytes_[index(v)]; }
  void need_number(ValueId v) {
    if (v != ir::kNoValue) bytes(v) = 0;
  }

  /// Loads, and what masks leave of them; a definition stands before its uses.
  void find_candidates() {
    for (const ir::Block& block : program_.blocks) {
      for (const Insn& insn : program_.insns_of(block)) {
        if (is_big_endian_load(insn.op))
          bytes(insn.result) = ir::load_size(insn.op);
        else if (insn.op == Op::kAnd && insn.b == ir::kNoValue)
          bytes(insn.result) = bytes(insn.a);
      }
    }
  }

  void drop_by_insn(const Insn& insn) {
    const bool ordered = insn.op == Op::kLt || insn.op == Op::kLe;
    if (insn.op == Op::kFind || (insn.op == Op::kAnd && insn.b == ir::kNoValue)) return;
    if (ir::is_test(insn.op) && insn.b == ir::kNoValue && !ordered) return;
    need_number(insn.a);
    need_number(insn.b);
  }

  void drop_by_term(const Term& term) {
    const bool with_constant =
        term.kind == TermKind::kSwitch ||
        (term.kind == TermKind::kBranch && term.b == ir::kNoValue &&
         (term.rel == Rel::kEq || term.rel == Rel::kAny || term.rel == Rel::kIn));
    if (!with_constant) need_number(term.a);
    need_number(term.b);
    ir::for_each_edge(program_, term, [&](const ir::Edge& edge) {
      for (ValueId arg : program_.args_of(edge)) need_number(arg);
    });
  }

  bool drop_by_table(uint32_t table, ValueId key) {
    bool changed = false;
    if (raw_table_[table] && bytes(key) * 8 != program_.tables[table].key_bits)
      raw_table_[table] = false, changed = true;
    if (!raw_table_[table] && bytes(key) != 0) bytes(key) = 0, changed = true;
    return changed;
  }

  /// Each round can only take candidates away, so it ends.
  void settle() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Insn& insn : program_.insns) {
        if (insn.op == Op::kFind) changed |= drop_by_table(insn.table, insn.a);
        if (insn.op != Op::kAnd || insn.b != ir::kNoValue) continue;
        if ((bytes(insn.a) == 0) == (bytes(insn.result) == 0)) continue;
        bytes(insn.a) = bytes(insn.result) = 0;
        changed = true;
      }
      for (const ir::Block& block : program_.blocks)
        if (block.term.kind == TermKind::kBranch && block.term.rel == Rel::kIn)
          changed |= drop_by_table(block.term.table, block.term.a);
    }
  }

  void rewrite() {
    for (Insn& insn : program_.insns) {
      if (insn.result != ir::kNoValue && is_big_endian_load(insn.op) && bytes(insn.result) != 0)
        insn.op = little_endian(insn.op);
      else if (insn.a != ir::kNoValue && bytes(insn.a) != 0)
        rewrite_imm(insn.imm, bytes(insn.a), insn.op == Op::kAnd || insn.op == Op::kAny);
    }
    for (const ir::Block& block : program_.blocks) rewrite_term(block);
    for (uint32_t t = 0; t < program_.tables.size(); ++t)
      if (raw_table_[t]) rewrite_table(program_.tables[t]);
  }

  static void rewrite_imm(uint64_t& imm, uint32_t bytes, bool masks) {
    if (masks) imm &= all_ones(bytes);
    if (imm <= all_ones(bytes)) imm = ir::swapped(imm, bytes);
  }

  void rewrite_term(const ir::Block& block) {
    Term& term = program_.blocks[&block - program_.blocks.data()].term;
    if (term.a == ir::kNoValue || bytes(term.a) == 0) return;
    if (term.kind == TermKind::kBranch && term.rel != Rel::kIn)
      rewrite_imm(term.imm, bytes(term.a), term.rel == Rel::kAny);
    if (term.kind != TermKind::kSwitch) return;
    const auto first = program_.cases.begin() + term.cases;
    for (auto c = first; c != first + term.case_count; ++c)
      rewrite_imm(c->value, bytes(term.a), false);
  }

  static void rewrite_table(ir::Table& table) {
    if (table.key_bits <= 8) return;
    for (ir::Table::Entry& entry : table.entries)
      entry.key = ir::swapped(entry.key, table.key_bits / 8);
    std::sort(table.entries.begin(), table.entries.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
  }

  ir::Program& program_;
  std::vector<uint32_t> bytes_;  ///< of each value that may stay in packet order; 0: may not
  std::vector<bool> raw_table_;
};

}  // namespace

void keep_packet_order(ir::Program& program) { PacketOrder(program).run(); }

}  // namespace ipjit::tier2
