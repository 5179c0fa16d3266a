// SPDX-License-Identifier: BSD-2-Clause
// Profiles that say nothing true, for every pass's and engine's tests: results must not depend on
// what a profile says.
#pragma once

#include <cstdint>

#include "ir/profile.h"

namespace ipjit::ir {

/// Each edge wrong: what was taken was not, what passed failed, what was predicted was not, and
/// each table's most frequent value is one that never came.
Profile invert(const Profile& profile);

/// Counts for the sites of a program that have sources; some are left out, and some have the
/// largest or no counts.  The same for the same seed; prints and parses back.
Profile random_profile(const Program& program, uint64_t seed);

}  // namespace ipjit::ir
