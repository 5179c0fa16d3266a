// SPDX-License-Identifier: BSD-2-Clause
// The code that tier 2 makes for the benchmark's traffic, without waiting for sampling and policy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/micro/native.h"
#include "ir/profile.h"
#include "ir/special/specialise.h"

namespace ipjit::bench {

/// The first packets of a benchmark's traffic that hot loops run over.
inline constexpr size_t kHotPackets = 1024;

/// What `rounds` rounds over the packets do in a program: every packet is a sample.
ir::Profile profile_of(const ir::Program& program, std::span<const ipjit_packet> packets,
                       size_t rounds = 1);

/// Tier 2's code generator, where LLVM 19 is there.
Result<std::unique_ptr<ir::Compiler>> llvm_compiler();

/// Code for a hot loop and code for the stream: each for the profile of its own traffic.
struct Pair {
  NativePtr hot, stream;
};

/// Specialises for the true profiles and compiles; the last result is kept, as several rows of one
/// table want it.
Result<Pair> specialised_pair(const Compiled& compiled, std::span<const ipjit_packet> packets,
                              bool with_llvm);

}  // namespace ipjit::bench
