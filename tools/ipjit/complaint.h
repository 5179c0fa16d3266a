// SPDX-License-Identifier: BSD-2-Clause
// How a refusal reaches the person: one line on stderr and an exit status.
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;

/// "frontend: opcode 0x00ff is unknown (instruction 3, kBadOpcode)"; the place in the words of its
/// stage, left out where the stage has no places.
std::string in_words(const Error& error);

/// Prints "ipjit: " and in_words() on stderr.
/// Gives: the exit status: kUsage for Stage::kUsage, else kFailure.
int complain(const Error& error);

/// The same for a misuse of the command line.
int complain_usage(const std::string& why);

}  // namespace ipjit::cli
