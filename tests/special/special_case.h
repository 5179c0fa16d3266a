// SPDX-License-Identifier: BSD-2-Clause
// Case files of the specialiser: a program as tests/cases/ir_case.h reads it, and in more comments
// the traffic, what is promised, which passes run, and what they make of the program.
//
//   ; about   port 443 is most of it, so it is asked first
//   ; passes  order_terms                  of struct Choices; left out: all
//   ; fact    iif 2                        a field, min_len or max_len
//   ; profile packets 1000 discarded 0 matched 830          a line of ir/profile_text.h, its
//   ; profile branch 1 taken 40 other 960 mispredicted 40   first line left out
//   ; says    order_terms: b0, 3 tests     begins a line of the log
//   filter ports
//   ...
//   ; becomes b0: ...                      the specialised program, line by line; left out:
//   anything ; packet  ...                          the result of general and specialised program
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/profile.h"
#include "ir/special/specialise.h"
#include "tests/cases/ir_case.h"

namespace ipjit::cases {

struct SpecialCase {
  IrCase base;
  ir::Choices choices;
  ir::Facts facts;
  ir::Profile profile;
  std::vector<std::string> says;
  std::string becomes;  ///< without the lines before the first block
};

/// Fails: as parse_ir_case() and parse_profile(); kSyntax where a word is not known; `at` is the
///        line, 0 for the profile.
Result<SpecialCase> parse_special_case(std::string_view text);

}  // namespace ipjit::cases
