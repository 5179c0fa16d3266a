// SPDX-License-Identifier: BSD-2-Clause
#include "tests/special/profiles.h"

#include <random>

#include "ir/interpreter.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kMany = 1000;

/// A predictor that says what came last.
class Watch : public Unobserved {
 public:
  explicit Watch(Profile& profile) : profile_(profile) {}

  void need(const Insn& insn, bool passed) {
    NeedCounts& counts = profile_.needs[insn.source];
    ++(passed ? counts.passed : counts.failed);
  }
  void value(const Insn& insn, uint64_t v) {
    ValueTable& table = profile_.values[insn.source];
    ++table.total;
    for (ValueTable::Entry& entry : table.top)
      if (entry.value == v) {
        ++entry.count;
        return;
      }
    if (table.top.size() == ValueTable::kEntries) {
      ++table.discarded;
    } else {
      table.top.push_back({v, 1});
    }
  }
  void branch(BlockId, const Term& term, bool taken) {
    BranchCounts& counts = profile_.branches[term.source];
    ++(taken ? counts.taken : counts.other);
    counts.mispredicted += last_[term.source] != taken;
    last_[term.source] = taken;
  }
  void switched(BlockId, const Term& term, uint32_t i) {
    SwitchCounts& counts = profile_.switches[term.source];
    if (i == term.case_count) {
      ++counts.other;
    } else {
      ++counts.cases[cases_[term.cases + i].value];
    }
  }
  void cases_of(const Program& program) { cases_ = program.cases; }

 private:
  Profile& profile_;
  std::map<uint32_t, bool> last_;
  std::vector<Case> cases_;
};

template <class Visit>
void for_each_site(const Program& program, Visit visit) {
  for (const Insn& insn : program.insns)
    if (insn.source != kNoSource) visit(&insn, nullptr);
  for (const Block& block : program.blocks)
    if (block.term.source != kNoSource) visit(nullptr, &block.term);
}

}  // namespace

Profile true_profile(const Program& program, std::vector<RandomInput>& inputs) {
  Profile profile;
  profile.program = digest(program);
  Watch watch(profile);
  watch.cases_of(program);
  Interpreter<Watch> interpreter(program, watch);
  for (RandomInput& input : inputs) {
    input.reset();
    const uint64_t result = interpreter.run(input.data.data(), input.data.size(), input.ctx);
    profile.matched += result != 0 && result <= UINT32_MAX;
    ++profile.packets;
  }
  for (auto& [source, table] : profile.values) table.normalise();
  scale(profile, kMany);  // a few packets would say nothing
  return profile;
}

Profile opposite(const Profile& profile) {
  Profile turned = profile;
  for (auto& [source, counts] : turned.branches) std::swap(counts.taken, counts.other);
  for (auto& [source, counts] : turned.needs) std::swap(counts.passed, counts.failed);
  for (auto& [source, counts] : turned.switches) {
    uint64_t first = counts.cases.empty() ? 0 : counts.cases.begin()->second;
    if (!counts.cases.empty()) std::swap(counts.cases.begin()->second, counts.other);
    static_cast<void>(first);
  }
  for (auto& [source, table] : turned.values)
    for (ValueTable::Entry& entry : table.top) entry.value ^= 1;
  return turned;
}

Profile undecided(const Program& program) {
  Profile profile;
  profile.program = digest(program);
  profile.packets = kMany;
  for_each_site(program, [&](const Insn* insn, const Term* term) {
    if (insn != nullptr && insn->op == Op::kNeed) profile.needs[insn->source] = {kMany, 0, 0};
    if (term != nullptr && term->kind == TermKind::kBranch)
      profile.branches[term->source] = {kMany / 2, kMany / 2, kMany / 2};
    if (term != nullptr && term->kind == TermKind::kSwitch) {
      SwitchCounts& counts = profile.switches[term->source];
      for (const Case& c : program.cases_of(*term)) counts.cases[c.value] = kMany;
      counts.other = counts.mispredicted = kMany;
    }
  });
  return profile;
}

Profile noise(const Program& program, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto count = [&] { return random() >> (random() % 60 + 2); };
  Profile profile;
  profile.packets = count();
  for_each_site(program, [&](const Insn* insn, const Term* term) {
    if (random() % 4 == 0) return;
    const uint32_t source = random() % 8 == 0 ? static_cast<uint32_t>(random())
                            : insn != nullptr ? insn->source
                                              : term->source;
    profile.branches[source] = {count(), count(), 0};
    BranchCounts& branch = profile.branches[source];
    branch.mispredicted = branch.total() == 0 ? 0 : random() % (branch.total() + 1);
    profile.needs[source] = {count(), random() % 3 == 0 ? count() : 0, 0};
    profile.switches[source].other = count();
    ValueTable& table = profile.values[source];
    for (uint64_t n = random() % 4; n > 0; --n) table.top.push_back({random() % 64, count()});
    for (const ValueTable::Entry& entry : table.top) table.total += entry.count;
    table.normalise();
  });
  return profile;
}

std::vector<std::pair<std::string, Choices>> all_choices() {
  constexpr std::pair<const char*, bool Choices::*> kPasses[] = {
      {"fold_facts", &Choices::fold_facts},   {"order_terms", &Choices::order_terms},
      {"set_shapes", &Choices::set_shapes},   {"guards", &Choices::guards},
      {"hoist_needs", &Choices::hoist_needs}, {"if_convert", &Choices::if_convert},
      {"wide_loads", &Choices::wide_loads},   {"layout", &Choices::layout}};
  std::vector<std::pair<std::string, Choices>> all{{"all", {}}};
  Choices none;
  for (const auto& [name, chosen] : kPasses) none.*chosen = false;
  all.push_back({"none", none});
  for (const auto& [name, chosen] : kPasses) {
    Choices alone = none;
    alone.*chosen = true;
    all.push_back({std::string(name) + " alone", alone});
    Choices without;
    without.*chosen = false;
    all.push_back({std::string("without ") + name, without});
  }
  return all;
}

}  // namespace ipjit::ir
