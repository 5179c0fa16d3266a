// SPDX-License-Identifier: BSD-2-Clause
// What if_convert() turns into data flow at once: some blocks with one entry, and where they lead.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// A way out of the region that stays a branch.
struct Side {
  uint32_t block = 0;         ///< outside
  std::vector<ValueId> args;  ///< for its parameters, as the program names them
  double share = 0;           ///< of the packets that enter the region

  bool is(uint32_t to, std::span<const ValueId> values) const;
};

struct Region {
  static constexpr uint32_t kNotIn = 0xffffffff;

  std::vector<uint32_t> members;  ///< ascending; the head first
  std::vector<double> reach;      ///< by position in `members`: of the packets that enter
  std::vector<Side> sides;        ///< those that leave first, then ascending block ids
  uint32_t instructions = 0;
  double cycles = 0;       ///< expected for a packet that enters, as branches, until it leaves
  double mispredicts = 0;  ///< of these

  uint32_t head() const { return members.front(); }
  uint32_t position_of(uint32_t block) const;  ///< in `members`, or kNotIn
};

/// The program, what flows through it, and which blocks may run without need: no trace, and only
/// needs that nearly always pass.
struct Convertible {
  /// Takes: by block, whether it is leave_block().
  Convertible(const Program& program, const Profile& profile, std::vector<uint8_t> leaves);

  const Program& program;
  const Profile& profile;
  Flow flow;
  std::vector<uint8_t> leaves;  ///< by block
  std::vector<uint8_t> may;     ///< by block

  /// The share of a block's packets that leave it along the i-th edge of its end, in the order of
  /// for_each_edge().
  double share(uint32_t block, uint32_t i) const;
  /// Null for a parameter.
  const Insn* definition(ValueId id) const;

 private:
  std::vector<uint32_t> definitions_;  ///< by value
};

/// Everything that `head` leads to without passing a block of `kept` (ascending) or one that is not
/// convertible, in block order, until the region is full.
///
/// Takes: a convertible head.
/// Gives: a region; a block with parameters is in it only if one edge in the region leads to it.
Region grow_region(const Convertible& of, uint32_t head, const std::vector<uint32_t>& kept);

}  // namespace ipjit::ir
