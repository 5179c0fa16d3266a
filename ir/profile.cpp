// SPDX-License-Identifier: BSD-2-Clause
// Sums and shares of profiles.
//
// A table is cut to its size wherever it has grown; what falls off moves to `discarded`, so that
// `total` still says how much was seen and a share is never too high.
//
// Tested by tests/ir/profile_test.cpp.
#include "ir/profile.h"

#include <algorithm>
#include <cmath>

namespace ipjit::ir {
namespace {

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

template <class Map>
const typename Map::mapped_type* find(const Map& map, uint32_t source) {
  const auto it = map.find(source);
  return it == map.end() ? nullptr : &it->second;
}

std::vector<ValueTable::Entry>& rows_of(ValueTable& table) { return table.top; }
const std::vector<ValueTable::Entry>& rows_of(const ValueTable& table) { return table.top; }
std::vector<JointTable::Row>& rows_of(JointTable& table) { return table.rows; }
const std::vector<JointTable::Row>& rows_of(const JointTable& table) { return table.rows; }

bool counts_the_same(const ValueTable::Entry& a, const ValueTable::Entry& b) {
  return a.value == b.value;
}
bool counts_the_same(const JointTable::Row& a, const JointTable::Row& b) {
  return a.values == b.values && a.others == b.others;
}

template <class Table>
void merge_table(Table& a, const Table& b) {
  for (const auto& row : rows_of(b)) {
    const auto it = std::find_if(rows_of(a).begin(), rows_of(a).end(),
                                 [&](const auto& mine) { return counts_the_same(mine, row); });
    if (it == rows_of(a).end()) {
      rows_of(a).push_back(row);
    } else {
      it->count += row.count;
    }
  }
  a.total += b.total;
  a.discarded += b.discarded;
  a.normalise();
}

void merge(Profile& a, const std::map<std::vector<uint32_t>, JointTable>& joint) {
  for (const auto& [fields, table] : joint) {
    if (!a.joint.contains(fields) && a.joint.size() == Profile::kMaxJoint) continue;
    merge_table(a.joint[fields], table);
  }
}

void times(uint64_t& count, double factor) {
  count = static_cast<uint64_t>(std::llround(static_cast<double>(count) * factor));
}

void times(ValueTable& table, double factor) {
  times(table.discarded, factor);
  table.total = table.discarded;
  for (ValueTable::Entry& entry : table.top) {
    times(entry.count, factor);
    table.total += entry.count;
  }
  table.normalise();
}

void times(JointTable& table, double factor) {
  times(table.discarded, factor);
  table.total = table.discarded;
  for (JointTable::Row& row : table.rows) {
    times(row.count, factor);
    table.total += row.count;
  }
  table.normalise();
}

bool has_all(const std::vector<uint32_t>& fields, const JointTable::Row& row,
             std::span<const std::pair<uint32_t, uint64_t>> wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& want) {
    const size_t i = std::find(fields.begin(), fields.end(), want.first) - fields.begin();
    return i < fields.size() && (row.others >> i & 1) == 0 && row.values[i] == want.second;
  });
}

}  // namespace

uint64_t SwitchCounts::total() const {
  uint64_t sum = other;
  for (const auto& [value, count] : cases) sum += count;
  return sum;
}

uint64_t ValueTable::count_of(uint64_t value) const {
  for (const Entry& entry : top)
    if (entry.value == value) return entry.count;
  return 0;
}

void ValueTable::normalise() {
  std::erase_if(top, [](const Entry& entry) { return entry.count == 0; });
  std::sort(top.begin(), top.end(), [](const Entry& a, const Entry& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  for (; top.size() > kEntries; top.pop_back()) discarded += top.back().count;
}

void JointTable::normalise() {
  std::erase_if(rows, [](const Row& row) { return row.count == 0; });
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.count != b.count) return a.count > b.count;
    return a.values != b.values ? a.values < b.values : a.others < b.others;
  });
  for (; rows.size() > kRows; rows.pop_back()) discarded += rows.back().count;
}

const BranchCounts* Profile::branch(uint32_t source) const { return find(branches, source); }
const SwitchCounts* Profile::switch_at(uint32_t source) const { return find(switches, source); }
const NeedCounts* Profile::need(uint32_t source) const { return find(needs, source); }
const ValueTable* Profile::value(uint32_t source) const { return find(values, source); }

double Profile::taken_share(uint32_t source) const {
  const BranchCounts* const counts = branch(source);
  return counts == nullptr || counts->total() == 0 ? 0.5 : share(counts->taken, counts->total());
}

