// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "tools/tier2/compiler_source.h"

namespace ipjit::tier2 {

/// The program ipjit-tier2, whatever it compiles with.
/// Gives: its exit status: 0 after a life of service, 1 on a failure, 2 on bad usage.
int run_command(int argc, char** argv, CompilerSource compilers);

}  // namespace ipjit::tier2
