// SPDX-License-Identifier: BSD-2-Clause
// Writes blocks while it turns A, X and M[] into values.
#pragma once

#include <array>
#include <vector>

#include "bpf-frontend/flow.h"
#include "ir/program.h"

namespace ipjit::bpf {

/// What a program does where bytes are missing.
enum class Missing : uint8_t { kReject, kPull };

/// One block is open at a time.  Classic targets are named by pc: their blocks get ids when they
/// are entered, and then the edges that wait for them are completed.
class Ssa {
 public:
  Ssa(const Flow& flow, ir::Program& program, Missing missing);

  bool open() const { return open_; }

  /// Opens the first block; what is live there is 0.
  void enter_first();

  /// Whether some way leads to the leader; only pulling can cut them all.
  bool reached(uint32_t pc) const { return heads_[pc] != 0; }

  /// Opens the block of a leader: registers that all ways in agree on keep their value, the others
  /// become parameters.
  void enter(uint32_t pc);

  ir::ValueId get(uint32_t reg) const { return regs_[reg]; }
  void set(uint32_t reg, ir::ValueId value) { regs_[reg] = value; }

  /// The largest value that it can have, as far as it is known without looking at branches.
  uint32_t max(ir::ValueId value) const { return max_[index(value)]; }

  /// Appends an instruction with a 32-bit result that is at most `max`.
  ir::ValueId emit(ir::Insn insn, uint32_t max);

  /// Appends `need`.
  void need(ir::ValueId base, uint64_t imm, uint32_t source);

  /// Ends the block.
  void ret(ir::ValueId value, uint32_t imm, uint32_t source);
  void pull(uint32_t source);
  void jump(uint32_t pc, uint32_t source);
  void branch(const ir::Term& condition, uint32_t taken_pc, uint32_t other_pc);

  /// Ends the block with a branch to `ret 0` where the condition holds, and opens the next one,
  /// which goes on with the same registers.
  void reject_if(const ir::Term& condition);

  /// The same with a branch to `pull`.
  void pull_if(const ir::Term& condition);

  /// Branches inside one classic instruction, between blocks that it numbers itself: ends the block
  /// as given, without completing edges, and opens the next one.
  void split(const ir::Term& term);
  ir::BlockId block() const { return ir::BlockId{static_cast<uint32_t>(program_.blocks.size())}; }
  ir::ValueId add_param(uint32_t max);
  ir::Edge edge_to(ir::BlockId to, ir::ValueId arg);

  /// Writes the blocks for `ret 0` and `pull`, if some edge or need wants them.
  void finish();

 private:
  struct Arrival {
    uint32_t next = 0;  ///< index + 1 of the next one at the same pc; 0: none
    uint32_t block = 0;
    bool taken = false;   ///< the block's taken edge, else its other
    uint32_t values = 0;  ///< in values_: one for each register that is live at the target
  };

  ir::ValueId new_value(uint32_t max);
  void begin();
  void close(const ir::Term& term);
  void arrive(uint32_t pc, bool taken);
  ir::Edge& edge_of(const Arrival& arrival);
  void join(uint32_t pc);
  ir::ValueId join_values(uint32_t first, uint32_t slot);

  const Flow& flow_;
  ir::Program& program_;
  Missing missing_;
  bool open_ = false;
  uint32_t first_ = 0;   ///< of the open block, in the program's insns
  uint32_t params_ = 0;  ///< of the open block, in the program's params
  std::array<ir::ValueId, kRegCount> regs_;
  std::vector<uint32_t> max_;    ///< by ValueId
  std::vector<uint32_t> heads_;  ///< by pc: index + 1 of an Arrival; 0: none
  std::vector<Arrival> arrivals_;
  std::vector<ir::ValueId> values_;
  std::vector<uint32_t> needs_;  ///< instructions whose else block is still open
  std::vector<uint32_t> pulls_;  ///< blocks whose taken edge goes to `pull`
};

}  // namespace ipjit::bpf
