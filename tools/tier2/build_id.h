// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

namespace ipjit::tier2 {

/// The linker's fingerprint of this program in hexadecimal: another build may give other code.
/// Empty where it was linked without one.
std::string build_id();

}  // namespace ipjit::tier2
