// SPDX-License-Identifier: BSD-2-Clause
// What filters a to j do not have: sets with a shape, and a promise to fold.
#pragma once

#include <vector>

#include "ir/program.h"
#include "ir/special/specialise.h"

namespace ipjit::bench {

struct RuleSet {
  char id;              ///< k: 200 hosts in a row; l: 18 rules by interface, attached to one
  ir::Program program;  ///< general, optimised, its sites numbered
  ir::Facts facts;      ///< that hold for the bench traffic
};

std::vector<RuleSet> rule_sets();

}  // namespace ipjit::bench
