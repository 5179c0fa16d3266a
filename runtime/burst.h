// SPDX-License-Identifier: BSD-2-Clause
// Many packets through one program: library code around the verified body, which stays the same.
#pragma once

#include <cstdint>
#include <span>

#include "ipjit/ipjit.h"
#include "ir/program.h"

namespace ipjit::runtime {

/// Where in a packet a program reads: what is worth fetching before its turn comes.
struct Reach {
  uint32_t first = 0;  ///< offset of the first byte read
  uint32_t last = 0;   ///< offset of the last byte read, where headers have their usual length
  bool reads = false;

  bool operator==(const Reach&) const = default;
};

/// Takes: a valid program.
/// Cost:  one walk over its instructions.
Reach reach_of(const ir::Program& program);

/// Runs `program.direct`, which is set, on each packet, fetching ahead.
///
/// Takes: a ctx in which everything that the program reads is set but wire_len, which is set here;
///        room for a verdict for each packet.
/// Gives: how many verdicts are not 0.
uint64_t run_lanes(const ipjit_program& program, const Reach& reach, ipjit_ctx& ctx,
                   std::span<const ipjit_packet> packets, uint32_t* verdicts);

}  // namespace ipjit::runtime
