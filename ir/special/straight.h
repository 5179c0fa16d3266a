// SPDX-License-Identifier: BSD-2-Clause
// A region as straight code: what if_convert() would write, and what it would cost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ir/program.h"
#include "ir/special/region.h"

namespace ipjit::ir {

struct Straight {
  /// Instructions in a row, then a branch to a side, or the end.
  struct Piece {
    std::vector<Insn> insns;    ///< needs without `fail`: they leave
    Term term = {};             ///< without targets
    uint32_t side = kEnds;      ///< kBranch, kJump: index of Region::sides
    double share = 0;           ///< kBranch: to the side, of the packets that come here
    double mispredicted = 0;    ///< of the packets that come here
    bool on_taken = true;       ///< kBranch: the side's edge; the other goes to the next piece
    std::vector<ValueId> args;  ///< for the side's parameters
  };
  static constexpr uint32_t kEnds = 0xffffffff;

  std::vector<Piece> pieces;
  std::vector<Type> types;                    ///< of new values, numbered from the program's on
  std::map<ValueId, ValueId> values;          ///< what stands for a value that the region defines
  std::vector<std::vector<uint32_t>> beyond;  ///< by side: the blocks that it leads to, with it
  bool leaves = false;                        ///< some need goes to leave_block()
  double cycles = 0;                          ///< as Region::cycles
  double mispredicts = 0;                     ///< of these
};

/// Needs that open the head stay there, with their else block.
uint32_t leading_needs(const Program& program, uint32_t head);

/// Takes: bytes that are readable at the head in any case, by base; whether fields may be compared
///        several at once.
/// Gives: nothing if a side leads to too much code, which would have to be copied.
std::optional<Straight> straighten(const Convertible& of, const Region& region,
                                   const uint64_t (&readable)[2], bool wide);

}  // namespace ipjit::ir
