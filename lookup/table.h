// SPDX-License-Identifier: BSD-2-Clause
// Sets and maps as read-only bytes with a branch-free probe.
//
// A probe must not mispredict on fresh packets and must stay inside the table even when the CPU
// speculates, so its index comes from data flow alone (a shift), never from a branch.  Keys are
// known in advance, so hashing is perfect: each key has a slot of its own, a probe compares once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::lookup {

enum class Shape : uint8_t {
  kNothing,  ///< no keys: every probe misses; no bytes
  kBitmap,   ///< sets of 16-bit keys: one bit a key
  kArray,    ///< 8-bit keys: one 32-bit value a key
  kSlots,    ///< a few keys: one multiplier gives each its slot
  kGroups,   ///< many keys: a multiplier gives the group, the group's multiplier the slot
};

/// How to probe; a tier emits code from this, find() is the same in C++.
///
/// kBitmap:  bit (key & 31) of 32-bit word (key >> 5).
/// kArray:   32-bit word `key`.
/// kSlots:   slot = key * multiplier >> slot_shift
/// kGroups:  group = key * multiplier >> group_shift; slot = key * words[group] >> slot_shift
///           Products are key_bytes wide and wrap; words are key_bytes wide and start the table.
/// Slot i is at slots_at + i * slot_bytes: the key and, if has_values, 32 bits of value behind it.
/// Free slots hold a key of another slot, so that equality alone is a hit.
/// In kBitmap and kArray keys of more than key_bits bits miss, before the probe; in the others
/// only keys wider than key_bytes need that.
struct Layout {
  Shape shape = Shape::kNothing;
  bool has_values = false;   ///< a map; else every hit is `hit`
  uint32_t key_bits = 32;    ///< of the source table
  uint32_t key_bytes = 4;    ///< 4 or 8: width of arithmetic and of stored keys
  uint32_t slot_bytes = 4;   ///< 4, 8 or 16
  uint32_t slots_at = 0;     ///< bytes
  uint32_t group_shift = 0;  ///< below the width
  uint32_t slot_shift = 0;   ///< below the width
  uint64_t multiplier = 1;   ///< odd
  uint32_t hit = 1;
  uint32_t miss = 0;

  bool operator==(const Layout&) const = default;
};

/// Whether the key itself says where its entry is.
inline bool is_indexed(const Layout& layout) {
  return layout.shape == Shape::kBitmap || layout.shape == Shape::kArray;
}

/// Keys of more bits than this cannot be given to the probe as they are.
inline uint32_t probe_bits(const Layout& layout) {
  return is_indexed(layout) ? layout.key_bits : layout.key_bytes * 8;
}

struct ReadOnlyTable {
  Layout layout;
  std::vector<uint8_t> bytes;  ///< size a multiple of 64

  bool operator==(const ReadOnlyTable&) const = default;
};

/// Takes: a table as validate() accepts it.
/// Gives: the same bytes for the same table, always.
/// Fails: kTooLong (more than 2^20 keys), kNoSeed (no multiplier separates the keys).
/// Cost:  expected linear in the number of keys, about 20 ns each.
Result<ReadOnlyTable> build(const ir::Table& table);

/// The probe's meaning.
uint32_t find(const ReadOnlyTable& table, uint64_t key);

const char* name_of(Shape shape);

/// The layout on a line, then what each place holds that a key can reach:
///
///   groups: u32 keys, 4096 slots of 4 bytes at 2048, group = key * 0x9e3779b1 >> 23, ...
///   slot 17: 0xc0000201
std::string print(const ReadOnlyTable& table);

}  // namespace ipjit::lookup
