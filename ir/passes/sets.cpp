// SPDX-License-Identifier: BSD-2-Clause
// The sets of a program; equal ones are one table.
//
// Keys come a thousand at a time, and a comparison sort of addresses mispredicts at every other
// step; bytes that are the same in all keys (10.x.y.z) cost a radix sort one count and no move.
#include "ir/passes/sets.h"

#include <algorithm>
#include <utility>

namespace ipjit::ir {
namespace {

constexpr size_t kRadixPays = 64;

}  // namespace

uint32_t one_of(std::vector<Table>& tables, Table table) {
  const auto same = std::find(tables.begin(), tables.end(), table);
  const auto place = static_cast<uint32_t>(same - tables.begin());
  if (same == tables.end()) tables.push_back(std::move(table));
  return place;
}

uint32_t Sets::set_of(std::vector<uint64_t>& keys, uint32_t key_bits) {
  sort(keys, key_bits);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (uint32_t t = 0; t < tables_.size(); ++t)
    if (holds(tables_[t], keys, key_bits)) return t;
  Table table;
  table.key_bits = key_bits;
  table.entries.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) table.entries[i].key = keys[i];
  tables_.push_back(std::move(table));
  return static_cast<uint32_t>(tables_.size() - 1);
}

bool Sets::holds(const Table& table, const std::vector<uint64_t>& keys, uint32_t key_bits) const {
  return table.key_bits == key_bits && table.miss == 0 &&
         std::equal(table.entries.begin(), table.entries.end(), keys.begin(), keys.end(),
                    [](const Table::Entry& entry, uint64_t key) {
                      return entry.key == key && entry.value == 1;
                    });
}

void Sets::sort(std::vector<uint64_t>& keys, uint32_t key_bits) {
  if (std::is_sorted(keys.begin(), keys.end())) return;
  if (keys.size() < kRadixPays) return std::sort(keys.begin(), keys.end());
  buffer_.resize(keys.size());
  for (uint32_t shift = 0; shift < key_bits; shift += 8) {
    uint32_t starts[256] = {};
    for (uint64_t key : keys) ++starts[key >> shift & 0xff];
    if (starts[keys[0] >> shift & 0xff] == keys.size()) continue;
    uint32_t next = 0;
    for (uint32_t& start : starts) {
      const uint32_t count = start;
      start = next;
      next += count;
    }
    for (uint64_t key : keys) buffer_[starts[key >> shift & 0xff]++] = key;
    keys.swap(buffer_);
  }
}

}  // namespace ipjit::ir
