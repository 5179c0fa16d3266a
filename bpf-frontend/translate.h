// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::bpf {

/// Translates a classic BPF program into IR that carries the dialect's meaning.
///
/// Takes: a program that check() accepts, host byte order.
/// Gives: a valid program whose result is the number of bytes to accept; 0 drops the packet.
/// Fails: as check(); kBackwardJump, for programs that need the cBPF interpreter; kBadAncillary for
///        loads that this dialect cannot express.  `at` is the instruction's index.
/// From:  libpcap pcapint_filter(); Linux net/core/filter.c, bpf_convert_filter().
Result<ir::Program> translate(std::span<const Insn> insns, Dialect dialect);

/// The same for code that runs in the kernel beside the kernel's own and sees only a part of the
/// packet: the program `pull`s wherever it cannot tell what the kernel's code would say.
///
/// Takes: as translate() for Dialect::kLinux; `fields`: the fields of ctx that will be filled in.
/// Gives: a valid program that ends in `pull` or in the verdict of translate()'s program, whatever
///        its `len` shows of the packet.  It pulls only where a need fails, and at loads that are
///        no place in the packet: from the link header, of a field that is not offered, of a device
///        that the packet does not have (0).
Result<ir::Program> translate_for_kernel(std::span<const Insn> insns, uint64_t fields);

}  // namespace ipjit::bpf
