// SPDX-License-Identifier: BSD-2-Clause
// Slots, jumps and marks.
//
//   jcc L1; jmp L2; L1:         ==>  jncc L2; L1:
//   jcc L1; ...; L1: jmp L2     ==>  jcc L2; ...
//
// The order of blocks never changes, and a jump only ever goes further forward.
//
// A mark is a symbol in the object file: LLVM computes its offset after it has chosen the lengths
// of jumps.
//
// Hazard: branches that LLVM cannot analyse (there should be none) are left as they are.
//
// Tested by tests/tier2/shape_test.cpp.
#include "tier2-llvm/machine_passes.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/CodeGen/MachineFrameInfo.h>
#include <llvm/CodeGen/MachineFunctionPass.h>
#include <llvm/CodeGen/MachineInstrBuilder.h>
#include <llvm/CodeGen/TargetInstrInfo.h>
#include <llvm/CodeGen/TargetOpcodes.h>
#include <llvm/CodeGen/TargetSubtargetInfo.h>
#include <llvm/IR/DebugLoc.h>
#include <llvm/MC/MCContext.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "tier2-llvm/emitter.h"
#include "tier2-llvm/object.h"

namespace ipjit::tier2 {
namespace {

using llvm::MachineBasicBlock;
using llvm::MachineFunction;
using llvm::MachineFunctionPass;
using llvm::MachineInstr;

constexpr uint64_t kSlotBytes = 8;

class WidenSlots : public MachineFunctionPass {
 public:
  static char ID;
  WidenSlots() : MachineFunctionPass(ID) {}

  bool runOnMachineFunction(MachineFunction& function) override {
    llvm::MachineFrameInfo& frame = function.getFrameInfo();
    uint32_t slots = 0;
    int last = 0;
    for (int i = 0; i < frame.getObjectIndexEnd(); ++i) {
      if (frame.isDeadObjectIndex(i)) continue;
      frame.setObjectSize(i, kSlotBytes);
      frame.setObjectAlignment(i, llvm::Align(kSlotBytes));
      ++slots;
      last = i;
    }
    // One slot would be made by pushing any register at all, and what that holds is not ours.
    if (slots == 1) frame.setObjectSize(last, 2 * kSlotBytes);
    return true;
  }
  void getAnalysisUsage(llvm::AnalysisUsage& usage) const override {
    usage.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(usage);
  }
};
char WidenSlots::ID = 0;

/// A block's code, without what makes no bytes; null if there is none.
MachineInstr* first_code(MachineBasicBlock& block) {
  for (MachineInstr& insn : block)
    if (!insn.isMetaInstruction()) return &insn;
  return nullptr;
}

MachineBasicBlock* next_of(MachineBasicBlock& block) {
  const auto next = std::next(block.getIterator());
  return next == block.getParent()->end() ? nullptr : &*next;
}

bool falls_into(MachineBasicBlock& from, MachineBasicBlock& to) {
  return next_of(from) == &to && (from.empty() || !from.back().isBarrier());
}

class SettleJumps : public MachineFunctionPass {
 public:
  static char ID;
  SettleJumps() : MachineFunctionPass(ID) {}

  bool runOnMachineFunction(MachineFunction& function) override {
    tii_ = function.getSubtarget().getInstrInfo();
    std::vector<MachineBasicBlock*> blocks;
    for (MachineBasicBlock& block : function) blocks.push_back(&block);
    // Backwards, so that a chain of jumps is followed to its end in one walk.
    for (size_t i = blocks.size(); i-- > 1;) thread(*blocks[i]);
    for (MachineBasicBlock& block : function) turn_around(block);
    return true;
  }

 private:
  bool jump_instead(MachineBasicBlock& from, MachineBasicBlock& to);
  void thread(MachineBasicBlock& block);
  void turn_around(MachineBasicBlock& block);

