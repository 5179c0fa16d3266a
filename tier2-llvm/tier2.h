// SPDX-License-Identifier: BSD-2-Clause
// Code that is quick to run: the IR through LLVM's selector and register allocator.
//
// The IR decides the shape (which tests are branches, which are data flow, in what order blocks
// lie); LLVM is asked for instructions and registers only.
#pragma once

#include <memory>
#include <string>

#include "ir/compiler.h"

namespace ipjit::tier2 {

class Backend;

/// One compile may emit this many instructions and block ends of IR; tier 1 has no such limit.
inline constexpr uint32_t kMaxProgramSize = 8192;

class Tier2 : public ir::Compiler {
 public:
  Tier2();
  ~Tier2() override;

  /// Takes: a valid program.
  /// Gives: position-independent code that keeps the pure-code rules of docs/architecture.md, in
  ///        the IR's block order, and the contract that the verifier needs to prove it.  The same
  ///        program gives the same bytes.
  /// Fails: kTooLong (over kMaxProgramSize or IPJIT_MAX_CODE, more than IPJIT_MAX_TABLES tables or
  ///        IPJIT_MAX_STACK bytes of spilled values), kRefused (a target with a constant_seed),
  ///        kNoSeed, kInternal (LLVM said no).
  /// Cost:  a millisecond and tens of microseconds a block.  An error of LLVM's that it calls fatal
  ///        ends the process: whoever cannot afford that compiles in ipjit-tier2.
  /// Thread: one compile at a time per object; objects are independent.
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override;

 private:
  std::unique_ptr<Backend> backend_;
};

/// What compile() hands to LLVM, as text; `opt-19` and `llc-19` read it.
Result<std::string> emit_llvm_text(const ir::Program& program, const arch::Target& target);

}  // namespace ipjit::tier2