double Profile::mispredict_rate(uint32_t source) const {
  if (const BranchCounts* const counts = branch(source))
    return share(counts->mispredicted, counts->total());
  if (const SwitchCounts* const counts = switch_at(source))
    return share(counts->mispredicted, counts->total());
  return 0;
}

double Profile::runs_per_packet(uint32_t source) const {
  if (const BranchCounts* const counts = branch(source)) return share(counts->total(), packets);
  if (const SwitchCounts* const counts = switch_at(source)) return share(counts->total(), packets);
  return 0;
}

double Profile::readable_share(uint64_t bytes) const {
  uint64_t all = 0;
  uint64_t long_enough = 0;
  for (const auto& [length, count] : lengths) {
    all += count;
    if (length >= std::min(bytes, kLongest)) long_enough += count;
  }
  return all == 0 ? 1 : share(long_enough, all);
}

double Profile::share_of(std::span<const std::pair<uint32_t, uint64_t>> wanted) const {
  if (wanted.size() == 1) {
    const ValueTable* const table = value(wanted[0].first);
    return table == nullptr ? 0 : share(table->count_of(wanted[0].second), packets);
  }
  uint64_t most = 0;
  for (const auto& [fields, table] : joint) {
    uint64_t count = 0;
    for (const JointTable::Row& row : table.rows)
      if (has_all(fields, row, wanted)) count += row.count;
    most = std::max(most, count);
  }
  return share(most, packets);
}

std::optional<double> Profile::share_of_last(std::span<const std::pair<uint32_t, uint64_t>> wanted,
                                             uint64_t least) const {
  const std::span first = wanted.first(wanted.size() - 1);
  uint64_t most = 0, of_these = 0;
  for (const auto& [fields, table] : joint) {
    const bool knows = std::ranges::all_of(
        wanted, [&](const auto& want) { return std::ranges::count(fields, want.first) != 0; });
    if (!knows) continue;
    uint64_t have_first = table.discarded, have_all = 0;
    for (const JointTable::Row& row : table.rows) {
      if (!has_all(fields, row, first)) continue;
      have_first += row.count;
      if (has_all(fields, row, wanted)) have_all += row.count;
    }
    if (have_first <= most) continue;
    most = have_first;
    of_these = have_all;
  }
  if (most < std::max<uint64_t>(least, 1)) return std::nullopt;
  return share(of_these, most);
}

void merge(Profile& a, const Profile& b) {
  if (a.program == 0) a.program = b.program;
  a.packets += b.packets;
  a.discarded += b.discarded;
  a.matched += b.matched;
  merge_table(a.results, b.results);
  for (const auto& [length, count] : b.lengths) a.lengths[length] += count;
  for (const auto& [source, counts] : b.branches) {
    BranchCounts& sum = a.branches[source];
    sum.taken += counts.taken;
    sum.other += counts.other;
    sum.mispredicted += counts.mispredicted;
  }
  for (const auto& [source, counts] : b.switches) {
    SwitchCounts& sum = a.switches[source];
    for (const auto& [value, count] : counts.cases) sum.cases[value] += count;
    sum.other += counts.other;
    sum.mispredicted += counts.mispredicted;
  }
  for (const auto& [source, counts] : b.needs) {
    NeedCounts& sum = a.needs[source];
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.first += counts.first;
  }
  for (const auto& [source, table] : b.values) merge_table(a.values[source], table);
  merge(a, b.joint);
}

void scale(Profile& profile, double factor) {
  for (uint64_t* count : {&profile.packets, &profile.discarded, &profile.matched})
    times(*count, factor);
  times(profile.results, factor);
  for (auto& [length, count] : profile.lengths) times(count, factor);
  for (auto& [source, counts] : profile.branches) {
    for (uint64_t* count : {&counts.taken, &counts.other, &counts.mispredicted})
      times(*count, factor);
    counts.mispredicted = std::min(counts.mispredicted, counts.total());  // each is rounded
  }
  for (auto& [source, counts] : profile.switches) {
    for (auto& [value, count] : counts.cases) times(count, factor);
    times(counts.other, factor);
    times(counts.mispredicted, factor);
    counts.mispredicted = std::min(counts.mispredicted, counts.total());
  }
  for (auto& [source, counts] : profile.needs)
    for (uint64_t* count : {&counts.passed, &counts.failed, &counts.first}) times(*count, factor);
  for (auto& [source, table] : profile.values) times(table, factor);
  for (auto& [fields, table] : profile.joint) times(table, factor);
}

}  // namespace ipjit::ir
