// SPDX-License-Identifier: BSD-2-Clause
// Sets and maps as read-only bytes with a branch-free probe.
//
// A probe must not mispredict on fresh packets and must stay inside the table even when the CPU
// speculates, so its index comes from data flow alone (shift or mask), never from a branch.
#pragma once

#include <cstdint>
#include <vector>

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::lookup {

enum class Shape : uint8_t {
  kBitmap,   ///< sets of keys of at most 16 bits: one bit a key
  kBuckets,  ///< hashed buckets of kSlots keys, then, for maps, kSlots values a bucket
};

inline constexpr uint32_t kSlots = 4;

/// How to probe; a tier emits code from this, find() is the same in C++.
///
/// kBitmap:  bit (key & 7) of byte (key >> 3).
/// kBuckets: bucket = hash(key) >> shift, 32-bit multiplicative:
///           h = uint32(key * multiplier); for 64-bit keys
///           h = uint32((uint32(key) ^ uint32(uint32(key >> 32) * multiplier2)) * multiplier).
///           Bucket i holds kSlots keys (key_bytes each) at i * stride, and, if has_values, kSlots
///           32-bit values right behind them.  Empty slots hold a key that hashes elsewhere, so a
///           hit needs no occupancy test.  `shift` may be 32: one bucket.
struct Layout {
  Shape shape = Shape::kBuckets;
  bool has_values = false;   ///< a map; else every hit is 1 and every miss 0
  uint32_t key_bytes = 4;    ///< 4 or 8 in kBuckets
  uint32_t miss = 0;
  uint32_t multiplier = 1;   ///< odd
  uint32_t multiplier2 = 1;  ///< odd; 64-bit keys
  uint32_t shift = 32;       ///< 32 - log2(buckets)
  uint32_t stride = 16;      ///< bytes a bucket, a power of two
  uint32_t key_bits = 32;    ///< of the source table; wider key values miss

  bool operator==(const Layout&) const = default;
};

struct ReadOnlyTable {
  Layout layout;
  std::vector<uint8_t> bytes;  ///< size a multiple of 64

  bool operator==(const ReadOnlyTable&) const = default;
};

/// Fails: kTooLong (more than 2^20 keys), kNoSeed (no multiplier separates the keys in 64 tries
///        at each of the sizes allowed).
/// Cost:  expected linear in the number of keys.
Result<ReadOnlyTable> build(const ir::Table& table);

/// The probe's meaning.
uint32_t find(const ReadOnlyTable& table, uint64_t key);

}  // namespace ipjit::lookup
