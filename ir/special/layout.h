// SPDX-License-Identifier: BSD-2-Clause
// Which blocks are hot: what layout() puts in a row, and what `ipjit compile` counts as hot bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// A block that fewer packets enter is cold.
inline constexpr double kHotReach = 0.01;

/// By block: 1 where at least kHotReach of the packets enter it; all hot where nothing is known.
/// Takes: a valid program, the profile of it or of the one that it was made from.
std::vector<uint8_t> hot_blocks(const Program& program, const Profile& profile);

}  // namespace ipjit::ir
