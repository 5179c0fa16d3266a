// SPDX-License-Identifier: BSD-2-Clause
// The IR's one text form: what dumps, tests and bug reports show, and what parses back.
//
//   program     = "filter" [NAME to end of line] {declaration} block {block}
//   declaration = "exits" N | "resumes" N | "counters" N
//               | "tableN:" ("u8"|"u16"|"u32"|"u64") "miss" N "{" [entry {"," entry}] "}"
//   entry       = KEY ["=" N]                        value 1 unless said
//   block       = "bN" ["(" "vN" ":" type {"," ...} ")"] ":" {instruction} ending
//   instruction = ["vN" "="] WORD operands           one a line; words and operands: ops.def
//   place       = ["th"] (N | "vN" ["+" N])
//   need        = "need" place "else" "bN"
//   ending      = "jump" edge | "br" "vN" REL (N | "vN" | "tableN") "->" edge "," edge
//               | "switch" "vN" "{" [N "->" edge {"," ...}] "}" "else" edge
//               | ("ret" | "pull") (N | "vN") | ("exit" | "resume") N
//   edge        = "bN" ["(" "vN" {"," "vN"} ")"]
//
// Blocks and tables are numbered from 0 in order.  Numbers are decimal or 0x hexadecimal.  `;`
// begins a comment; `; src 3` says that the line comes from source instruction 3, and is kept.  A
// line may go on inside () and {}.
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
