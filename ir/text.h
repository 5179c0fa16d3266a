// SPDX-License-Identifier: BSD-2-Clause
// The IR's one text form: what dumps, tests and bug reports show, and what parses back.
#pragma once

#include <string>
#include <string_view>

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Prints a program; also one that validate() would refuse, as far as it goes.
///
/// Gives: text ending in a newline; parse(print(p)) == p up to the numbering of values and pools.
std::string print(const Program& program);

/// Parses the text form.  Values may have any numbers; they are renumbered in order of appearance.
///
/// Takes: at most 16 MiB of text.
/// Gives: a program that validate() has not seen yet.
/// Fails: kSyntax, kTooLong; `at` is the line, counted from 1.
Result<Program> parse(std::string_view text);

}  // namespace ipjit::ir
