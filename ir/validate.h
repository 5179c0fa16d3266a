// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Checks the invariants of program.h.  What passes here, every engine runs or refuses; none
/// crashes.
///
/// A load at a constant place is covered if every way to it needs enough bytes of that base; one
/// with an offset value if a need with that value, at least as far, dominates it.
///
/// Fails: kEmpty, kNotAcyclic, kUndefinedValue, kTypeMismatch, kUncheckedLoad, kBadId, kBadOpcode,
///        kTooLong; `at` is the block.
/// Cost:  linear in instructions and edges.
Status validate(const Program& program);

}  // namespace ipjit::ir
