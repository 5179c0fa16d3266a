// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "bpf-frontend/insn.h"
#include "ipjit/abi.h"

namespace ipjit::bpf {

/// Runs classic BPF as it stands, word for word, without the IR: the engine for programs with
/// backward jumps, and the tests' independent oracle for both dialects.
///
/// Takes: a program that check() accepts; ctx with the fields that it can read filled.
/// Gives: bytes to accept; 0 drops.  A backward jump that does not end is not stopped: libpcap does
///        not either.
uint32_t interpret(std::span<const Insn> insns, Dialect dialect, std::span<const uint8_t> data,
                   const ipjit_ctx& ctx);

}  // namespace ipjit::bpf
