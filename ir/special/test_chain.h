// SPDX-License-Identifier: BSD-2-Clause
// Tests in a row, each of which either leaves or goes on to the next: what order_terms() orders.
//
//   b1: br v0 == 1 -> b9, b2       unit 0: leaves to b9 if v0 == 1
//   b2: need 24 else b9            unit 1: leaves to b9 if there are fewer than 24 bytes, or if
//       v1 = load_u8 23                    v1 is below 6
//       br v1 < 6 -> b9, b3
#pragma once

#include <cstdint>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

struct TestUnit {
  uint32_t block = 0;
  uint32_t first = 0;  ///< instructions that go with the test: insns[first, first + count)
  uint32_t count = 0;
  bool leaves_taken = true;  ///< leaves along `taken`, goes on along `other`; else the reverse
  bool has_needs = false;
  std::vector<uint32_t> after;  ///< units that must stay before this one
};

class TestChains {
 public:
  /// Takes: a valid program, which must outlive this and not change.
  explicit TestChains(const Program& program);

  /// The row that begins in block `head`; empty if there are not two units.
  ///
  /// What it may be reordered to is every order that keeps `after`: units commute that leave to
  /// one place, or whose tests exclude each other; a unit stays behind those whose values or needs
  /// it uses, and before those that lead to where its values or needs may be used.
  std::vector<TestUnit> at(uint32_t head) const;

  /// The same without `after`, which takes most of the time.
  std::vector<TestUnit> unordered_at(uint32_t head) const;

  /// By block: ways in, as count_ways() gives them.
  const std::vector<uint32_t>& ways() const { return ways_; }

 private:
  friend class ChainFinder;

  const Program& p_;
  std::vector<uint32_t> ways_;
  std::vector<uint32_t> users_;  ///< by value: the one block that uses it, or that there are more
};

inline const Edge& leaving(const Term& term, const TestUnit& unit) {
  return unit.leaves_taken ? term.taken : term.other;
}

/// Whether no value lets both tests leave.
bool exclude_each_other(const Program& program, const TestUnit& x, const TestUnit& y);

}  // namespace ipjit::ir
