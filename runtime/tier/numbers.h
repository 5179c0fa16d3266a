// SPDX-License-Identifier: BSD-2-Clause
// What tiering did for one filter, as it is counted and as it is read.
//
// Counted in the filter's record of the statistics file (stats_file.h), so that `ipjit stats --why`
// shows it of every process, alive or dead; read as TierRecord.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace ipjit::runtime {

/// In the file.
struct TierNumbers {
#define IPJIT_TIER_NUMBER(name, meaning) std::atomic<uint64_t> name;
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
};

/// Bytes for words about tiering in the file; longer text is cut at a line's end.
inline constexpr size_t kWhyBytes = 2048;

/// As read: numbers.def says what each means.
struct TierRecord {
#define IPJIT_TIER_NUMBER(name, meaning) uint64_t name = 0;
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
  std::string backend;  ///< what made the specialised code: "asmjit", "llvm"; empty: tier 1 or less
  std::string why;      ///< the last decision's reasons, one sentence a line, the last one decided

  /// Builds refused, for whatever reason.
  uint64_t refused() const {
    return refused_unavailable + refused_compiler + refused_verifier + refused_memory +
           refused_replay + refused_slower + refused_stale;
  }
  bool operator==(const TierRecord&) const = default;
};

}  // namespace ipjit::runtime
