// SPDX-License-Identifier: BSD-2-Clause
// Jumps only go forward, so one walk from the last instruction to the first sees every successor
// before its predecessors: it finds what is live, and where chains of jumps end.
//
//   4: jeq #a, +0, +1         4: goes to 7 or 6
//   5: ja +1            ==>   5: goes_to 7, no block of its own
//   6: jeq #b, ...
//
// A `ret #0` is the same place as a load past the end of the packet: all go to the end, one block.
// A second walk, forward, marks what is reachable and where blocks begin.
#include "bpf-frontend/flow.h"

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

struct Use {
  RegMask reads = 0;
  RegMask writes = 0;
};

constexpr RegMask kA = 1u << kRegA;
constexpr RegMask kX = 1u << kRegX;

// Takes neither jumps nor returns.
Use use_of(const Insn& insn, Dialect dialect) {
  switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
      if (BPF_MODE(insn.code) == BPF_IND) return {kX, kA};
      if (BPF_MODE(insn.code) == BPF_MEM) return {1u << insn.k, kA};
      if (BPF_MODE(insn.code) == BPF_ABS && insn.k == kXorXOffset && dialect == Dialect::kLinux)
        return {kA | kX, kA};
      return {0, kA};
    case BPF_LDX:
      return {BPF_MODE(insn.code) == BPF_MEM ? 1u << insn.k : 0, kX};
    case BPF_ST:
      return {kA, 1u << insn.k};
    case BPF_STX:
      return {kX, 1u << insn.k};
    case BPF_ALU:
      return {BPF_SRC(insn.code) == BPF_X ? kA | kX : kA, kA};
    default:  // BPF_MISC
      return BPF_MISCOP(insn.code) == BPF_TAX ? Use{kA, kX} : Use{kX, kA};
  }
}

void look_back(std::span<const Insn> insns, Dialect dialect, Flow& flow) {
  for (uint32_t pc = flow.end(); pc-- > 0;) {
    const Insn& insn = insns[pc];
    Step& step = flow.steps[pc];
    step.goes_to = pc;
    if (is_jump_always(insn)) {
      step.goes_to = flow.steps[target(pc, insn.k)].goes_to;
      step.live = flow.steps[step.goes_to].live;
    } else if (BPF_CLASS(insn.code) == BPF_JMP) {
      const Step& taken = flow.steps[target(pc, insn.jt)];
      const Step& other = flow.steps[target(pc, insn.jf)];
      step.live = taken.live | other.live;
      if (taken.goes_to == other.goes_to)
        step.goes_to = taken.goes_to;
      else
        step.live |= BPF_SRC(insn.code) == BPF_X ? kA | kX : kA;
    } else if (BPF_CLASS(insn.code) == BPF_RET) {
      step.live = BPF_RVAL(insn.code) == BPF_A ? kA : 0;
      if (insn.code == (BPF_RET | BPF_K) && insn.k == 0) {
        step.goes_to = flow.end();
        if (flow.reject == ir::kNoSource) flow.reject = pc;
      }
    } else {
      Use use = use_of(insn, dialect);
      step.live = (flow.steps[pc + 1].live & ~use.writes) | use.reads;
    }
  }
}

void look_forward(std::span<const Insn> insns, Flow& flow) {
  auto mark = [&flow](uint32_t pc) {
    flow.leaders += !flow.steps[pc].leader;
    flow.steps[pc].leader = true;
  };
  bool falls_in = true;
  for (uint32_t pc = 0; pc < flow.end(); ++pc) {
    const Insn& insn = insns[pc];
    const Step& step = flow.steps[pc];
    if (!falls_in && !step.leader) continue;
    falls_in = false;
    if (step.goes_to != pc) {
      mark(step.goes_to);
    } else if (BPF_CLASS(insn.code) == BPF_JMP) {
      mark(flow.steps[target(pc, insn.jt)].goes_to);
      mark(flow.steps[target(pc, insn.jf)].goes_to);
    } else if (BPF_CLASS(insn.code) != BPF_RET) {
      ++flow.straight;
      falls_in = true;
    }
  }
}

}  // namespace

Flow flow_of(std::span<const Insn> insns, Dialect dialect) {
  Flow flow;
  flow.steps.resize(insns.size() + 1);
  flow.steps.back().goes_to = flow.end();
  look_back(insns, dialect, flow);
  look_forward(insns, flow);
  return flow;
}

}  // namespace ipjit::bpf
