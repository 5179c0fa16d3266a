// SPDX-License-Identifier: BSD-2-Clause
// Tested by tests/tier1/asmjit_error_test.cpp.
#include "tier1-asmjit/asmjit_error.h"

#include <cstdio>

// Where asmjit prints a failed assertion of its own; CMakeLists.txt says why it has another name.
extern "C" FILE* ipjit_asmjit_stderr;
FILE* ipjit_asmjit_stderr = stderr;

namespace ipjit::tier1 {

void FirstError::handleError(asmjit::Error code, const char*, asmjit::BaseEmitter*) {
  if (code_ == asmjit::kErrorOk) code_ = code;
}

Status FirstError::status() const {
  if (code_ == asmjit::kErrorOk) return ok();
  const Code code = code_ == asmjit::kErrorOutOfMemory ? Code::kNoMemory : Code::kInternal;
  return Error{Stage::kTier1, code, 0,
               std::string("asmjit says ") + asmjit::DebugUtils::errorAsString(code_)};
}

}  // namespace ipjit::tier1
