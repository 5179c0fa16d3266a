// SPDX-License-Identifier: BSD-2-Clause
// Which fields have which values together, for guards that test several.
//
// Which groups of fields are worth a table is not known before packets have come: the fields that
// one packet reads on its way are a group, and the ways that most packets take are the groups
// counted.  So the first packets are kept as they are; then the groups are chosen, for each field
// its two most frequent values, and the kept packets are counted like all that follow.
//
//   packets read {type}, {type, protocol}, {type, protocol, port}
//   rows of the last group    0x800 6 other = 905, 0x800 6 80 = 52
//
// A packet counts in every group whose fields it has read, so a group of few fields is not short of
// those that went on.  Cost: memory for kKept packets, then a few compares a packet and group.
//
// Tested by tests/ir/replay_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "ir/profile.h"

namespace ipjit::ir {

class JointCounter {
 public:
  using Field = std::pair<uint32_t, uint64_t>;  ///< source, value
  using Tables = std::map<std::vector<uint32_t>, JointTable>;

  static constexpr size_t kKept = 512;   ///< packets looked at before groups are chosen
  static constexpr size_t kFields = 24;  ///< of one packet; the later ones are left out

  /// What one packet has read, in order; a source that stands twice counts with its first value.
  void packet(std::span<const Field> fields);

  /// The tables so far; begins anew.
  Tables take();

 private:
  struct Group {
    std::vector<uint32_t> fields;              // ascending
    std::vector<std::vector<uint64_t>> known;  // by field: its most frequent values
    std::map<std::pair<std::vector<uint64_t>, uint32_t>, uint64_t> rows;
    uint64_t total = 0;
  };

  void choose();
  void count(std::span<const Field> fields);

  std::vector<std::vector<Field>> kept_;  // by source, none twice
  bool chosen_ = false;
  std::vector<Group> groups_;
};

}  // namespace ipjit::ir
