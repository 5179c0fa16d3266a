// SPDX-License-Identifier: BSD-2-Clause
// Profiles to specialise by: what some packets did, its opposite, and noise.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/profile.h"
#include "ir/special/specialise.h"
#include "tests/ir/random_program.h"

namespace ipjit::ir {

/// What the inputs do in the program, a thousand times; each packet follows the one before.
Profile true_profile(const Program& program, std::vector<RandomInput>& inputs);

/// Every branch, switch and need the other way, and every value another one.
Profile opposite(const Profile& profile);

/// Every branch and switch is a toss, every need passes.
Profile undecided(const Program& program);

/// Counts of any size for some of the program's sites and for sites that it does not have.
Profile noise(const Program& program, uint64_t seed);

/// All passes, each alone, each left out; with names for messages.
std::vector<std::pair<std::string, Choices>> all_choices();

}  // namespace ipjit::ir
