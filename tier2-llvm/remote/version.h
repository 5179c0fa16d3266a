// SPDX-License-Identifier: BSD-2-Clause
// What two processes must have in common to understand each other's programs and code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ipjit/abi.h"
#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

/// The IR's words and the fields of the context, as this build knows them.
inline constexpr std::string_view kLanguage =
#define IPJIT_OP(name, word, result, operands, meaning) word " " #result " " #operands " " meaning
#define IPJIT_REL(name, word, meaning) word " " meaning
#define IPJIT_TERM(name, word, meaning) word " " meaning
#include "ir/ops.def"
#undef IPJIT_OP
#undef IPJIT_REL
#undef IPJIT_TERM
    ;

/// FNV-1a.
constexpr uint32_t fold(std::string_view text) {
  uint32_t hash = 0x811c9dc5;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
  return hash;
}

/// "0.1.0-1.1-5d3f0a12": ipjit, protocol and native ABI, the IR's words.  Part of the names of
/// socket and lock, so that processes of two versions have a server each, and of every request.
std::string version();

}  // namespace ipjit::tier2
