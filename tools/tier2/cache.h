// SPDX-License-Identifier: BSD-2-Clause
// Finished code of one user, kept over the life of servers: ~/.cache/ipjit/tier2/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tier2-llvm/remote/fd.h"
#include "tools/tier2/cache_entry.h"

namespace ipjit::tier2 {

struct CacheLimits {
  uint64_t bytes = uint64_t{64} << 20;
  uint32_t entries = 4096;
};

class Cache {
 public:
  /// Takes: the directory; it and the ones above it that are missing are made, for us alone.
  /// Fails: kUnavailable: it is not ours, others may write it, or it cannot be made.
  static Result<Cache> open(const std::string& directory, CacheLimits limits = {});

  /// The code for exactly this request; a file that is damaged, cut, somebody else's or answers
  /// another question is none, and makes room for a better one.
  std::optional<CompiledCode> find(const CompileRequest& key);

  /// Keeps it if there is room to; the entries that were not asked for longest give way.
  void keep(const CompileRequest& key, const CompiledCode& code);

 private:
  Cache(Fd directory, CacheLimits limits) : directory_(std::move(directory)), limits_(limits) {}
  void make_room();

  Fd directory_;
  CacheLimits limits_;
  uint64_t bytes_ = 0;  ///< in the directory; counted again by make_room()
  uint32_t entries_ = 0;
};

/// $XDG_CACHE_HOME/ipjit/tier2 or $HOME/.cache/ipjit/tier2, of a home that is ours.
/// Fails: kUnavailable, and says what is missing.
Result<std::string> cache_directory();

}  // namespace ipjit::tier2
