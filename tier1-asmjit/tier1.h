// SPDX-License-Identifier: BSD-2-Clause
// Code that is quick to make: one walk over the IR through asmjit's Assembler.
#pragma once

#include <memory>

#include "ir/compiler.h"

namespace ipjit::tier1 {

class Emitter;

class Tier1 : public ir::Compiler {
 public:
  Tier1();
  ~Tier1() override;

  /// Takes: a valid program.
  /// Gives: position-independent code that keeps the pure-code rules of docs/architecture.md, and
  ///        the contract that the verifier needs to prove it.
  /// Fails: kTooLong (code over IPJIT_MAX_CODE, more than IPJIT_MAX_TABLES tables), kNoSeed.
  /// Cost:  tens of nanoseconds an instruction.
  /// Thread: one compile at a time per object; buffers are reused between compiles.
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override;

 private:
  std::unique_ptr<Emitter> emitter_;  ///< its buffers outlive a compile
};

}  // namespace ipjit::tier1
