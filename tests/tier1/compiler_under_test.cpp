// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::tier1 {

ir::Compiler& compiler_under_test() {
  static Tier1 tier;
  return tier;
}

std::vector<const arch::Target*> targets_under_test() { return runnable_targets(); }

}  // namespace ipjit::tier1
