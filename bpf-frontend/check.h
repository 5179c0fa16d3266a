// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <span>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace ipjit::bpf {

inline constexpr size_t kMaxLinuxInsns = 4096;       ///< BPF_MAXINSNS
inline constexpr size_t kMaxLibpcapInsns = 1 << 20;  ///< our limit; libpcap has none

/// Decides whether the dialect's own loader would take the program.
///
/// Fails: kEmpty, kTooLong, kBadOpcode, kJumpOutOfRange, kNoReturn, kDivisionByZero, kBadShift,
///        kBadMemorySlot, kReadBeforeWrite (Linux), kBadAncillary (Linux); `at` is the index.
/// From:  libpcap bpf_validate(); Linux net/core/filter.c, bpf_check_classic().
Status check(std::span<const Insn> insns, Dialect dialect);

/// True if some jump goes backwards (libpcap's `protochain`): such programs have no IR.
bool has_backward_jump(std::span<const Insn> insns);

}  // namespace ipjit::bpf
