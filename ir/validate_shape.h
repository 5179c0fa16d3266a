// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::ir {

/// The half of validate() that looks at one thing at a time: ids, ranges, types, forward edges.
/// What passes can be indexed without further tests, and its edges form no cycle.
///
/// Fails: kEmpty, kNotAcyclic, kTypeMismatch, kBadId, kTooLong; `at` is the block.
Status validate_shape(const Program& program);

}  // namespace ipjit::ir
