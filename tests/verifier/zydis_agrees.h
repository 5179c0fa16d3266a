// SPDX-License-Identifier: BSD-2-Clause
// Compares an instruction of our decoder with what Zydis says about the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "verifier/core/decode.h"

namespace ipjit::verifier {

/// Empty if Zydis sees the same instruction: length, mnemonic, operands and their sizes, address,
/// immediate, branch target.  Else what differs.
std::string zydis_difference(const insn& ours, std::span<const uint8_t> bytes);

std::string hex(std::span<const uint8_t> bytes);

}  // namespace ipjit::verifier
