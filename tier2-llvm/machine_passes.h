// SPDX-License-Identifier: BSD-2-Clause
// Our passes between LLVM's: over one function's machine code.
#pragma once

#include <cstdint>

namespace llvm {
class FunctionPass;
}

namespace ipjit::tier2 {

/// Before the frame is laid out: every spill slot gets eight aligned bytes of its own, as the
/// verifier wants them.
llvm::FunctionPass* make_widen_slots_pass();

/// Last but one: jumps to jumps, jumps to the next block, blocks without code.  LLVM's branch
/// folder would do this too, and move blocks backwards while it is there.
llvm::FunctionPass* make_settle_jumps_pass();

/// Last: a symbol where source or IR block changes (marks.h); says how much stack is used beside
/// saved registers.
llvm::FunctionPass* make_mark_pass(uint32_t* spill_bytes);

}  // namespace ipjit::tier2
