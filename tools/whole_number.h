// SPDX-License-Identifier: BSD-2-Clause
// For options that take a whole number, with transform(): CLI11 alone takes a leading 0 for octal,
// wraps what is below 0 and cuts what is too large.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>

namespace ipjit {

/// Takes: the option's limits, which its type can hold.
inline CLI::Validator whole_number(uint64_t least, uint64_t most) {
  return {[least, most](std::string& word) {
            uint64_t number = 0;
            const char* end = word.data() + word.size();
            auto [stop, failed] = std::from_chars(word.data(), end, number);
            if (failed != std::errc() || stop != end || number < least || number > most)
              return "'" + word + "' is not a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most);
            word = std::to_string(number);  // without a leading 0
            return std::string();
          },
          ""};
}

}  // namespace ipjit
