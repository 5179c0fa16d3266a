// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Checks the invariants of program.h.  What passes here, every engine runs or refuses; none crashes.
///
/// Fails: kEmpty, kNotAcyclic, kUndefinedValue, kTypeMismatch, kUncheckedLoad, kBadId, kTooLong;
///        `at` is the block.
/// Cost:  linear in instructions and edges.
Status validate(const Program& program);

}  // namespace ipjit::ir
