// SPDX-License-Identifier: BSD-2-Clause
// A table as a person reads it: how it is probed, then its keys where they lie.
//
// Free slots hold the first key of the table (build.cpp), so a slot is shown where the key that it
// holds is looked for there.
#include <cstdio>
#include <cstring>

#include "lookup/table.h"

namespace ipjit::lookup {
namespace {

uint64_t word_at(const ReadOnlyTable& table, size_t at, uint32_t bytes) {
  uint64_t word = 0;
  std::memcpy(&word, table.bytes.data() + at, bytes);
  return word;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

uint64_t product(const Layout& layout, uint64_t a, uint64_t b) {
  return layout.key_bytes == 4 ? static_cast<uint32_t>(a * b) : a * b;
}

uint64_t slot_of(const ReadOnlyTable& table, uint64_t key) {
  const Layout& layout = table.layout;
  uint64_t multiplier = layout.multiplier;
  if (layout.shape == Shape::kGroups) {
    const uint64_t group = product(layout, key, multiplier) >> layout.group_shift;
    multiplier = word_at(table, group * layout.key_bytes, layout.key_bytes);
  }
  return product(layout, key, multiplier) >> layout.slot_shift;
}

std::string head(const ReadOnlyTable& table) {
  const Layout& layout = table.layout;
  std::string text = std::string(name_of(layout.shape)) + ": u" + std::to_string(layout.key_bits) +
                     " keys, miss " + std::to_string(layout.miss) + ", " +
                     std::to_string(table.bytes.size()) + " bytes";
  if (layout.shape != Shape::kSlots && layout.shape != Shape::kGroups) return text + "\n";
  text += ", slots of " + std::to_string(layout.slot_bytes) + " bytes at " +
          std::to_string(layout.slots_at) + ", multiplier " + hex(layout.multiplier);
  if (layout.shape == Shape::kGroups) text += ", group shift " + std::to_string(layout.group_shift);
  return text + ", slot shift " + std::to_string(layout.slot_shift) + "\n";
}

std::string slots(const ReadOnlyTable& table) {
  const Layout& layout = table.layout;
  std::string text;
  const uint64_t count = (table.bytes.size() - layout.slots_at) / layout.slot_bytes;
  for (uint64_t slot = 0; slot < count; ++slot) {
    const size_t at = layout.slots_at + slot * layout.slot_bytes;
    const uint64_t key = word_at(table, at, layout.key_bytes);
    if (slot_of(table, key) != slot) continue;
    text += "slot " + std::to_string(slot) + ": " + hex(key);
    if (layout.has_values) text += " = " + std::to_string(word_at(table, at + layout.key_bytes, 4));
    text += "\n";
  }
  return text;
}

std::string indexed(const ReadOnlyTable& table) {
  std::string text;
  for (uint64_t key = 0; key < uint64_t{1} << table.layout.key_bits; ++key)
    if (const uint32_t value = find(table, key); value != table.layout.miss)
      text += hex(key) +
              (table.layout.shape == Shape::kArray ? " = " + std::to_string(value) : "") + "\n";
  return text;
}

}  // namespace

const char* name_of(Shape shape) {
  switch (shape) {
    case Shape::kNothing:
      return "nothing";
    case Shape::kBitmap:
      return "bitmap";
    case Shape::kArray:
      return "array";
    case Shape::kSlots:
      return "slots";
    case Shape::kGroups:
      return "groups";
  }
  return "?";
}

std::string print(const ReadOnlyTable& table) {
  switch (table.layout.shape) {
    case Shape::kNothing:
      return head(table);
    case Shape::kBitmap:
    case Shape::kArray:
      return head(table) + indexed(table);
    case Shape::kSlots:
    case Shape::kGroups:
      return head(table) + slots(table);
  }
  return "?";
}

}  // namespace ipjit::lookup
