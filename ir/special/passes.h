// SPDX-License-Identifier: BSD-2-Clause
// The passes of specialise(): one file each, of the pass's name; what they share is Work.
//
//   bool guards(Work& work) {
//     ...
//     work.say("guards", "2 fields have one value each in 97 % of packets");
//     const BlockId leave = leave_block(work);
//     return true;                                 // work.program has changed
//   }
//
// A pass rewrites work.program as the passes of optimize() do: the program is valid before and
// after, and specialise() tidies up behind each that says true.  It keeps Insn::source and
// Term::source of what it moves, and sets kNoSource where a test is no longer that test: taken and
// other keep their meaning, or the profile lies.
//
// Leaving: where an assumption fails, go to leave_block().  The general program then starts from
// its first block, with nothing carried over, so whoever leaves must not have left a trace: only
// where no effect and no count lies on any way from the entry.  may_leave() says where that is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/passes/passes.h"
#include "ir/profile.h"
#include "ir/program.h"
#include "ir/special/specialise.h"

namespace ipjit::ir {

/// "12.35": a share or a number of cycles, for the log.
std::string decimals(double value);

/// What is under way.
struct Work {
  Program program;         ///< valid between passes
  const Program& general;  ///< as it was given
  Profile profile;         ///< the given one, and what passes know of tests that they made
  const Facts& facts;
  const Choices& choices;  ///< for a pass whose price depends on another
  std::vector<std::string> log;
  Workspace ws;  ///< for the passes of optimize()

  /// "guards: why", one line of the log.
  void say(const char* pass, const std::string& why) { log.push_back(pass + (": " + why)); }
};

/// A field that nearly every packet has alike, at a constant place.
struct EntryGuard {
  Insn load;
  uint64_t value = 0;
  double share = 0;  ///< of the packets that come to it
  double runs = 0;   ///< share of the packets that come to it
};

/// The fields that may be worth a guard before everything; few, and none without the first.
std::vector<EntryGuard> entry_guard_sites(const Work& work);

/// Asks for them before everything, and goes on as if they had their values.
void guard_entry(Work& work, const std::vector<EntryGuard>& guards);

bool fold_facts(Work& work);
bool order_terms(Work& work);
bool set_shapes(Work& work);
bool guards(Work& work);
bool hoist_needs(Work& work);
bool if_convert(Work& work);
bool wide_loads(Work& work);
bool layout(Work& work);

/// The block that what leaves goes to: `count 0`, then the general program.  It is the last one of
/// the program, has no parameters, and is added by the first call after it was lost.  Until
/// specialise() has appended the general program it ends in `pull 0`.
///
/// Takes: a program that can_leave(); block ids and the program's vectors may move.
BlockId leave_block(Work& work);

/// A source for a branch that a pass has made, so that the profile knows what the pass knows:
/// `taken` and `mispredicted` are shares of its runs.
uint32_t source_of_made(Work& work, double taken, double mispredicted);

/// False where the general program counts by itself, so that counter 0 is not ours.
bool can_leave(const Work& work);

/// By block: whether a need or branch of it may go to leave_block(): no effect or count has come
/// before its first instruction on any way (effects of its own are for the pass to see).
std::vector<uint8_t> may_leave(const Work& work);

/// Whether the block is (one that ends as) leave_block().
bool is_leave(const Work& work, const Block& block);

/// Of all packets, those that go to leave_block(), as the profile says.
double leaving_share(const Work& work);

/// Expected cycles of a packet, with what those cost that leave.
double cycles_with_leaving(const Work& work);

/// The general passes, so that the next pass sees less: equal values once, needs that hold gone,
/// edges past what is decided, nothing unused.
void tidy(Work& work);

}  // namespace ipjit::ir
