// SPDX-License-Identifier: BSD-2-Clause
// Several fields of a packet compared at once: one load, one mask, one comparison.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ir/program.h"
#include "ir/special/predicate.h"

namespace ipjit::ir {

/// `(bytes & mask) == value`, for bytes in a row, read as one big-endian number.
struct FieldTest {
  Base base = Base::kData;
  ValueId offset = kNoValue;  ///< of the program; kNoValue: a constant place
  uint64_t place = 0;
  uint32_t size = 0;
  uint64_t mask = 0;
  uint64_t value = 0;
};

/// The same for a load of 2, 4 or 8 bytes, read as one little-endian number: no bytes to swap.
struct WideTest {
  FieldTest test;
  std::vector<uint32_t> of;  ///< which field tests it stands for, by position
};

/// The instruction that defines a value; null for a parameter.
using Definition = std::function<const Insn*(ValueId)>;

/// Gives: the test, if it is one of a field; nothing where the field is read in another byte order.
std::optional<FieldTest> field_test(const PredTest& test, const Definition& definition);

/// Bytes that are readable behind an offset value (kNoValue: of the base); 0: unknown.
using Readable = std::function<uint64_t(Base, ValueId)>;

/// Gives: tests that stand for two or more each; a field that no other lies close to is in none.
std::vector<WideTest> widen(const std::vector<FieldTest>& fields, const Readable& readable);

/// The load of a wide test, without operand and result.
Insn wide_load(const FieldTest& wide);

}  // namespace ipjit::ir
