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

}  // namespace ipjit::bpf
