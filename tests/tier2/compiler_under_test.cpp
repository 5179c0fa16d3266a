// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier1/native.h"
#include "tier2-llvm/tier2.h"

namespace ipjit::tier1 {

ir::Compiler& compiler_under_test() {
  static tier2::Tier2 tier;
  return tier;
}

/// LLVM takes milliseconds: each test looks at one of the targets, in turn.
std::vector<const arch::Target*> targets_under_test() {
  static size_t turn = 0;
  const std::vector<const arch::Target*> all = runnable_targets();
  return {all[turn++ % all.size()]};
}

}  // namespace ipjit::tier1
