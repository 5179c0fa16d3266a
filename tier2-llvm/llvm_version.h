// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

namespace ipjit::tier2 {

/// "19.1.7": of the library that is loaded, which may be newer than the one this was built with.
std::string llvm_version();

}  // namespace ipjit::tier2
