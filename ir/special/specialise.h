// SPDX-License-Identifier: BSD-2-Clause
// One program for this traffic, out of the one for all traffic.
//
//   Specialised made = specialise(general, profile, facts);
//   // made.program gives the general program's result for every packet, whatever the profile said
//
// IR in, IR out, no LLVM: so every specialisation runs on the interpreter, prints, is compared with
// the general program packet by packet, and can be emitted by tier 1 alone, which is what the
// ablation table does.  The general program's blocks stand once at the end of the result; a guard
// or a hoisted need that fails counts itself (`count 0`) and goes to their first block.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ipjit/abi.h"
#include "ir/profile.h"
#include "ir/program.h"

namespace ipjit::ir {

/// One switch for each pass, in the order in which they run; all on but in tests and ablations.
struct Choices {
  bool fold_facts = true;   ///< constants of the attachment
  bool order_terms = true;  ///< tests and switch cases by measured selectivity
  bool set_shapes = true;   ///< a set as range check, bit mask, bitmap or table, by cost
  bool guards = true;       ///< `if (x == v) residual else general`
  bool hoist_needs = true;  ///< one bounds check for all that the traffic's packets need
  bool if_convert = true;   ///< branches that mispredict become data flow
  bool wide_loads = true;   ///< several fields in one load
  bool layout = true;       ///< hot blocks in a row, cold ones behind

  bool operator==(const Choices&) const = default;
};

/// What the deployment promises for as long as the program stays installed.  Each is a dependency:
/// whoever breaks one replaces the program first.
struct Facts {
  std::vector<std::pair<ipjit_field, uint32_t>> fields;  ///< ctx fields with one value
  uint64_t min_len = 0;                                  ///< packets have at least so many bytes
  uint64_t max_len = UINT32_MAX;                         ///< and at most so many

  bool operator==(const Facts&) const = default;
};

struct Specialised {
  Program program;
  std::vector<std::string> log;  ///< a line for each thing done or declined, with the reason
  bool changed = false;          ///< false: nothing paid, `program` is the general one
  /// The given profile and what is known of branches that only `program` has, under sources that
  /// the general program does not use: what expected_cost() of `program` should be asked with.
  Profile profile;
  uint32_t counters = 0;  ///< counter 0 counts packets that left by a guard; 0: none can
};

/// Takes: a valid program that passed optimize(), and its profile (empty: nothing is known).
/// Gives: a valid program with the general one's result, actions and order of actions for every
///        packet and context that keeps the facts.
/// Cost:  microseconds to a few milliseconds; linear in the program but for the hot part.
Specialised specialise(const Program& general, const Profile& profile, const Facts& facts = {},
                       const Choices& choices = {});

}  // namespace ipjit::ir
