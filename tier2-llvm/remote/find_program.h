// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::tier2 {

/// What tier2_program() gives, with IPJIT_TIER2 read before; empty: not set.
Result<std::string> find_program(const std::string& named);

}  // namespace ipjit::tier2
