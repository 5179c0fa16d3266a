// SPDX-License-Identifier: BSD-2-Clause
// The walk from our IR to LLVM's: values, blocks, and which of LLVM's blocks belongs to which of
// ours.
#pragma once

#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <span>
#include <string>
#include <vector>

#include "ir/program.h"
#include "lookup/table.h"

namespace ipjit::tier2 {

/// The contract's max_len and max_th_len.
inline constexpr uint64_t kMaxLen = UINT32_MAX;

/// Names that the object file uses: table t is an outside symbol, code starts at the function.
inline constexpr const char* kFunctionName = "ipjit_entry";
std::string table_symbol(uint32_t table);

/// Which of ctx's tables a table is; those without bytes have none.
uint32_t ctx_index(std::span<const lookup::ReadOnlyTable> tables, uint32_t table);

/// The IR block that one of LLVM's was made for.
uint32_t block_of(const llvm::BasicBlock* block);

struct EmitOptions {
  std::string cpu;             ///< as LLVM names it
  bool tables_in_ctx = false;  ///< arch::Target
  bool probe_at_once = false;  ///< no spill between bounding an index and its load
};

class Emitter {
 public:
  Emitter(const ir::Program& program, std::span<const lookup::ReadOnlyTable> tables,
          const EmitOptions& options, llvm::Module& module);

  void run();

 private:
  // emitter.cpp: the walk
  void find_reached();
  void count_uses();
  void start_function();
  void make_blocks();
  void load_transport();
  void emit_block(uint32_t b);
  void emit_insn(const ir::Insn& insn);
  void define(ir::ValueId v, llvm::Value* made);
  llvm::Value* renamed(llvm::Value* v);
  void rename_offset(ir::ValueId v);
  void mark(uint32_t source);
  llvm::BasicBlock* new_block(const char* name);
  llvm::Value* value(ir::ValueId v) const { return values_[index(v)]; }
  llvm::Value* wide(ir::ValueId v);
  llvm::Value* operand_b(const ir::Insn& insn);
  llvm::IntegerType* type_of(ir::ValueId v) const;
  llvm::ConstantInt* u32(uint64_t imm) { return builder_.getInt32(static_cast<uint32_t>(imm)); }
  llvm::ConstantInt* u64(uint64_t imm) { return builder_.getInt64(imm); }

  // emit_load.cpp
  llvm::Value* ctx_field(size_t offset);
  llvm::Value* place(const ir::Insn& insn);
  llvm::Value* emit_load(const ir::Insn& insn);
  llvm::Value* emit_meta(const ir::Insn& insn);
  void emit_need(const ir::Insn& insn);
  void leave_if(llvm::Value* condition, ir::BlockId to);
  void leave(ir::BlockId to);
  void leave_if_shorter(llvm::Value* len, uint64_t end, ir::BlockId to);

  // emit_alu.cpp
  llvm::Value* emit_binary(const ir::Insn& insn);
  llvm::Value* emit_shift(const ir::Insn& insn);
  llvm::Value* emit_divide(const ir::Insn& insn);
  llvm::Value* emit_test(const ir::Insn& insn);
  llvm::Value* bytes_reversed(llvm::Value* v);
  llvm::Value* emit_unary(const ir::Insn& insn);

  // emit_find.cpp
  struct Index {
    llvm::Value* of = nullptr;  ///< 32 or 64 bits; the index is (of & mask) >> shift
    uint32_t mask = 0;          ///< 0: all
    uint32_t shift = 0;
  };
  llvm::Value* start_of(uint32_t table);
  size_t ctx_offset(uint32_t table) const;
  llvm::Value* table_word(uint32_t table, const Index& index, llvm::Type* type, uint32_t stride,
                          uint32_t at);
  llvm::Value* word_at_once(uint32_t table, const Index& index, llvm::Type* type, uint32_t stride,
                            uint32_t at);
  llvm::Value* fits_probe(uint32_t table, llvm::Value* key);
  Index slot_of(uint32_t table, llvm::Value* key);
  Index index_of(uint32_t table, llvm::Value* key);
  llvm::Value* hits(uint32_t table, llvm::Value* key);
  llvm::Value* emit_find(const ir::Insn& insn);
  llvm::Value* opaque(llvm::Value* value);

  // emit_terms.cpp
  void emit_term(const ir::Term& term);
  llvm::Value* condition(const ir::Term& term);
  void emit_branch(const ir::Term& term);
  bool emit_select(const ir::Term& term, llvm::Value* condition);
  void emit_switch(const ir::Term& term);
  void search_cases(llvm::Value* tested, std::span<const ir::Case> cases,
                    const ir::Edge& otherwise);
  void emit_return(const ir::Term& term);
  llvm::BasicBlock* edge_to(const ir::Edge& edge, bool own_block);
  void pass_arguments(const ir::Edge& edge);
  void emit_effect(const ir::Insn& insn);
  void emit_count(const ir::Insn& insn);
  void store_action_count();

  const ir::Program& program_;
  std::span<const lookup::ReadOnlyTable> tables_;
  const EmitOptions& options_;
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  llvm::DISubprogram* scope_ = nullptr;
  llvm::MDNode* rarely_ = nullptr;         ///< weights of a way that is hardly ever taken
  llvm::MDNode* unpredictable_ = nullptr;  ///< keeps the selector from making two branches of one
  llvm::Value* data_ = nullptr;
  llvm::Value* len_ = nullptr;
  llvm::Value* ctx_ = nullptr;
  llvm::Value* th_ = nullptr;
  llvm::Value* th_len_ = nullptr;
  uint32_t max_actions_ = 0;
  llvm::Value* recorded_ = nullptr;          ///< actions so far, on the way that is emitted
  std::vector<llvm::PHINode*> recorded_at_;  ///< by block: actions at its start
  std::vector<llvm::Value*> values_;         ///< by ValueId
  std::vector<llvm::Value*> wide_;           ///< the same in 64 bits, where a place needs it
  std::vector<uint32_t> uses_;
  std::vector<bool> is_offset_;
  std::vector<bool> reached_;
  std::vector<llvm::BasicBlock*> blocks_;  ///< where each of ours begins
  std::vector<llvm::GlobalVariable*>
      globals_;  ///< of each table in the unit; null where it has no bytes
};

}  // namespace ipjit::tier2
