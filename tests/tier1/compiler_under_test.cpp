// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::tier1 {

ir::Compiler& compiler_under_test() {
  static Tier1 tier;
  return tier;
}

std::vector<const arch::Target*> targets_under_test() {
  static const arch::Target hiding = arch::kernel_target(arch::detect().isa, 0x243f6a8885a308d3);
  std::vector<const arch::Target*> all = runnable_targets();
  all.push_back(&hiding);
  return all;
}

}  // namespace ipjit::tier1
