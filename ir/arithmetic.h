// SPDX-License-Identifier: BSD-2-Clause
// What the ops compute, for the interpreter and for constant folding alike.
#pragma once

#include <cstdint>

#include "ir/program.h"

namespace ipjit::ir {

/// The result of an op from kAdd to kTrunc, cut to `type`, the type of the result.
/// Takes: operands as unsigned numbers; `b` is not used by unary ops.
uint64_t compute(Op op, Type type, uint64_t a, uint64_t b);

/// Whether a REL b; not for kIn.
bool compare(Rel rel, uint64_t a, uint64_t b);

/// The low `bytes` bytes of v in reverse.
inline uint64_t swapped(uint64_t v, uint32_t bytes) {
  return __builtin_bswap64(v) >> (64 - 8 * bytes);
}

/// What the table holds for the key; its miss value where it has none.
uint32_t find_in(const Table& table, uint64_t key);

}  // namespace ipjit::ir
