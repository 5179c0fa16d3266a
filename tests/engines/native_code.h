// SPDX-License-Identifier: BSD-2-Clause
// A program as native code that the verifier has accepted, for tests of any tier.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "arch-detect/target.h"
#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "ir/compiler.h"
#include "ir/program.h"

namespace ipjit::testing {

using Native = std::function<uint64_t(std::span<const uint8_t>, const ipjit_ctx&)>;

/// Tables that the code reaches through ctx are given to it there.
/// Fails: as the first stage that refuses: compiler, verifier, code memory.
Result<Native> native_code(ir::Compiler& tier, const ir::Program& program,
                           const arch::Target& target);

}  // namespace ipjit::testing
