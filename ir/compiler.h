// SPDX-License-Identifier: BSD-2-Clause
// What a tier is: IR and a target in, inert bytes and a contract out.
#pragma once

#include <cstdint>
#include <vector>

#include "arch-detect/target.h"
#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Where an instruction came from, for listings: ascending `offset`.
struct SourceMark {
  uint32_t offset = 0;  ///< bytes from the start of code
  uint32_t block = 0;   ///< IR block
  uint32_t source = kNoSource;

  bool operator==(const SourceMark&) const = default;
};

/// One unit: inert bytes.  Only runtime's CodeMemory turns them into something that can run, and
/// only with a proof from the verifier.
struct MachineCode {
  /// Code, then padding to 64 bytes, then the contract's tables in order, each at a multiple of 64
  /// and as long as one: also where they are to be moved away, because the code reaches them
  /// through ctx.
  std::vector<uint8_t> bytes;
  uint32_t code_len = 0;         ///< bytes of code; the entry is byte 0
  ipjit_contract contract = {};  ///< what the code promises
  std::vector<SourceMark> marks;

  /// Ends the code.  The padding is int3: the verifier knows it, and nothing runs on from it.
  void pad() { bytes.resize((size_t{code_len} + 63) & ~size_t{63}, 0xcc); }
};

class Compiler {
 public:
  virtual ~Compiler() = default;

  /// Fails: when the tier refuses (too long, too many live values, ...); the engine below runs on.
  virtual Result<MachineCode> compile(const Program& program, const arch::Target& target) = 0;
};

}  // namespace ipjit::ir
