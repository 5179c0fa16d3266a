// SPDX-License-Identifier: BSD-2-Clause
// Machine code for people.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ir/compiler.h"

namespace ipjit::cli {

/// One decoded instruction, or one byte that is none ("(bad)").
struct ListingLine {
  uint32_t offset = 0;  ///< bytes from the start of code
  uint32_t size = 0;    ///< bytes
  std::string text;     ///< Intel syntax

  bool operator==(const ListingLine&) const = default;
};

std::vector<ListingLine> disassemble(std::span<const uint8_t> code);

/// The unit's code, each instruction below the IR block and the classic instruction that it came
/// from; the tables as one line each.
///
/// Takes: the classic program that the marks' sources count in.
std::string listing(const ir::MachineCode& code, std::span<const bpf::Insn> source);

}  // namespace ipjit::cli
