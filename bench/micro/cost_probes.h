// SPDX-License-Identifier: BSD-2-Clause
// What one construct of the IR costs in tier 1's code: the numbers that ir::kCosts holds.
#pragma once

#include <string>
#include <vector>

#include "ir/special/cost.h"

namespace ipjit::bench {

struct Probe {
  std::string name;   ///< member of ir::CostTable
  double cycles = 0;  ///< median
  double model = 0;   ///< what ir::kCosts says
};

/// Cycles of a nanosecond, from a chain of multiplications that each take three (an addition
/// of a constant may take none).
double measured_ghz();

/// Runs each construct 8 and 24 times in a program and takes the slope; costs that such a program
/// has besides are subtracted.  A refusal of the compiler or the verifier ends the process.
///
/// Takes: how often each is measured; the median counts.
std::vector<Probe> cost_probes(double ghz, size_t repeats);

}  // namespace ipjit::bench
