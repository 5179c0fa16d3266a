// SPDX-License-Identifier: BSD-2-Clause
// A small assembler for classic BPF, so that case files can be read.
#pragma once

#include <string_view>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace ipjit::testing {

/// Assembles text in the notation of `tcpdump -d` and the kernel's bpf_asm.
///
///   ldh [12]; jeq #0x800, yes, no; yes: ret #65535; no: ret #0
///
/// Takes: instructions separated by `;` or newlines; labels end in a colon; a jump names its
///        targets `jeq #k, taken, other`; the words `ldx`, `ldxb 4*([14]&0xf)`, `st M[3]`,
///        `add x`, `ret a`, `ld #len`; `raw CODE JT JF K` gives any words at all.
/// Fails: kSyntax; `at` is the instruction's index.
Result<bpf::InsnList> assemble(std::string_view text);

}  // namespace ipjit::testing
