// SPDX-License-Identifier: BSD-2-Clause
// Assembles text with the system's `as`, for cases that people write by hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ipjit::verifier {

struct Assembled {
  std::vector<uint8_t> bytes = {};             ///< the .text section
  std::map<std::string, uint32_t> label = {};  ///< offsets of those asked for
  std::string error = {};                      ///< what went wrong; empty if nothing
};

/// Takes: Intel syntax without prefixes (`mov eax, 1`); the names of labels to report.
/// Cost:  one process.
Assembled assemble(const std::string& text, const std::vector<std::string>& labels);

}  // namespace ipjit::verifier
