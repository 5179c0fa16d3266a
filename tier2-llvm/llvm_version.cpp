// SPDX-License-Identifier: BSD-2-Clause
#include "tier2-llvm/llvm_version.h"

#include <llvm-c/Core.h>

namespace ipjit::tier2 {

std::string llvm_version() {
  unsigned major = 0, minor = 0, patch = 0;
  LLVMGetVersion(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace ipjit::tier2
