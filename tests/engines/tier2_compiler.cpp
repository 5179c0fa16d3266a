// SPDX-License-Identifier: BSD-2-Clause
#include "tests/engines/tier2_compiler.h"

#ifdef IPJIT_HAVE_LLVM
#include "tier2-llvm/tier2.h"
#endif

namespace ipjit::engines {

ir::Compiler* tier2_compiler() {
#ifdef IPJIT_HAVE_LLVM
  static tier2::Tier2 tier;
  return &tier;
#else
  return nullptr;
#endif
}

}  // namespace ipjit::engines
