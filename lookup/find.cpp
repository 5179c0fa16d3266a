// SPDX-License-Identifier: BSD-2-Clause
// What a probe means, in C++; the tiers emit exactly this.
//
// Tested by tests/lookup/table_test.cpp against a plain search of the source table.
#include <cstring>

#include "lookup/table.h"

namespace ipjit::lookup {
namespace {

template <class Word>
Word word_at(const ReadOnlyTable& table, uint64_t at) {
  IPJIT_CHECK(at + sizeof(Word) <= table.bytes.size());
  Word word;
  std::memcpy(&word, table.bytes.data() + at, sizeof word);
  return word;
}

/// kSlots and kGroups with keys of the width of Word.
template <class Word>
uint32_t probe(const ReadOnlyTable& table, Word key) {
  const Layout& layout = table.layout;
  Word multiplier = static_cast<Word>(layout.multiplier);
  if (layout.shape == Shape::kGroups) {
    const Word group = static_cast<Word>(key * multiplier) >> layout.group_shift;
    multiplier = word_at<Word>(table, uint64_t{group} * sizeof(Word));
  }
  const Word slot = static_cast<Word>(key * multiplier) >> layout.slot_shift;
  const uint64_t at = layout.slots_at + uint64_t{slot} * layout.slot_bytes;
  if (word_at<Word>(table, at) != key) return layout.miss;
  return layout.has_values ? word_at<uint32_t>(table, at + sizeof(Word)) : layout.hit;
}

}  // namespace

uint32_t find(const ReadOnlyTable& table, uint64_t key) {
  const Layout& layout = table.layout;
  if (layout.key_bits < 64 && key >> layout.key_bits != 0) return layout.miss;
  switch (layout.shape) {
    case Shape::kNothing:
      return layout.miss;
    case Shape::kBitmap:
      return (word_at<uint32_t>(table, key / 32 * 4) >> (key & 31) & 1) != 0 ? layout.hit
                                                                             : layout.miss;
    case Shape::kArray:
      return word_at<uint32_t>(table, key * 4);
    case Shape::kSlots:
    case Shape::kGroups:
      return layout.key_bytes == 8 ? probe<uint64_t>(table, key)
                                   : probe<uint32_t>(table, static_cast<uint32_t>(key));
  }
  return layout.miss;
}

}  // namespace ipjit::lookup
