// SPDX-License-Identifier: BSD-2-Clause
// What is read from the object file: code, and where it refers to tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ipjit/error.h"
#include "ir/compiler.h"

namespace ipjit::tier2 {

struct TableUse {
  uint32_t at = 0;  ///< offset of the 32-bit displacement
  uint32_t table = 0;
  int64_t addend = 0;  ///< displacement = table's place + addend - at

  bool operator==(const TableUse&) const = default;
};

struct ObjectCode {
  std::vector<uint8_t> code;
  std::vector<TableUse> uses;
  std::vector<ir::SourceMark> marks;
};

/// Takes: an x86-64 ELF object with one function, as Backend makes it.
/// Gives: its code; returns through the outside thunk are `ret` and four int3.
/// Fails: kInternal, where the object holds anything that a unit cannot have: data of its own, a
///        call, an address that is not a table's.
Result<ObjectCode> read_object(std::span<const char> object, uint32_t tables);

/// The name of a mark's symbol; `number` makes it the only one.
std::string mark_symbol(const ir::SourceMark& mark, uint32_t number);

}  // namespace ipjit::tier2
