// SPDX-License-Identifier: BSD-2-Clause
// Conditional jumps reach 256 instructions; a list of hosts is longer.
//
//   jeq #a, accept, next              jeq #a, 0, 1       jumps to the ja
//   ...                        ==>    ja accept          which serves the 254 tests before it too
//
// Written from the last instruction to the first: then the distance to every target is known, and
// the ja that was written last for a target is the nearest one.
#include "bpf-frontend/far_jumps.h"

#include <algorithm>
#include <vector>

#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

class Placer {
 public:
  explicit Placer(std::span<const FarInsn> steps)
      : steps_(steps), place_(steps.size()), nearest_(steps.size()) {}

  InsnList run();

 private:
  // Instructions between the next one to be written and the one at `place`.
  uint32_t gap(uint32_t place) const { return static_cast<uint32_t>(reversed_.size()) - place - 1; }
  bool reaches(uint32_t target, uint32_t slack) const {
    return gap(nearest_[target]) + slack <= 255;
  }
  void add_far_jump(uint32_t target);

  std::span<const FarInsn> steps_;
  InsnList reversed_;
  std::vector<uint32_t> place_;    // of each step in reversed_
  std::vector<uint32_t> nearest_;  // the step or the last ja to it, in reversed_
};

void Placer::add_far_jump(uint32_t target) {
  reversed_.push_back({BPF_JMP | BPF_JA, 0, 0, gap(place_[target])});
  nearest_[target] = static_cast<uint32_t>(reversed_.size() - 1);
}

InsnList Placer::run() {
  for (uint32_t i = static_cast<uint32_t>(steps_.size()); i-- > 0;) {
    const FarInsn& step = steps_[i];
    Insn insn = step.insn;
    if (is_jump_always(insn)) {
      insn.k = gap(place_[step.taken]);
    } else if (kind_of(insn.code) == Kind::kBranch) {
      // A ja for one side moves the other one instruction away.
      if (!reaches(step.taken, 1)) add_far_jump(step.taken);
      if (!reaches(step.other, 0)) add_far_jump(step.other);
      insn.jt = static_cast<uint8_t>(gap(nearest_[step.taken]));
      insn.jf = static_cast<uint8_t>(gap(nearest_[step.other]));
    }
    reversed_.push_back(insn);
    place_[i] = nearest_[i] = static_cast<uint32_t>(reversed_.size() - 1);
  }
  std::reverse(reversed_.begin(), reversed_.end());
  return reversed_;
}

}  // namespace

InsnList place_far_jumps(std::span<const FarInsn> steps) { return Placer(steps).run(); }

}  // namespace ipjit::bpf
