// SPDX-License-Identifier: BSD-2-Clause
// Random programs from the allow-list, biased so that a good share is accepted.
#pragma once

#include <cstdint>

#include "tests/verifier/guarded.h"

namespace ipjit::verifier {

/// The same seed gives the same unit.  Uses instruction sets in `isa` only.
GuardedUnit random_code(uint64_t seed, uint32_t isa);

}  // namespace ipjit::verifier
