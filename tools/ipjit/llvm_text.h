// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "arch-detect/target.h"
#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::cli {

/// What tier 2 hands to LLVM, as text.  The program ipjit-tier2 prints it: there is no LLVM here.
/// Fails: kUnavailable without that program; with its words where it refuses.
Result<std::string> llvm_text(const ir::Program& program, const arch::Target& target);

}  // namespace ipjit::cli
