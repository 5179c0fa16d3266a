// SPDX-License-Identifier: BSD-2-Clause
// The sets of a program; equal ones are one table.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

/// The place of a table that is equal; where there is none, this one is added.
uint32_t one_of(std::vector<Table>& tables, Table table);

class Sets {
 public:
  explicit Sets(std::vector<Table>& tables) : tables_(tables) {}

  /// How many tables may still be added.
  size_t room() const {
    return tables_.size() < IPJIT_MAX_TABLES ? IPJIT_MAX_TABLES - tables_.size() : 0;
  }

  /// The table of these keys, in any order and more than once; there is room for one.
  /// Takes: `keys` as a buffer that may be rearranged.
  uint32_t set_of(std::vector<uint64_t>& keys, uint32_t key_bits);

 private:
  void sort(std::vector<uint64_t>& keys, uint32_t key_bits);
  bool holds(const Table& table, const std::vector<uint64_t>& keys, uint32_t key_bits) const;

  std::vector<Table>& tables_;
  std::vector<uint64_t> buffer_;
};

}  // namespace ipjit::ir
