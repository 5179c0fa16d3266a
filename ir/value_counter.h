// SPDX-License-Identifier: BSD-2-Clause
// The most frequent values of a stream in twelve entries.
//
// A value that is new takes the place of the rarest one, so a heavy value that comes late gets in;
// but a stream of ever new values would wear down what stands at the end of the table and never let
// a second one rise.  So the table is cleaned: its lower half is emptied, first after 1,000 values,
// then after 1,000 and as many as the last entry of the upper, steady half has: time enough for a
// new heavy value to overtake that entry.
//
// Whatever leaves the table is counted as discarded.  The counts are therefore from below, and the
// discarded share is the table's imprecision: near 0 for a type field, near 1 for a source port.
//
// Idea: the top-n-value tables of Calder, Feller and Eustace, "Value Profiling" (MICRO 1997).
// Tested by tests/ir/replay_test.cpp.
#pragma once

#include <cstdint>

#include "ir/profile.h"

namespace ipjit::ir {

class ValueCounter {
 public:
  static constexpr size_t kSteady = ValueTable::kEntries / 2;
  static constexpr uint64_t kCleanAfter = 1000;

  void add(uint64_t value);

  /// What was counted so far, sorted; begins anew.
  ValueTable take();

 private:
  void clean();

  ValueTable table_;  // descending counts, at most kEntries
  uint64_t until_clean_ = kCleanAfter;
};

}  // namespace ipjit::ir
