// SPDX-License-Identifier: BSD-2-Clause
// What the server compiles with; the tests' server has another one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ir/compiler.h"

namespace ipjit::tier2 {

struct CompilerSource {
  std::string name;  ///< "LLVM 19.1.7": finished code is kept under it

  /// Called in each worker, before its first request: initialises all there is to initialise.
  std::function<std::unique_ptr<ir::Compiler>()> make;
};

}  // namespace ipjit::tier2
