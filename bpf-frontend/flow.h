// SPDX-License-Identifier: BSD-2-Clause
// Where a classic program goes, and what it still needs when it gets there.
#pragma once

#include <span>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ir/program.h"

namespace ipjit::bpf {

/// A set of the machine's registers: bits 0-15 M[0]-M[15], then A, then X.
using RegMask = uint32_t;
inline constexpr uint32_t kRegA = 16;
inline constexpr uint32_t kRegX = 17;
inline constexpr uint32_t kRegCount = 18;

struct Step {
  RegMask live = 0;      ///< registers read before they are written, from here on
  uint32_t goes_to = 0;  ///< this pc; where a jump that decides nothing leads; the end for `ret #0`
  bool leader = false;   ///< reachable, and some jump comes here
};

struct Flow {
  std::vector<Step> steps;  ///< one for each instruction, and the end, which stands for `ret #0`
  uint32_t leaders = 0;     ///< blocks that translate() will make, few more aside
  uint32_t straight = 0;    ///< reachable instructions that are neither jumps nor returns
  uint32_t reject = ir::kNoSource;  ///< the last `ret #0`

  uint32_t end() const { return static_cast<uint32_t>(steps.size() - 1); }
};

/// Takes: a program that check() accepts, without backward jumps.
/// Cost:  two walks.
Flow flow_of(std::span<const Insn> insns, Dialect dialect);

}  // namespace ipjit::bpf
