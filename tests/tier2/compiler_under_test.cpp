// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier1/native.h"
#include "tier2-llvm/tier2.h"

namespace ipjit::tier1 {

ir::Compiler& compiler_under_test() {
  static tier2::Tier2 tier;
  return tier;
}

}  // namespace ipjit::tier1
