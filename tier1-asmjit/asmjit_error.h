// SPDX-License-Identifier: BSD-2-Clause
// asmjit's error codes as refusals of this project.
#pragma once

#include <asmjit/core.h>

#include "ipjit/error.h"

namespace ipjit::tier1 {

/// Keeps the first error that asmjit reports, so that emitting needs no check at each instruction.
class FirstError : public asmjit::ErrorHandler {
 public:
  void reset() { code_ = asmjit::kErrorOk; }
  void handleError(asmjit::Error code, const char* message, asmjit::BaseEmitter* origin) override;

  /// Fails: kNoMemory; kInternal for instructions that asmjit refuses, which are bugs of ours.
  Status status() const;

 private:
  asmjit::Error code_ = asmjit::kErrorOk;
};

}  // namespace ipjit::tier1
