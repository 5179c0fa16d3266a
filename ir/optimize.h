// SPDX-License-Identifier: BSD-2-Clause
// The passes in order; each is a file of its name under ir/passes/, and has golden cases in
// tests/ir/passes/.
#pragma once

#include "ir/program.h"

namespace ipjit::ir {

/// Rewrites a valid program into a valid one with the same results on every packet and context:
/// same verdict or id, same status, same actions and counters.
///
/// Cost: linear in the program (sorting sets apart).
void optimize(Program& program);

}  // namespace ipjit::ir
