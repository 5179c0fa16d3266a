// SPDX-License-Identifier: BSD-2-Clause
// How much of a unit's code its traffic runs.
#pragma once

#include <cstdint>

#include "ir/compiler.h"
#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::cli {

/// As ir/special/layout.h has it.
struct Heat {
  uint32_t hot_bytes = 0;
  uint32_t cold_bytes = 0;  ///< both together are the code

  bool operator==(const Heat&) const = default;
};

/// Takes: code whose marks name blocks of `program`, and a profile of it or of the program that it
///        was made from.
Heat heat_of(const ir::MachineCode& code, const ir::Program& program, const ir::Profile& profile);

}  // namespace ipjit::cli
