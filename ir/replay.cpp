// SPDX-License-Identifier: BSD-2-Clause
// Samples in, profile out.
//
// What a run tells is written down first and counted when it has ended, because a run that wants a
// byte that was not copied must leave no trace: counting only its first half would say that every
// long path is rare.
//
// Sites of one source are counted together, but each branch is guessed by itself: two copies of a
// test are two branches to a processor.
//
// Tested by tests/ir/replay_test.cpp.
#include "ir/replay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "ir/interpreter.h"
#include "ir/joint_counter.h"
#include "ir/predictor.h"
#include "ir/value_counter.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kNoSlot = 0xffffffff;

}  // namespace

class Replayer::Watch {
 public:
  explicit Watch(const Program& program)
      : p_(program),
        digest_(digest(program)),
        slot_(program.insns.size(), kNoSlot),
        ways_(program.blocks.size()),
        counters_(program.counters),
        predictor_(static_cast<uint32_t>(program.blocks.size())),
        interpreter_(p_, *this) {
    std::map<uint32_t, uint32_t> values;
    std::map<uint32_t, uint32_t> needs;
    for (uint32_t i = 0; i < p_.insns.size(); ++i) {
      const Insn& insn = p_.insns[i];
      if (insn.source == kNoSource) continue;
      if (insn.op == Op::kNeed) {
        slot_[i] = slot_of(needs, insn.source, need_sources_);
      } else if (insn.op == Op::kMeta || load_size(insn.op) != 0) {
        slot_[i] = slot_of(values, insn.source, value_sources_);
      }
    }
    values_.resize(value_sources_.size());
    needs_.resize(need_sources_.size());
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      const Term& term = p_.blocks[b].term;
      if (term.source == kNoSource) continue;
      if (term.kind == TermKind::kBranch) ways_[b].resize(2);
      if (term.kind == TermKind::kSwitch) ways_[b].resize(term.case_count + 1);
    }
  }

  uint64_t packet(const Sample& sample, const ipjit_ctx& ctx) {
    sample_ = &sample;
    th_len_ = ctx.th_len;
    cut_ = false;
    met_needs_.clear();
    met_values_.clear();
    met_ways_.clear();
    ipjit_ctx own = ctx;
    own.actions = &actions_;
    own.counters = counters_.data();
    actions_.count = 0;
    const uint64_t result = interpreter_.run(sample.head.data(), sample.cap_len, own);
    if (cut_) {
      ++profile_.discarded;
      follows_ = false;  // what it would have taught the predictor is missing
    } else {
      count(result, sample.follows && follows_);
      follows_ = true;
    }
    return result;
  }

  uint64_t packets() const { return profile_.packets; }

  Profile take() {
    Profile profile = std::exchange(profile_, {});
    profile.program = digest_;
    profile.results = results_.take();
    for (uint32_t i = 0; i < needs_.size(); ++i) {
      if (needs_[i].total() != 0) profile.needs[need_sources_[i]] = needs_[i];
      needs_[i] = {};
    }
    for (uint32_t i = 0; i < values_.size(); ++i) {
      ValueTable table = values_[i].take();
      if (table.total != 0) profile.values[value_sources_[i]] = std::move(table);
    }
    for (uint32_t b = 0; b < ways_.size(); ++b) take_ways(b, profile);
    profile.joint = joint_.take();
    predictor_.forget_counts();
    return profile;
  }

  // --- what the interpreter tells
  bool may_load(const Insn& insn, uint64_t place) {
    const bool data = insn.base == Base::kData;
    const uint64_t copied = data ? sample_->head.size() : std::min(sample_->th_copied, th_len_);
    cut_ = place + load_size(insn.op) > copied;
    return !cut_;
  }

  void need(const Insn& insn, bool passed) {
    const uint32_t slot = slot_[&insn - p_.insns.data()];
    if (slot != kNoSlot) met_needs_.push_back({slot, passed});
  }

  void value(const Insn& insn, uint64_t value) {
    const uint32_t slot = slot_[&insn - p_.insns.data()];
    if (slot != kNoSlot) met_values_.emplace_back(slot, value);
  }

  void branch(BlockId at, const Term&, bool taken) {
    met_ways_.emplace_back(index(at), taken ? 1 : 0);
  }

  void switched(BlockId at, const Term&, uint32_t way) { met_ways_.emplace_back(index(at), way); }

 private:
  struct MetNeed {
    uint32_t slot = 0;
    bool passed = false;
  };

  static uint32_t slot_of(std::map<uint32_t, uint32_t>& slots, uint32_t source,
                          std::vector<uint32_t>& sources) {
    const auto [it, fresh] = slots.try_emplace(source, static_cast<uint32_t>(sources.size()));
    if (fresh) sources.push_back(source);
    return it->second;
  }

  void count(uint64_t result, bool follows) {
    ++profile_.packets;
    if (ipjit_result_status(result) == IPJIT_DONE && ipjit_result_value(result) != 0)
      ++profile_.matched;
    results_.add(result);
    ++profile_.lengths[std::min(sample_->cap_len, Profile::kLongest)];
    bool first = true;
    for (const MetNeed& met : met_needs_) {
      NeedCounts& counts = needs_[met.slot];
      ++(met.passed ? counts.passed : counts.failed);
      if (!met.passed && std::exchange(first, false)) ++counts.first;
    }
    for (auto& [slot, value] : met_values_) {
      values_[slot].add(value);
      slot = value_sources_[slot];
    }
    joint_.packet(met_values_);
    predictor_.packet(follows);
    for (const auto& [block, way] : met_ways_) {
      if (!ways_[block].empty()) ++ways_[block][way];
      if (p_.blocks[block].term.kind == TermKind::kBranch) {
        predictor_.branch(block, way == 1);
      } else {
        predictor_.switched(block, way);
      }
    }
  }

  void take_ways(uint32_t b, Profile& profile) {
    std::vector<uint64_t>& ways = ways_[b];
    uint64_t runs = 0;
    for (uint64_t count : ways) runs += count;
    if (runs == 0) return;
    const Term& term = p_.blocks[b].term;
    const auto misses =
        static_cast<uint64_t>(std::llround(predictor_.rate(b) * static_cast<double>(runs)));
    if (term.kind == TermKind::kBranch) {
      BranchCounts& counts = profile.branches[term.source];
      counts.other += ways[0];
      counts.taken += ways[1];
      counts.mispredicted += misses;
    } else {
      SwitchCounts& counts = profile.switches[term.source];
      for (uint32_t i = 0; i < term.case_count; ++i)
        if (ways[i] != 0) counts.cases[p_.cases[term.cases + i].value] += ways[i];
      counts.other += ways[term.case_count];
      counts.mispredicted += misses;
    }
    std::fill(ways.begin(), ways.end(), 0);
  }

  const Program p_;
  const uint64_t digest_;
  std::vector<uint32_t> slot_;  // by instruction: into needs_ or values_
  std::vector<uint32_t> need_sources_;
  std::vector<uint32_t> value_sources_;
  std::vector<NeedCounts> needs_;
  std::vector<ValueCounter> values_;
  std::vector<std::vector<uint64_t>> ways_;  // by block: other, taken; or cases, other
  ValueCounter results_;
  JointCounter joint_;
  std::vector<uint64_t> counters_;
  ipjit_actions actions_ = {};
  Predictor predictor_;
  Profile profile_;  // packets, discarded, matched, lengths; the rest is above

  // the run that is under way
  const Sample* sample_ = nullptr;
  uint64_t th_len_ = 0;
  bool cut_ = false;
  bool follows_ = false;
  std::vector<MetNeed> met_needs_;
  std::vector<JointCounter::Field> met_values_;
  std::vector<std::pair<uint32_t, uint32_t>> met_ways_;  // block, way
  Interpreter<Watch> interpreter_;
};

Replayer::Replayer(const Program& program) : watch_(std::make_unique<Watch>(program)) {}
Replayer::~Replayer() = default;
Replayer::Replayer(Replayer&&) noexcept = default;
Replayer& Replayer::operator=(Replayer&&) noexcept = default;

uint64_t Replayer::packet(const Sample& sample, const ipjit_ctx& ctx) {
  return watch_->packet(sample, ctx);
}

uint64_t Replayer::packets() const { return watch_->packets(); }

Profile Replayer::take() { return watch_->take(); }

}  // namespace ipjit::ir
