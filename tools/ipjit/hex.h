// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipjit::cli {

/// Two digits a byte, white space allowed between bytes; nothing where the text is anything else.
std::optional<std::vector<uint8_t>> from_hex(std::string_view text);

std::string to_hex(std::span<const uint8_t> bytes);

}  // namespace ipjit::cli
