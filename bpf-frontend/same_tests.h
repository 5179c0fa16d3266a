// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "bpf-frontend/insn.h"

namespace ipjit::bpf {

/// Compares the comparisons and returns of two programs, and the ways between them.  Loads, masks
/// and `ja`s do not count: libpcap repeats some loads, and leaves out others where A has the value.
///
/// Takes: forward jumps only.
/// Gives: true if all are the same; with `may_skip` also if `theirs` skips comparisons (because
///        libpcap knows how they end: their value has been loaded before, so no packet can tell).
bool same_tests(std::span<const Insn> ours, std::span<const Insn> theirs, bool may_skip);

}  // namespace ipjit::bpf
