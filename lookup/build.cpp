// SPDX-License-Identifier: BSD-2-Clause
// Builds read-only tables in which every key has a slot of its own.
//
// A bucket of several keys would need several compares in each probe and a sparse table.  The keys
// are known, so we look for multipliers that leave no two keys in one slot ("hash, displace"):
//
//   group = key * M >> a           200 keys, 128 groups:   g0 {k7 k9}  g1 {}  g2 {k3} ...
//   slot  = key * word[group] >> b                         each group, largest first, tries
//                                                          multipliers until its keys all fall
//                                                          into free slots
//
// Slots are at least twice the keys, so a group of one key needs two tries at the end and fewer
// before.  Up to kMaxDirectKeys keys, one multiplier for all is found by trying: a probe then has
// one load less.
//
// Free slots and idle groups: a free slot holds the first key of the table, which has a slot
// elsewhere, so a probe that ends there finds a key that is not its own.
//
// Hazard: multipliers come from a fixed sequence, so that the same set gives the same bytes
// everywhere; whoever chooses the keys can search for a set that fails here.  The result is
// kNoSeed after bounded work, and the caller's slower engine.
//
// Cost: about 20 ns a key.  Idea: Belazzougui, Botelho, Dietzfelbinger, "Hash, displace, and
// compress", ESA 2009; multiply-shift hashing: Dietzfelbinger et al., J. Algorithms 25 (1997).
// Tested by tests/lookup/table_test.cpp.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "lookup/table.h"

