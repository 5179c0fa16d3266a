// SPDX-License-Identifier: BSD-2-Clause
// LLVM's code generator, with the passes that change shape switched off.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>
#include <vector>

#include "arch-detect/target.h"
#include "ipjit/error.h"

namespace ipjit::tier2 {

/// LLVM's name of a target.
std::string cpu_of(const arch::Target& target);

/// What the code generator says about the function beside the object file.
struct Generated {
  std::vector<char> object;  ///< ELF, not linked
  uint32_t spill_bytes = 0;  ///< stack beside saved registers
};

class Backend {
 public:
  /// Fails: kInternal, where LLVM has no x86-64 back end.
  static Result<std::unique_ptr<Backend>> make();

  /// Takes: a module with one function.
  /// Fails: kInternal, with what LLVM says.
  Result<Generated> generate(llvm::Module& module);

  /// Triple and data layout of what generate() takes.
  void prepare(llvm::Module& module) const;

 private:
  explicit Backend(std::unique_ptr<llvm::TargetMachine> machine) : machine_(std::move(machine)) {}

  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace ipjit::tier2
