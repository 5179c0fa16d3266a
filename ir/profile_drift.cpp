// SPDX-License-Identifier: BSD-2-Clause
// How far two profiles are apart.
//
// Two profiles of the same traffic are never equal, so what chance explains is left out: of a
// branch's share that goes from 0.50 to 0.62 between 100 runs and 100 runs nothing is left, because
// two standard deviations are 0.14; between 10,000 and 10,000 runs 0.106 is left.
//
// Tested by tests/ir/profile_test.cpp.
#include <algorithm>
#include <cmath>

#include "ir/profile.h"

namespace ipjit::ir {
namespace {

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// One test in two profiles: what chance does not explain of the change.
class Comparison {
 public:
  Comparison(const Profile& a, const Profile& b, uint64_t least) : a_(a), b_(b), least_(least) {}

  void add(uint32_t source, uint64_t part_a, uint64_t total_a, uint64_t part_b, uint64_t total_b) {
    if (std::max(total_a, total_b) < least_) return;
    const double runs =
        std::min(1.0, std::max(share(total_a, a_.packets), share(total_b, b_.packets)));
    const double change = runs * moved(part_a, total_a, part_b, total_b);
    weight_ += runs;
    sum_ += change;
    if (change > drift_.largest) {
      drift_.largest = change;
      drift_.source = source;
    }
  }

  Drift result() const {
    Drift drift = drift_;
    drift.weighted = weight_ == 0 ? 0 : sum_ / weight_;
    return drift;
  }

 private:
  static double moved(uint64_t part_a, uint64_t total_a, uint64_t part_b, uint64_t total_b) {
    if (total_a == 0 || total_b == 0) return 1;
    const double p = share(part_a + part_b, total_a + total_b);
    const double n = 1 / static_cast<double>(total_a) + 1 / static_cast<double>(total_b);
    const double change = std::abs(share(part_a, total_a) - share(part_b, total_b));
    return std::max(0.0, change - 2 * std::sqrt(p * (1 - p) * n));
  }

  const Profile& a_;
  const Profile& b_;
  uint64_t least_;
  Drift drift_;
  double sum_ = 0;
  double weight_ = 0;
};

// Calls visit(source, of a or empty, of b or empty) for each source that one of them has.
template <class Map, class Visit>
void for_both(const Map& a, const Map& b, Visit visit) {
  const typename Map::mapped_type none = {};
  for (const auto& [source, counts] : a) {
    const auto there = b.find(source);
    visit(source, counts, there == b.end() ? none : there->second);
  }
  for (const auto& [source, counts] : b)
    if (!a.contains(source)) visit(source, none, counts);
}

}  // namespace

Drift distance(const Profile& a, const Profile& b, uint64_t least) {
  Comparison comparison(a, b, least);
  for_both(a.branches, b.branches,
           [&](uint32_t source, const BranchCounts& x, const BranchCounts& y) {
             comparison.add(source, x.taken, x.total(), y.taken, y.total());
           });
  for_both(a.needs, b.needs, [&](uint32_t source, const NeedCounts& x, const NeedCounts& y) {
    comparison.add(source, x.passed, x.total(), y.passed, y.total());
  });
  for_both(a.switches, b.switches,
           [&](uint32_t source, const SwitchCounts& x, const SwitchCounts& y) {
             comparison.add(source, x.other, x.total(), y.other, y.total());
             std::map<uint64_t, uint64_t> values = x.cases;
             values.insert(y.cases.begin(), y.cases.end());
             for (const auto& [value, unused] : values) {
               const auto mine = x.cases.find(value);
               const auto its = y.cases.find(value);
               comparison.add(source, mine == x.cases.end() ? 0 : mine->second, x.total(),
                              its == y.cases.end() ? 0 : its->second, y.total());
             }
           });
  return comparison.result();
}

}  // namespace ipjit::ir
