// SPDX-License-Identifier: BSD-2-Clause
// Runs a program on a text.
#pragma once

#include <string>
#include <vector>

#include "ipjit/error.h"

namespace ipjit::cli {

struct PipedRun {
  int status = 0;  ///< exit status; 128 + N where signal N ended it
  std::string out;
  std::string err;
};

/// Takes: a path, or a name that PATH leads to; its arguments; its standard input.
/// Fails: kUnavailable where it cannot be started, kIo where there is no memory for the text.
Result<PipedRun> run_on(const std::string& program, const std::vector<std::string>& words,
                        const std::string& input);

}  // namespace ipjit::cli
