// SPDX-License-Identifier: BSD-2-Clause
// What can be said of one instruction or one test without looking around.
#pragma once

#include <optional>

#include "ir/passes/passes.h"

namespace ipjit::ir {

/// All bits up to the highest of `n`: the bits that a number <= n may have.
constexpr uint64_t bits_up_to(uint64_t n) {
  return n == 0 ? 0 : ~uint64_t{0} >> __builtin_clzll(n);
}

/// An instruction becomes a constant, another value, or itself with simpler operands.
struct Folded {
  enum class Kind : uint8_t { kSelf, kConst, kValue } kind = Kind::kSelf;
  uint64_t constant = 0;
  ValueId value = kNoValue;
};

/// Folds an op from kAdd to kTrunc; may move a constant operand into imm.
/// Takes: the type of the operands.
Folded fold(Insn& insn, const std::vector<ValueInfo>& info, Type operand);

/// The bits that the result may have, from those of the operands.
uint64_t possible_bits(const Insn& insn, const std::vector<ValueInfo>& info);

/// Whether `a REL imm` has one answer for every a in [low, high] with no bit outside `bits`.
std::optional<bool> decide(Rel rel, uint64_t imm, uint64_t low, uint64_t high, uint64_t bits);

}  // namespace ipjit::ir
