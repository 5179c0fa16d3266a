// SPDX-License-Identifier: BSD-2-Clause
// A check for options that take a whole number from 1 on.  CLI::PositiveNumber is one for any kind
// of number, whose message ends with the 309 digits of the largest.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ipjit::cli {

inline CLI::Validator positive() {
  return {[](std::string& word) {
            const bool digits = word.find_first_not_of("0123456789") == std::string::npos;
            const bool some = word.find_first_not_of('0') != std::string::npos;
            return digits && some ? std::string() : "'" + word + "' is not a whole number above 0";
          },
          "POSITIVE"};
}

}  // namespace ipjit::cli
