// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "bpf-frontend/insn.h"

namespace ipjit::bpf {

/// An instruction whose jumps, if it has any, name the steps they go to; `ja` uses `taken`.
struct FarInsn {
  Insn insn{};
  uint32_t taken = 0;
  uint32_t other = 0;
};

/// Gives: the program with jt, jf and k filled, and a `ja` wherever 8 bits do not reach.
/// Takes: forward jumps only.
InsnList place_far_jumps(std::span<const FarInsn> steps);

}  // namespace ipjit::bpf
