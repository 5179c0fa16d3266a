// SPDX-License-Identifier: BSD-2-Clause
// Random valid programs and inputs that take many of their ways, for every engine's tests.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

/// A program that validate() accepts; the same one for the same seed.
///
/// Holds, in changing mixtures: every op, relation and ending, needs and loads of both bases,
/// parameters, tables, effects, counters, and long chains of `==` with shared targets and tails.
/// Half of the programs answer by `ret`, half by `exit`.
Program random_program(uint64_t seed);

/// What a program is run on.  Constants and packets are drawn from the same few numbers, so that
/// comparisons hold often.
struct RandomInput {
  std::vector<uint8_t> data;
  std::vector<uint8_t> th;
  ipjit_ctx ctx = {};  ///< all fields and th filled; actions, counters: the arrays below
  std::unique_ptr<ipjit_actions> actions;
  std::vector<uint64_t> counters;  ///< IPJIT_MAX_COUNTERS, zero

  /// Forgets what a run recorded.
  void reset();
};

RandomInput random_input(uint64_t seed);

}  // namespace ipjit::ir
