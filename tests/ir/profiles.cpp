// SPDX-License-Identifier: BSD-2-Clause
#include "profiles.h"

#include <algorithm>
#include <random>

namespace ipjit::ir {
namespace {

ValueTable inverted(const ValueTable& table) {
  ValueTable wrong = table;
  for (ValueTable::Entry& entry : wrong.top) entry.value = entry.value ^ 0xffffffff;
  wrong.normalise();
  return wrong;
}

class Maker {
 public:
  Maker(const Program& program, uint64_t seed) : p_(program), random_(seed) {}

  Profile run() {
    profile_.program = digest(p_);
    profile_.packets = 1 + below(100'000);
    profile_.discarded = below(10);
    profile_.matched = below(profile_.packets + 1);
    profile_.results = table();
    for (uint64_t left = profile_.packets; left != 0 && !one_in(6);) {
      const uint64_t part = below(left + 1);
      profile_.lengths[below(Profile::kLongest + 1)] += part;
      left -= part;
    }
    for (const Insn& insn : p_.insns) add(insn);
    for (const Block& block : p_.blocks) add(block.term);
    for (int i = 0; i < 3; ++i) add_joint();
    return std::move(profile_);
  }

 private:
  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  uint64_t count() {
    if (one_in(4)) return 0;
    return one_in(4) ? uint64_t{1} << 37 : below(profile_.packets + 1);
  }

  uint64_t value() { return one_in(3) ? random_() : below(2048); }

  ValueTable table() {
    ValueTable table;
    for (uint64_t n = below(ValueTable::kEntries + 1); n != 0; --n) {
      const uint64_t fresh = value();
      if (table.count_of(fresh) == 0) table.top.push_back({fresh, 1 + below(1000)});
    }
    table.discarded = below(50);
    table.total = table.discarded;
    for (const ValueTable::Entry& entry : table.top) table.total += entry.count;
    table.normalise();
    return table;
  }

  void add(const Insn& insn) {
    if (insn.source == kNoSource || one_in(6)) return;
    if (insn.op == Op::kNeed) {
      NeedCounts& counts = profile_.needs[insn.source];
      counts.passed = count();
      counts.failed = count();
      counts.first = below(counts.failed + 1);
    } else if (insn.op == Op::kMeta || load_size(insn.op) != 0) {
      profile_.values[insn.source] = table();
    }
  }

  void add(const Term& term) {
    if (term.source == kNoSource || one_in(6)) return;
    if (term.kind == TermKind::kBranch) {
      BranchCounts& counts = profile_.branches[term.source];
      counts.taken = count();
      counts.other = count();
      counts.mispredicted = below(counts.total() + 1);
    } else if (term.kind == TermKind::kSwitch) {
      SwitchCounts& counts = profile_.switches[term.source];
      for (const Case& one : p_.cases_of(term)) counts.cases[one.value] = count();
      counts.other = count();
      counts.mispredicted = below(counts.total() + 1);
    }
  }

  // A group of some of the values' sources, of rows that differ in their first field.
  void add_joint() {
    std::vector<uint32_t> fields;
    for (const auto& [source, table] : profile_.values)
      if (one_in(2) && fields.size() < JointTable::kMaxFields) fields.push_back(source);
    if (fields.size() < 2) return;
    JointTable table;
    const uint32_t every = (uint32_t{1} << fields.size()) - 1;
    for (uint64_t i = below(JointTable::kRows); i != 0; --i) {
      JointTable::Row row{{}, static_cast<uint32_t>(below(every)) & ~1u, 1 + below(1000)};
      for (size_t f = 0; f < fields.size(); ++f)
        row.values.push_back(row.others >> f & 1 ? 0 : f == 0 ? i : value());
      table.total += row.count;
      table.rows.push_back(std::move(row));
    }
    table.normalise();
    profile_.joint[fields] = std::move(table);
  }

  const Program& p_;
  std::mt19937_64 random_;
  Profile profile_;
};

}  // namespace

Profile invert(const Profile& profile) {
  Profile wrong = profile;
  wrong.results = inverted(profile.results);
  wrong.lengths.clear();
  for (const auto& [length, count] : profile.lengths)
    wrong.lengths[Profile::kLongest - length] = count;
  for (auto& [source, counts] : wrong.branches) {
    counts.mispredicted = counts.total() - counts.mispredicted;
    std::swap(counts.taken, counts.other);
  }
  for (auto& [source, counts] : wrong.switches) {
    counts.mispredicted = counts.total() - counts.mispredicted;
    uint64_t before = counts.other;
    for (auto& [value, count] : counts.cases) std::swap(count, before);
    counts.other = before;
  }
  for (auto& [source, counts] : wrong.needs) {
    std::swap(counts.passed, counts.failed);
    counts.first = counts.failed;
  }
  for (auto& [source, table] : wrong.values) table = inverted(table);
  for (auto& [fields, table] : wrong.joint) {
    for (JointTable::Row& row : table.rows)
      for (size_t i = 0; i < row.values.size(); ++i)
        if ((row.others >> i & 1) == 0) row.values[i] ^= 0xffffffff;
    table.normalise();
  }
  return wrong;
}

Profile random_profile(const Program& program, uint64_t seed) { return Maker(program, seed).run(); }

}  // namespace ipjit::ir
