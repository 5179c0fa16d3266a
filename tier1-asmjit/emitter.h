// SPDX-License-Identifier: BSD-2-Clause
// The walk's state: asmjit's buffers, the program, and where its values are.
//
// Register map, fixed:
//   rdi data   rsi len   rdx ctx   rax, rcx scratch
//   r11 th, r10 th_len, where the program reads the transport header; r9 the number of actions,
//   where it depends on the path; values in what is left of r8-r11, in rdx if free, and then in
//   rbx, rbp, r12-r15, pushed only if used.
// A program that divides keeps ctx in r8, because div owns rdx.
// Invariants: between a comparison and its branch nothing writes flags, and set_imm() may; a 32-bit
// value has a zero upper half wherever it is kept.
#pragma once

#include <asmjit/x86.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "arch-detect/target.h"
#include "ir/compiler.h"
#include "lookup/table.h"
#include "tier1-asmjit/asmjit_error.h"
#include "tier1-asmjit/jumps.h"
#include "tier1-asmjit/registers.h"
#include "tier1-asmjit/selection.h"

namespace ipjit::tier1 {

/// The register's low `bytes` bytes.
inline asmjit::x86::Gp of_size(const asmjit::x86::Gp& reg, uint32_t bytes) {
  if (bytes == 1) return reg.r8();
  if (bytes == 2) return reg.r16();
  if (bytes == 4) return reg.r32();
  return reg.r64();
}

/// The contract's max_len and max_th_len.
inline constexpr uint64_t kMaxLen = UINT32_MAX;

class Emitter {
 public:
  Result<ir::MachineCode> run(const ir::Program& program, const arch::Target& target);

 private:
  using Gp = asmjit::x86::Gp;
  using Mem = asmjit::x86::Mem;
  using Cond = asmjit::x86::CondCode;
  using Label = Jumps::Label;

  /// A way to a block through code of its own, which moves arguments to parameters.
  struct Stub {
    Label label;
    ir::Edge edge;
  };
  /// Where a `lea r, [rip + disp]` waits for its table's address.
  struct TableUse {
    Jumps::Place end;  ///< of the instruction, and of its displacement
    uint32_t table;
  };
  struct Mark {
    Jumps::Place place;
    uint32_t block;
    uint32_t source;
  };
  struct Move {
    Location from;
    Location to;
    std::optional<uint64_t> imm;
  };

  // tier1.cpp: the walk
  void start();
  Status plan_registers();
  Status build_tables();
  Status number_tables();
  void prologue();
  void walk();
  void emit_block(uint32_t b);
  void emit_insn(const ir::Insn& insn);
  void mark(uint32_t block, uint32_t source);
  Result<ir::MachineCode> finish();
  void place_tables(ir::MachineCode& out);
  bool needs_ctx() const;
  ipjit_contract contract() const;

  // operands.cpp: values as operands
  Gp in(ir::ValueId v, const Gp& scratch);
  Gp in_sized(ir::ValueId v, const Gp& scratch);
  Gp out(ir::ValueId v) const;
  void done(ir::ValueId v, const Gp& reg);
  static Gp sized(const Gp& reg, ir::Type type) {
    return of_size(reg, type == ir::Type::kU64 ? 8 : 4);
  }
  void set_imm(const Gp& reg, uint64_t imm);
  void set_hidden(const Gp& reg, uint64_t imm);
  bool hidden(uint64_t imm) const;
  uint32_t next_key();
  void copy(const Gp& to, const Gp& from);
  Mem slot(Location place) const;
  Location place_of(ir::ValueId v) const { return registers_.of(v); }
  ir::Type type_of(ir::ValueId v) const { return program_->values[index(v)]; }

  // emit_alu.cpp
  void emit_binary(const ir::Insn& insn);
  void emit_unary(const ir::Insn& insn);
  void rename(ir::ValueId v);
  void emit_binary_imm(const ir::Insn& insn, uint64_t imm);
  void emit_arithmetic(const ir::Insn& insn);
  void emit_shift(const ir::Insn& insn);
  void emit_shift_imm(const ir::Insn& insn, uint64_t count);
  void emit_divide(const ir::Insn& insn);
  void apply(ir::Op op, const Gp& to, const asmjit::Operand& from);

  // emit_load.cpp
  Mem place(const ir::Insn& insn, uint32_t size);
  void load(const ir::Insn& insn, const Gp& to, bool raw);
  void load_swapped(const ir::Insn& insn, const Gp& to, const Mem& mem);
  void emit_load(const ir::Insn& insn);
  void emit_meta(const ir::Insn& insn);
  Mem field(const ir::Insn& insn) const;
  void emit_need(const ir::Insn& insn);

