// SPDX-License-Identifier: BSD-2-Clause
// One run that nobody watches.
#include "ir/interpret.h"

#include "ir/interpreter.h"

namespace ipjit::ir {

uint64_t interpret(const Program& program, std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  Unobserved nobody;
  return Interpreter<Unobserved>(program, nobody).run(data.data(), data.size(), ctx);
}

}  // namespace ipjit::ir
