// SPDX-License-Identifier: BSD-2-Clause
// One file of the cache: a question and its answer, whole.
//
//   entry = magic:8 digest:8 request:4 reply:4, then so many bytes of a request's frame and of a
//           reply's frame (tier2-llvm/remote/message.h)
//
// The digest of all behind it finds damage, not malice: the directory is its user's alone.  That
// the right question was answered is found by comparing it, not by its digest.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

inline constexpr size_t kEntryHeadBytes = 24;
inline constexpr size_t kMaxEntryBytes =
    kEntryHeadBytes + 2 * kFrameBytes + kMaxProgramText + 4096 + kMaxBody;

struct CacheEntry {
  CompileRequest key;
  CompiledCode code;
};

/// A hash of bytes; not for adversaries.
uint64_t digest(std::span<const uint8_t> bytes, uint64_t seed = 0);

/// The name of the file: 32 hexadecimal digits.
std::string entry_name(const CompileRequest& key);

Bytes encode_entry(const CompileRequest& key, const CompiledCode& code);

/// Gives: nothing if anything is wrong with it.
std::optional<CacheEntry> decode_entry(std::span<const uint8_t> bytes);

}  // namespace ipjit::tier2