  // emit_find.cpp
  void load_table(const Gp& to, uint32_t table);
  bool wider_than_probe(uint32_t table, ir::ValueId key) const;
  Cond compare_width(uint32_t table, const Gp& key, ir::Type type);
  bool is_bounded_by_flow(uint32_t table, ir::ValueId key) const;
  void load_index(uint32_t table, const Gp& key, bool bounded);
  Mem slot_of(uint32_t table, const Gp& key);
  Cond probe_indexed(uint32_t table, const Gp& key);
  void find_slot(uint32_t table, const Gp& key, const Gp& made);
  void select(const Gp& made, Cond cond, uint32_t yes, uint32_t no);
  std::optional<Cond> probe_in(const ir::Term& term);
  void emit_find(const ir::Insn& insn);

  // emit_branch.cpp
  Cond compare(const ir::Term& term);
  Cond compare_imm(ir::Rel rel, ir::ValueId a, uint64_t imm);
  Cond compare_masked(ir::Rel rel, const ir::Insn& mask, uint64_t imm);
  Cond compare_memory(ir::Rel rel, const ir::Insn& load, uint64_t imm);
  Cond test_memory(ir::Rel rel, const ir::Insn& load, uint64_t mask, uint64_t imm);
  Cond compare_register(ir::Rel rel, const Gp& reg, uint64_t imm);
  void mask_register(const Gp& reg, uint64_t bits);
  void emit_branch(const ir::Term& term);

  // emit_test.cpp
  void emit_test(const ir::Insn& insn);

  // emit_switch.cpp
  void emit_switch(const ir::Term& term);
  void search_cases(const Gp& value, std::span<const ir::Case> cases, Label other);

  // emit_edges.cpp
  void bind(Label label) { jumps_.bind(label, offset()); }
  void jump(Label to);
  void jump(Cond cond, Label to);
  uint32_t offset() const { return static_cast<uint32_t>(as_.offset()); }
  Label label_of(ir::BlockId block);
  Label label_of(const ir::Edge& edge);
  void collect_moves(const ir::Edge& edge);
  void emit_moves(const ir::Edge& edge);
  void move(const Move& m);
  void branch(Cond cond, const ir::Edge& taken, const ir::Edge& other);
  void go(const ir::Edge& edge);
  void emit_stubs();
  bool is_next(ir::BlockId block);

  // emit_terms.cpp
  void emit_term(const ir::Term& term);
  void emit_return(const ir::Term& term);
  bool emit_select(Cond cond, const ir::Term& term);
  void emit_effect(const ir::Insn& insn);
  void emit_count(const ir::Insn& insn);
  void store_action_count();
  void count_actions();
  void epilogue();
  bool is_shared_return(ir::BlockId block) const { return shared_[index(block)] != 0; }
  void share_returns();
  void emit_shared_returns();

  const ir::Program* program_ = nullptr;
  const arch::Target* target_ = nullptr;
  Selection selection_;
  Registers registers_;
  FirstError first_error_;
  asmjit::CodeHolder holder_;
  asmjit::x86::Assembler as_;
  Gp ctx_ = asmjit::x86::rdx;
  Gp spare_ = asmjit::x86::rax;  ///< for keys on the stack: probes need rax and rcx themselves
  std::vector<Gpr> pool_;
  std::vector<Gpr> saved_;  ///< callee-saved registers in use, as pushed

  Jumps jumps_;
  std::vector<Label> labels_;            ///< by block
  std::vector<uint8_t> reached_;         ///< by block: some emitted code goes there
  std::vector<uint8_t> shared_;          ///< by block: a constant return, emitted behind the others
  std::vector<uint32_t> twin_;           ///< by block: the first shared return that says the same
  std::vector<uint32_t> returns_;        ///< shared returns that are not twins of an earlier one
  std::vector<uint32_t> entry_actions_;  ///< by block: actions recorded before it
  std::vector<lookup::ReadOnlyTable> tables_;
  std::vector<TableUse> table_uses_;
  std::vector<uint32_t> table_at_;  ///< by table: bytes from the start of the unit, or ctx's index
  std::vector<Stub> stubs_;
  std::vector<Move> moves_;
  std::vector<ir::Case> cases_;  ///< of the switch being emitted
  std::vector<Mark> marks_;
  uint64_t keys_ = 0;  ///< state of the keys that hide constants
  uint32_t block_ = 0;
  uint32_t actions_ = 0;  ///< recorded so far on this path, where static
  uint32_t max_actions_ = 0;
  bool actions_vary_ = false;
  bool block_ended_ = false;  ///< a need that never holds: the rest cannot be reached
};

}  // namespace ipjit::tier1