namespace ipjit::lookup {
namespace {

constexpr size_t kMaxKeys = size_t{1} << 20;
constexpr size_t kMaxDirectKeys = 40;  // 1024 slots separate them in two tries on average
constexpr size_t kMaxDirectSlots = 1024;
constexpr uint32_t kDirectTries = 64;
constexpr uint32_t kGroupTries = 4096;  // per group; more means that M is a bad one
constexpr uint32_t kSeeds = 64;

using Entries = std::span<const ir::Table::Entry>;

/// The i-th multiplier of the fixed sequence: odd, well mixed (splitmix64).
template <class Word>
Word multiplier_number(uint64_t i) {
  uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<Word>(z ^ (z >> 31)) | 1;
}

template <class Word>
uint32_t shift_for(size_t count) {
  return sizeof(Word) * 8 - std::countr_zero(count);
}

size_t padded(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

template <class Word>
class SlotBuilder {
 public:
  SlotBuilder(Entries entries, bool has_values) : entries_(entries), has_values_(has_values) {}

  bool build_direct(ReadOnlyTable& out);
  bool build_groups(ReadOnlyTable& out);

 private:
  struct Group {
    uint32_t first = 0;
    uint32_t count = 0;
  };

  Word key(uint32_t entry) const { return static_cast<Word>(entries_[entry].key); }
  bool claim(std::span<const uint32_t> members, Word multiplier, uint32_t shift);
  void sort_into_groups(Word multiplier, uint32_t shift);
  bool place_group(uint32_t group, uint32_t shift, Word& word);
  void write(ReadOnlyTable& out, size_t slots) const;

  Entries entries_;
  bool has_values_;
  std::vector<uint32_t> owner_;    // of each slot: entry + 1, 0 where free
  std::vector<uint32_t> claimed_;  // slots of the group being placed
  std::vector<uint32_t> members_;  // entries, sorted by group
  std::vector<Group> groups_;
  std::vector<uint32_t> by_size_;  // groups, largest first
};

/// Takes the members' slots under this multiplier, all or none.
template <class Word>
bool SlotBuilder<Word>::claim(std::span<const uint32_t> members, Word multiplier, uint32_t shift) {
  claimed_.clear();
  for (uint32_t entry : members) {
    const Word slot = static_cast<Word>(key(entry) * multiplier) >> shift;
    if (owner_[slot] != 0) {
      for (uint32_t taken : claimed_) owner_[taken] = 0;
      return false;
    }
    owner_[slot] = entry + 1;
    claimed_.push_back(static_cast<uint32_t>(slot));
  }
  return true;
}

template <class Word>
bool SlotBuilder<Word>::build_direct(ReadOnlyTable& out) {
  const size_t n = entries_.size();
  // Between these two, expected tries stay near e^(1/2).
  const size_t slots = std::bit_ceil(std::clamp<size_t>(n * n, 2, kMaxDirectSlots));
  const uint32_t shift = shift_for<Word>(slots);
  members_.resize(n);
  for (uint32_t i = 0; i < n; ++i) members_[i] = i;
  owner_.assign(slots, 0);
  for (uint32_t i = 0; i < kDirectTries; ++i) {
    const Word multiplier = multiplier_number<Word>(i);
    if (!claim(members_, multiplier, shift)) continue;
    out.layout.shape = Shape::kSlots;
    out.layout.multiplier = multiplier;
    out.layout.slot_shift = shift;
    out.layout.slots_at = 0;
    write(out, slots);
    return true;
  }
  return false;
}

template <class Word>
void SlotBuilder<Word>::sort_into_groups(Word multiplier, uint32_t shift) {
  const uint32_t n = static_cast<uint32_t>(entries_.size());
  const auto group_of = [&](uint32_t entry) -> Group& {
    return groups_[static_cast<Word>(key(entry) * multiplier) >> shift];
  };
  std::fill(groups_.begin(), groups_.end(), Group{});
  for (uint32_t i = 0; i < n; ++i) ++group_of(i).count;
  uint32_t at = 0;
  std::vector<uint32_t> starts(2, 0);  // by size: groups of that size, later their first place
  for (Group& group : groups_) {
    group.first = at;
    at += group.count;
    if (group.count >= starts.size()) starts.resize(group.count + 1, 0);
    ++starts[group.count];
    group.count = 0;
  }
  members_.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    Group& group = group_of(i);
    members_[group.first + group.count++] = i;
  }
  uint32_t place = 0;
  for (size_t size = starts.size(); size-- > 0;) place += std::exchange(starts[size], place);
  by_size_.resize(groups_.size());
  for (uint32_t i = 0; i < groups_.size(); ++i) by_size_[starts[groups_[i].count]++] = i;
}

template <class Word>
bool SlotBuilder<Word>::place_group(uint32_t group, uint32_t shift, Word& word) {
  const std::span<const uint32_t> members =
      std::span<const uint32_t>(members_).subspan(groups_[group].first, groups_[group].count);
  for (uint32_t i = 0; i < kGroupTries; ++i) {
    word = multiplier_number<Word>(i);
    if (claim(members, word, shift)) return true;
  }
  return false;
}

template <class Word>
bool SlotBuilder<Word>::build_groups(ReadOnlyTable& out) {
  const size_t slots = std::bit_ceil(std::max<size_t>(entries_.size() * 2, 2));
  const size_t groups = std::max<size_t>(slots / 4, 2);
  const uint32_t group_shift = shift_for<Word>(groups);
  const uint32_t slot_shift = shift_for<Word>(slots);
  groups_.resize(groups);
  std::vector<Word> words(groups, 1);
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const Word multiplier = multiplier_number<Word>(kGroupTries + seed);
    owner_.assign(slots, 0);
    sort_into_groups(multiplier, group_shift);
    const bool placed = std::all_of(by_size_.begin(), by_size_.end(), [&](uint32_t group) {
      return place_group(group, slot_shift, words[group]);
    });
    if (!placed) continue;
    out.layout.shape = Shape::kGroups;
    out.layout.multiplier = multiplier;
    out.layout.group_shift = group_shift;
    out.layout.slot_shift = slot_shift;
    out.layout.slots_at = static_cast<uint32_t>(padded(groups * sizeof(Word)));
    write(out, slots);
    std::memcpy(out.bytes.data(), words.data(), groups * sizeof(Word));
    return true;
  }
  return false;
}

template <class Word>
void SlotBuilder<Word>::write(ReadOnlyTable& out, size_t slots) const {
  const Layout& layout = out.layout;
  out.bytes.assign(padded(layout.slots_at + slots * layout.slot_bytes), 0);
  uint8_t* at = out.bytes.data() + layout.slots_at;
  for (uint32_t owner : owner_) {
    const ir::Table::Entry& entry = entries_[owner == 0 ? 0 : owner - 1];
    const Word stored = static_cast<Word>(entry.key);
    std::memcpy(at, &stored, sizeof stored);
    if (has_values_) std::memcpy(at + sizeof stored, &entry.value, sizeof entry.value);
    at += layout.slot_bytes;
  }
}

void write_bitmap(Entries entries, ReadOnlyTable& out) {
  out.layout.shape = Shape::kBitmap;
  out.bytes.assign(padded((size_t{1} << out.layout.key_bits) / 8), 0);
  for (const ir::Table::Entry& entry : entries)
    out.bytes[entry.key / 8] |= static_cast<uint8_t>(1u << (entry.key % 8));
}

void write_array(Entries entries, ReadOnlyTable& out) {
  out.layout.shape = Shape::kArray;
  std::array<uint32_t, 256> values;
  values.fill(out.layout.miss);
  for (const ir::Table::Entry& entry : entries) values[entry.key] = entry.value;
  out.bytes.resize(sizeof values);
  std::memcpy(out.bytes.data(), values.data(), sizeof values);
}

template <class Word>
bool write_slots(Entries entries, ReadOnlyTable& out) {
  Layout& layout = out.layout;
  layout.key_bytes = sizeof(Word);
  // A key of 8 bytes with a value takes 16, so that no slot straddles a cache line.
  layout.slot_bytes = layout.has_values ? 2 * sizeof(Word) : sizeof(Word);
  SlotBuilder<Word> builder(entries, layout.has_values);
  if (entries.size() <= kMaxDirectKeys && builder.build_direct(out)) return true;
  return builder.build_groups(out);
}

}  // namespace

Result<ReadOnlyTable> build(const ir::Table& table) {
  const Entries entries = table.entries;
  if (entries.size() > kMaxKeys)
    return Error{Stage::kLookup, Code::kTooLong, 0,
                 "a table of " + std::to_string(entries.size()) + " keys; the limit is " +
                     std::to_string(kMaxKeys)};
  ReadOnlyTable out;
  out.layout.key_bits = table.key_bits;
  out.layout.miss = table.miss;
  if (entries.empty()) return out;
  out.layout.hit = entries[0].value;
  out.layout.has_values = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.value != entries[0].value;
  });
  if (table.key_bits <= 8) {
    write_array(entries, out);
    return out;
  }
  if (!out.layout.has_values && table.key_bits <= 16) {
    write_bitmap(entries, out);
    return out;
  }
  if (table.key_bits == 64 ? write_slots<uint64_t>(entries, out)
                           : write_slots<uint32_t>(entries, out))
    return out;
  return Error{Stage::kLookup, Code::kNoSeed, 0,
               "no multiplier separates the " + std::to_string(entries.size()) + " keys"};
}

}  // namespace ipjit::lookup
