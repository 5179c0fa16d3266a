// SPDX-License-Identifier: BSD-2-Clause
// The meaning of the IR: slow, obvious, also tier 0.  An engine that disagrees is wrong.
#pragma once

#include <span>

#include "ir/program.h"

namespace ipjit::ir {

/// Runs a valid program on one packet.
///
/// Takes: `data` as the native ABI's data and len; `ctx` filled as the program declares, its tables
///        not used: the program's own are.  ctx.actions may be null where the program has no
///        effect, ctx.counters where it counts nothing; the caller zeroes actions->count.
/// Gives: the native ABI's result, status in the high half.
uint64_t interpret(const Program& program, std::span<const uint8_t> data, const ipjit_ctx& ctx);

}  // namespace ipjit::ir
