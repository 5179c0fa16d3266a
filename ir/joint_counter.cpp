// SPDX-License-Identifier: BSD-2-Clause
// Which fields have which values together; the idea is in joint_counter.h.
#include "ir/joint_counter.h"

#include <algorithm>

namespace ipjit::ir {
namespace {

constexpr size_t kKnownValues = 2;  // of each field

using Field = JointCounter::Field;

std::vector<Field> sorted(std::span<const Field> fields) {
  std::vector<Field> list(fields.begin(),
                          fields.begin() + std::min(fields.size(), JointCounter::kFields));
  const auto by_source = [](const Field& a, const Field& b) { return a.first < b.first; };
  std::stable_sort(list.begin(), list.end(), by_source);
  const auto same = [](const Field& a, const Field& b) { return a.first == b.first; };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
  return list;
}

const uint64_t* value_of(std::span<const Field> fields, uint32_t source) {
  for (const Field& field : fields)
    if (field.first == source) return &field.second;
  return nullptr;
}

/// By source: value -> packets.
using Counts = std::map<uint32_t, std::map<uint64_t, uint64_t>>;

uint64_t most(const std::map<uint64_t, uint64_t>& values) {
  uint64_t count = 0;
  for (const auto& [value, times] : values) count = std::max(count, times);
  return count;
}

std::vector<uint64_t> most_frequent(const std::map<uint64_t, uint64_t>& values) {
  std::vector<std::pair<uint64_t, uint64_t>> list;  // ~count, value: ascending is most frequent
  for (const auto& [value, times] : values) list.emplace_back(~times, value);
  std::sort(list.begin(), list.end());
  if (list.size() > kKnownValues) list.resize(kKnownValues);
  std::vector<uint64_t> known;
  for (const auto& [unused, value] : list) known.push_back(value);
  return known;
}

/// Of more fields than a group may have, those that most often have one value.
void cut(std::vector<uint32_t>& fields, const Counts& counts) {
  if (fields.size() <= JointTable::kMaxFields) return;
  std::stable_sort(fields.begin(), fields.end(),
                   [&](uint32_t a, uint32_t b) { return most(counts.at(a)) > most(counts.at(b)); });
  fields.resize(JointTable::kMaxFields);
  std::sort(fields.begin(), fields.end());
}

}  // namespace

void JointCounter::packet(std::span<const Field> fields) {
  if (chosen_) {
    count(fields);
    return;
  }
  kept_.push_back(sorted(fields));
  if (kept_.size() == kKept) choose();
}

void JointCounter::choose() {
  Counts counts;
  std::map<std::vector<uint32_t>, uint64_t> ways;
  for (const std::vector<Field>& packet : kept_)
    for (const auto& [source, value] : packet) ++counts[source][value];
  for (const std::vector<Field>& packet : kept_) {
    std::vector<uint32_t> fields;
    for (const Field& field : packet) fields.push_back(field.first);
    cut(fields, counts);
    if (fields.size() >= 2) ++ways[fields];
  }
  std::vector<std::pair<uint64_t, std::vector<uint32_t>>> list;
  for (const auto& [fields, packets] : ways) list.emplace_back(~packets, fields);
  std::sort(list.begin(), list.end());
  if (list.size() > Profile::kMaxJoint) list.resize(Profile::kMaxJoint);
  for (auto& [unused, fields] : list) {
    Group group{std::move(fields), {}, {}, 0};
    for (uint32_t field : group.fields) group.known.push_back(most_frequent(counts[field]));
    groups_.push_back(std::move(group));
  }
  chosen_ = true;
  for (const std::vector<Field>& packet : kept_) count(packet);
  kept_.clear();
}

void JointCounter::count(std::span<const Field> fields) {
  for (Group& group : groups_) {
    std::pair<std::vector<uint64_t>, uint32_t> row{{}, 0};
    for (size_t i = 0; i < group.fields.size(); ++i) {
      const uint64_t* const value = value_of(fields, group.fields[i]);
      if (value == nullptr) break;
      const bool known = std::ranges::count(group.known[i], *value) != 0;
      row.first.push_back(known ? *value : 0);
      if (!known) row.second |= uint32_t{1} << i;
    }
    if (row.first.size() != group.fields.size()) continue;
    ++group.rows[std::move(row)];
    ++group.total;
  }
}

JointCounter::Tables JointCounter::take() {
  if (!chosen_) choose();
  Tables tables;
  for (const Group& group : groups_) {
    JointTable table;
    for (const auto& [row, count] : group.rows)
      table.rows.push_back({row.first, row.second, count});
    table.total = group.total;
    table.normalise();
    tables.emplace(group.fields, std::move(table));
  }
  *this = {};
  return tables;
}

}  // namespace ipjit::ir
