// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 in the tests' own process, where LLVM is there.
#pragma once

#include "ir/compiler.h"

namespace ipjit::engines {

/// Null where ipjit was built without LLVM.
ir::Compiler* tier2_compiler();

}  // namespace ipjit::engines
