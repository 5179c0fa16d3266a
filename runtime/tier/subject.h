// SPDX-License-Identifier: BSD-2-Clause
// Code on trial: what the replay check and the race run, wherever it is to run afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "ipjit/abi.h"
#include "ir/program.h"
#include "runtime/pipeline.h"

namespace ipjit::runtime {

struct Subject {
  Subject() = default;
  /// A slot's unit, which outlives the trial; without code it cannot run.
  Subject(const Unit& unit)
      : program(unit.program ? &*unit.program : nullptr),
        entry(unit.code ? unit.code->entry() : nullptr),
        bytes(unit.code ? unit.code->bytes() : std::span<const uint8_t>()),
        code_bytes(unit.code_bytes) {}

  const ir::Program* program = nullptr;  ///< that it was made of; null: not known
  ipjit_entry_fn entry = nullptr;        ///< null: nothing to run
  std::span<const uint8_t> bytes;        ///< for a report of what it did wrong
  uint32_t code_bytes = 0;
  std::array<const void*, IPJIT_MAX_CTX_TABLES> tables = {};  ///< for ctx
};

}  // namespace ipjit::runtime
