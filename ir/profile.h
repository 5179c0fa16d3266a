// SPDX-License-Identifier: BSD-2-Clause
// What a filter has met: counts of one program's edges, checks and values, from sampled packets.
//
// A profile is a value.  It is keyed by source instruction (Insn::source, Term::source), so that it
// holds for every program that passes make out of the one that was watched: a pass keeps the source
// of what it moves, and sets kNoSource where a test no longer is that test, also where it swaps
// `taken` and `other`.  Sites with one source are counted together.  What a profile does not know
// counts as undecided for a branch and as passed for a need.
//
// The text form is in profile_text.h, the collector in replay.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

struct BranchCounts {
  uint64_t taken = 0;
  uint64_t other = 0;
  uint64_t mispredicted = 0;  ///< by a predictor with history, replay.h

  uint64_t total() const { return taken + other; }
  bool operator==(const BranchCounts&) const = default;
};

struct SwitchCounts {
  std::map<uint64_t, uint64_t> cases;  ///< case value -> times
  uint64_t other = 0;
  uint64_t mispredicted = 0;

  uint64_t total() const;
  bool operator==(const SwitchCounts&) const = default;
};

struct NeedCounts {
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t first = 0;  ///< times it was the first check that failed for a packet

  uint64_t total() const { return passed + failed; }
  bool operator==(const NeedCounts&) const = default;
};

/// The most frequent values of a load, a meta field or the result; total == counts + discarded.
struct ValueTable {
  static constexpr size_t kEntries = 12;

  struct Entry {
    uint64_t value = 0;
    uint64_t count = 0;

    bool operator==(const Entry&) const = default;
  };

  std::vector<Entry> top;  ///< at most kEntries, descending count, then ascending value
  uint64_t total = 0;      ///< values seen
  uint64_t discarded = 0;  ///< of these, no longer or never in `top`: the table's imprecision

  uint64_t count_of(uint64_t value) const;  ///< 0 where it is not in `top`
  /// Sorts `top`; what does not fit or has no count moves to `discarded`.
  void normalise();
  bool operator==(const ValueTable&) const = default;
};

/// How often fields that one guard could test had values together.  A field that has none of its
/// two most frequent values is `other` in a row, so that a field of many values (a source port)
/// does not tear apart what the others say.
struct JointTable {
  static constexpr size_t kMaxFields = 6;
  static constexpr size_t kRows = 24;

  struct Row {
    std::vector<uint64_t> values;  ///< one for each field; 0 where it is another value
    uint32_t others = 0;           ///< bit i: field i has another value
    uint64_t count = 0;

    bool operator==(const Row&) const = default;
  };

  std::vector<Row> rows;   ///< at most kRows, descending count, then by values
  uint64_t total = 0;      ///< packets that had all fields
  uint64_t discarded = 0;  ///< of these, in no row

  void normalise();
  bool operator==(const JointTable&) const = default;
};

struct Profile {
  static constexpr size_t kMaxJoint = 8;  ///< groups
  static constexpr uint64_t kLongest = 256;

  uint64_t program = 0;    ///< digest(Program) of the program that was watched; 0: of none
  uint64_t packets = 0;    ///< samples counted
  uint64_t discarded = 0;  ///< samples whose copied head was too short to say
  uint64_t matched = 0;    ///< packets that ended with IPJIT_DONE and a result other than 0
  ValueTable results;      ///< of the native ABI, status in the high half
  std::map<uint64_t, uint64_t> lengths;       ///< cap_len -> packets; kLongest: that long or longer
  std::map<uint32_t, BranchCounts> branches;  ///< by Term::source
  std::map<uint32_t, SwitchCounts> switches;  ///< by Term::source
  std::map<uint32_t, NeedCounts> needs;       ///< by Insn::source
  std::map<uint32_t, ValueTable> values;      ///< loads and meta fields by Insn::source
  std::map<std::vector<uint32_t>, JointTable> joint;  ///< by the sources of 2 to kMaxFields of them

  bool operator==(const Profile&) const = default;

  bool empty() const { return packets == 0; }
  const BranchCounts* branch(uint32_t source) const;  ///< null: nothing known
  const SwitchCounts* switch_at(uint32_t source) const;
  const NeedCounts* need(uint32_t source) const;
  const ValueTable* value(uint32_t source) const;

  /// The branch's share of `taken`; 0.5 where nothing is known.
  double taken_share(uint32_t source) const;
  /// The branch's or switch's share of mispredicted runs; 0 where nothing is known.
  double mispredict_rate(uint32_t source) const;
  /// How often one packet in the mean runs the branch or switch.
  double runs_per_packet(uint32_t source) const;
  /// The share of packets with at least so many bytes, at most kLongest; 1 where nothing is known.
  double readable_share(uint64_t bytes) const;
  /// The share of all packets in which each field (by source) has its value; from below: what the
  /// tables have discarded counts as another value.  0 where no group knows the fields together.
  double share_of(std::span<const std::pair<uint32_t, uint64_t>> fields) const;

  /// Of the packets in which the first fields have their values and that read the last one too, the
  /// share in which that has its value; from below.
  /// Gives: nothing where no group knows them together from at least `least` packets.
  std::optional<double> share_of_last(std::span<const std::pair<uint32_t, uint64_t>> fields,
                                      uint64_t least = 100) const;
};

/// Adds b's counts to a's.  Both must be of one program.
void merge(Profile& a, const Profile& b);

/// Multiplies every count: 0.5 makes what is old weigh half.
void scale(Profile& profile, double factor);

/// How far two profiles of one program are apart.
struct Drift {
  double largest = 0;   ///< greatest change of a branch's share, times its runs per packet: 0 to 1
  double weighted = 0;  ///< mean change of the shares, each weighted by its runs per packet: 0 to 1
  uint32_t source = kNoSource;  ///< where the greatest change is

  bool operator==(const Drift&) const = default;
};

/// Compares branches and needs that have run at least `least` times in one of them; a branch that
/// only one of them ran has moved by its runs per packet.
Drift distance(const Profile& a, const Profile& b, uint64_t least = 32);

/// Of a program's meaning, its name and nothing but it left out; never 0.
uint64_t digest(const Program& program);
uint64_t digest(const Profile& profile);

/// What a program's blocks do under a profile.
struct Flow {
  std::vector<double> reach;         ///< by block: how often one packet enters it
  std::vector<double> taken;         ///< by block: share of `taken`; 1 for a jump
  std::vector<double> mispredicted;  ///< by block: share of mispredicted runs of its end
  std::vector<double> passed;        ///< by instruction: share of passed needs; 1 for other ops
};

/// Follows one packet's worth of flow from block 0.  A branch without counts is judged by the table
/// of the value that it tests, where there is one (a guard on a load); a need without counts
/// passes. Takes: a valid program.
Flow flow_of(const Program& program, const Profile& profile);

/// flow_of(...).reach.
std::vector<double> block_counts(const Program& program, const Profile& profile);

/// The share of a switch's case `i` (case_count: its `other` edge); even where nothing is known.
double case_share(const Program& program, const Term& term, uint32_t i, const Profile& profile);

/// Gives every branch, switch, need, load and meta field without a source one that nothing else
/// has, so that it can be told apart in a profile.
void number_sources(Program& program);

}  // namespace ipjit::ir