  const llvm::TargetInstrInfo* tii_ = nullptr;
};
char SettleJumps::ID = 0;

/// Gives a block that falls into the next one a jump of its own to `to`; false if it ends in what
/// LLVM cannot analyse.
bool SettleJumps::jump_instead(MachineBasicBlock& from, MachineBasicBlock& to) {
  MachineBasicBlock *taken = nullptr, *other = nullptr;
  llvm::SmallVector<llvm::MachineOperand, 4> condition;
  if (tii_->analyzeBranch(from, taken, other, condition, false)) return false;
  const llvm::DebugLoc where = from.findBranchDebugLoc();
  tii_->removeBranch(from);
  if (taken == nullptr)
    tii_->insertBranch(from, &to, nullptr, {}, where);
  else
    tii_->insertBranch(from, taken, &to, condition, where);
  return true;
}

/// Leads those who come to a block without code of its own to where it goes, and drops it.
void SettleJumps::thread(MachineBasicBlock& block) {
  MachineInstr* code = first_code(block);
  MachineBasicBlock* to = next_of(block);
  if (code != nullptr) {
    if (!code->isUnconditionalBranch() || !code->getOperand(0).isMBB()) return;
    to = code->getOperand(0).getMBB();
  }
  if (to == nullptr || to == &block) return;
  const llvm::SmallVector<MachineBasicBlock*, 4> before(block.predecessors());
  bool needed = false;
  for (MachineBasicBlock* from : before) {
    const bool stays = falls_into(*from, block) && code != nullptr && !jump_instead(*from, *to);
    from->ReplaceUsesOfBlockWith(&block, to);
    if (stays) from->addSuccessor(&block);
    needed |= stays;
  }
  if (needed) return;
  while (!block.succ_empty()) block.removeSuccessor(block.succ_begin());
  block.eraseFromParent();
}

void SettleJumps::turn_around(MachineBasicBlock& block) {
  MachineBasicBlock* next = next_of(block);
  MachineBasicBlock *taken = nullptr, *other = nullptr;
  llvm::SmallVector<llvm::MachineOperand, 4> condition;
  if (tii_->analyzeBranch(block, taken, other, condition, false) || taken == nullptr) return;
  const llvm::DebugLoc where = block.findBranchDebugLoc();
  if (condition.empty()) {
    if (taken == next) tii_->removeBranch(block);
    return;
  }
  if (other == nullptr) other = next;
  if (taken == next && other != next && !tii_->reverseBranchCondition(condition))
    std::swap(taken, other);
  tii_->removeBranch(block);
  if (taken == other)
    condition.clear(), other = nullptr;
  else if (other == next)
    other = nullptr;
  if (taken != next || other != nullptr || !condition.empty())
    tii_->insertBranch(block, taken, other, condition, where);
}

class Mark : public MachineFunctionPass {
 public:
  static char ID;
  explicit Mark(uint32_t* spill_bytes) : MachineFunctionPass(ID), spill_bytes_(spill_bytes) {}

  bool runOnMachineFunction(MachineFunction& function) override {
    const llvm::MachineFrameInfo& frame = function.getFrameInfo();
    const uint64_t saved = frame.getCalleeSavedInfo().size() * kSlotBytes;
    *spill_bytes_ = static_cast<uint32_t>(std::max(frame.getStackSize(), saved) - saved);
    tii_ = function.getSubtarget().getInstrInfo();
    for (MachineBasicBlock& block : function) mark(block);
    return true;
  }

 private:
  void mark(MachineBasicBlock& block);

  const llvm::TargetInstrInfo* tii_ = nullptr;
  uint32_t* spill_bytes_;
  uint32_t marks_ = 0;
};
char Mark::ID = 0;

void Mark::mark(MachineBasicBlock& block) {
  const uint32_t ours = block_of(block.getBasicBlock());
  std::optional<uint32_t> current;
  for (MachineInstr& insn : block) {
    if (insn.isMetaInstruction()) continue;
    const unsigned line = insn.getDebugLoc() ? insn.getDebugLoc().getLine() : 0;
    if (current && (line == 0 || line == *current)) continue;
    current = line;
    llvm::MCSymbol* symbol = block.getParent()->getContext().getOrCreateSymbol(
        mark_symbol({0, ours, line == 0 ? ir::kNoSource : line - 1}, marks_++));
    llvm::BuildMI(block, insn, insn.getDebugLoc(), tii_->get(llvm::TargetOpcode::ANNOTATION_LABEL))
        .addSym(symbol);
  }
}

}  // namespace

llvm::FunctionPass* make_widen_slots_pass() { return new WidenSlots; }
llvm::FunctionPass* make_settle_jumps_pass() { return new SettleJumps; }
llvm::FunctionPass* make_mark_pass(uint32_t* spill_bytes) { return new Mark(spill_bytes); }

}  // namespace ipjit::tier2
