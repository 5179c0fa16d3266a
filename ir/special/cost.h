// SPDX-License-Identifier: BSD-2-Clause
// What a program is expected to cost for a packet of a profile, on the machine that kCosts was
// calibrated for; comparisons between two programs travel, absolute numbers less.
#pragma once

#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// Cycles; docs/tier2.md says how they were found.
struct CostTable {
  double ghz = 0;     ///< cycles of a nanosecond
  double call = 0;    ///< per packet: entering and leaving
  double packet = 0;  ///< per packet: waiting for its bytes, which lie in the shared cache
  double simple = 0;  ///< add, and, compare, load that hits, meta: one slot of several
  double test = 0;    ///< eq, ne, lt, le, any: a compare and its result in a register
  double multiply = 0;
  double divide = 0;
  double need = 0;        ///< a compare and a branch that is nearly never taken
  double branch = 0;      ///< a compare and a branch, predicted
  double jump = 0;        ///< a taken jump, or the moves of an edge's arguments
  double probe = 0;       ///< a set or map probe whose line is in L1
  double probe_miss = 0;  ///< added for a table beyond L1
  double found = 0;       ///< added where a probe's answer is a value and no branch
  double count = 0;       ///< a counter or an action
  double mispredict = 0;  ///< each mispredicted branch or switch, and the wait that it lays bare
  double leaving = 0;     ///< added for a packet that leaves to the general code, which is cold
};

extern const CostTable kCosts;

/// Keys of so many bits are places in an array (lookup/build.cpp): no arithmetic, no comparison.
constexpr bool is_array(uint32_t key_bits) { return key_bits <= 8; }
constexpr double array_probe(const CostTable& costs) { return 2 * costs.simple; }

struct Cost {
  double cycles = 0;        ///< per packet, all of it
  double mispredicts = 0;   ///< of these, branches guessed wrong: events per packet
  double instructions = 0;  ///< IR instructions and endings run per packet

  double ns(const CostTable& costs = kCosts) const { return cycles / costs.ghz; }
  bool operator==(const Cost&) const = default;
};

/// Expected cost of one packet.
/// Takes: a valid program, the profile of it or of the one that it was made from.
Cost expected_cost(const Program& program, const Profile& profile, const CostTable& costs = kCosts);

/// Cycles of one run of an instruction, misses and failures of a need left out.
double cost_of(const Program& program, const Insn& insn, const CostTable& costs = kCosts);

/// Cycles of one run of a block's end with everything predicted; where its edges lead left out.
double cost_of(const Program& program, const Term& term, const CostTable& costs = kCosts);

}  // namespace ipjit::ir
