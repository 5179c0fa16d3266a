// SPDX-License-Identifier: BSD-2-Clause
// Programs that may hand the packet back: whoever gets a `pull` asks an engine that sees it all.
#pragma once

#include "ir/program.h"

namespace ipjit::ir {

/// Whether every failing need leads to nothing but a `pull`.
bool is_kernel_form(const Program& program);

/// Makes fewer checks of a program in kernel form, by asking early for bytes that are nearly always
/// there.
///
/// Takes: a valid program, for which is_kernel_form() holds.
/// Gives: the same, optimised; for every packet it gives the same result as before, or `pull` where
///        the one given would have pulled on another way through itself.
void optimize_kernel_form(Program& program);

}  // namespace ipjit::ir
