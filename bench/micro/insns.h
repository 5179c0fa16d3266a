// SPDX-License-Identifier: BSD-2-Clause
// Instructions that a run takes, counted one by one: the number that no busy machine changes.
#pragma once

#include "bench/micro/engines.h"

namespace ipjit::bench {

/// Steps a child process through a pass over `packets` packets, the loop around the engine
/// included.
/// Fails: kUnavailable where the system forbids ptrace.
/// Cost:  some microseconds an instruction.
Result<double> instructions_per_packet(const Runner& runner, size_t packets);

}  // namespace ipjit::bench
