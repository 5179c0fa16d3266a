// SPDX-License-Identifier: BSD-2-Clause
// The cheapest way to ask whether a value is one of some constants.
//
//   {0x800, 0x806}                        one test for each run of keys
//   {10.0.0.0 .. 10.0.0.255}              v1 = and v0, ~255; v1 == 0x0a000000
//   {1021 .. 1099}                        v1 = sub v0, 1021; v1 <= 78
//   {20, 21, 22, 25, 53, 80}              v1 = sub v0, 20; v2 = shr 0x10..0027, v1; v2 & 1
//   {6, 17, 132}, of a byte               v1 in an array of 256
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

struct SetPlan {
  enum class Shape : uint8_t {
    kSubcube,  ///< all values that agree outside a mask; one key is one
    kRange,    ///< one run of consecutive keys
    kRuns,     ///< a few runs
    kBits,     ///< a window of 64: a mask and a shift
    kTable,    ///< as it is
  };

  Shape shape = Shape::kTable;
  double cycles = 0;                ///< of one run, kCosts, its branch left out
  std::vector<uint64_t> keys = {};  ///< ascending, no key twice
  uint32_t key_bits = 32;           ///< of kTable
};

/// What a probe of so many keys costs, kCosts.
double probe_cycles(size_t keys, uint32_t key_bits);

/// Takes: keys in ascending order, at least one, no key twice; the bits of a table's keys, no value
///        that is asked for being wider; whether a table may be added.
SetPlan plan_set(std::vector<uint64_t> keys, uint32_t key_bits, bool tables);

/// "a range of 79 keys"
std::string describe(const SetPlan& plan);

/// Appends what computes the plan to `out` and makes `test` a branch on it; edges stay.
void write_test(Program& program, const SetPlan& plan, ValueId value, std::vector<Insn>& out,
                Term& test);

/// Appends what computes 1 where the value is one of the keys, else 0, as `result`.
void write_value(Program& program, const SetPlan& plan, ValueId value, std::vector<Insn>& out,
                 ValueId result);

}  // namespace ipjit::ir
