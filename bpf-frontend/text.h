// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace ipjit::bpf {

/// Parses `tcpdump -ddd` text: a count, then "code jt jf k" lines.
/// Fails: kSyntax, kTooLong, kEmpty; `at` is the line, counted from 1.
Result<InsnList> parse_ddd(std::string_view text);

/// Prints what parse_ddd() reads.
std::string print_ddd(std::span<const Insn> insns);

/// One line an instruction, as `tcpdump -d` shows it; unknown opcodes as words.
std::string print(std::span<const Insn> insns);

}  // namespace ipjit::bpf
