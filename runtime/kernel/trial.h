// SPDX-License-Identifier: BSD-2-Clause
// Code for the kernel, sealed in this process to be tried before it is offered.
#pragma once

#include "runtime/code_memory.h"
#include "runtime/kernel/compile.h"
#include "runtime/tier/subject.h"

namespace ipjit::kernel {

class Trial {
 public:
  /// Takes: `unit`, which outlives the trial; its tables are used where they are.
  /// Fails: as the verifier and CodeMemory::seal(); kUnavailable (stage kTarget) where this CPU
  ///        lacks what the code uses.
  static Result<Trial> seal(const Unit& unit);

  const runtime::Subject& subject() const { return subject_; }

 private:
  explicit Trial(runtime::InstalledCode code) : code_(std::move(code)) {}

  runtime::InstalledCode code_;
  runtime::Subject subject_;
};

}  // namespace ipjit::kernel
