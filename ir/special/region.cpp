// SPDX-License-Identifier: BSD-2-Clause
// Grows a region: a walk in block order from its head.
//
//   b4: br v0 == 0x800 -> b5, b10        head b4, kept {}: members 4 5 6 9 10, no side
//   b5: br v4 == 6 -> b6, b10            head b4, kept {6}: members 4 5 10, side 6
//   b6: br v5 == 80 -> b9, b10
//   b9: ret 262144
//   b10: ret 0
//
// A block that other blocks lead to as well may be a member: the region is a copy, with one entry,
// and the block stays for the others.  So a member's packets are those that come through the
// region, and its reach is counted from the head on.
//
// Cost: O(members log members).  Tested by tests/special/.
#include "ir/special/region.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/edges.h"
#include "ir/special/cost.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxMembers = 48;
constexpr uint32_t kMaxInstructions = 192;
constexpr uint32_t kMaxCases = 8;      // of a switch: each becomes a test
constexpr double kLeastPassed = 0.97;  // of a need: who fails leaves, and starts again

constexpr uint32_t kNoDefinition = 0xffffffff;

bool leaves_trace(Op op) { return op == Op::kEffect || op == Op::kCount; }

/// What is known of a block before the walk arrives there.
struct Entered {
  uint32_t edges = 0;
  double share = 0;
};

class Grow {
 public:
  Grow(const Convertible& of, const std::vector<uint32_t>& kept)
      : of_(of), p_(of.program), kept_(kept) {}

  Region run(uint32_t head) {
    entered_[head] = {1, 1};
    while (!entered_.empty()) {
      const uint32_t b = entered_.begin()->first;
      const Entered how = entered_.begin()->second;
      if (b != head && !fits(b, how)) {
        outside_.insert(b);
        entered_.erase(entered_.begin());
        continue;
      }
      entered_.erase(entered_.begin());
      add(b, how.share);
    }
    find_sides();
    return std::move(region_);
  }

 private:
  bool fits(uint32_t b, const Entered& how) const {
    const Block& block = p_.blocks[b];
    return of_.may[b] != 0 && (block.param_count == 0 || how.edges == 1) &&
           !std::binary_search(kept_.begin(), kept_.end(), b) &&
           region_.members.size() < kMaxMembers &&
           region_.instructions + block.count < kMaxInstructions;
  }

  void add(uint32_t b, double share) {
    region_.members.push_back(b);
    region_.reach.push_back(share);
    const Block& block = p_.blocks[b];
    region_.instructions += block.count;
    double here = share;
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      const Insn& insn = p_.insns[i];
      region_.cycles += here * cost_of(p_, insn);
      if (insn.op != Op::kNeed) continue;
      const double failed = here * (1 - of_.flow.passed[i]);
      region_.cycles += failed * kCosts.mispredict;
      here -= failed;
    }
    region_.cycles += here * cost_of(p_, block.term);
    region_.mispredicts += here * of_.flow.mispredicted[b];
    region_.cycles += here * of_.flow.mispredicted[b] * kCosts.mispredict;
    ends_.push_back(here);
    uint32_t i = 0;
    for_each_edge(p_, block.term, [&](const Edge& edge) {
      Entered& to = entered_[index(edge.to)];
      ++to.edges;
      to.share += here * of_.share(b, i++);
    });
  }

  void find_sides() {
    for (size_t m = 0; m < region_.members.size(); ++m) {
      const uint32_t b = region_.members[m];
      uint32_t i = 0;
      for_each_edge(p_, p_.blocks[b].term, [&](const Edge& edge) {
        const double share = of_.share(b, i++);
        if (outside_.contains(index(edge.to))) add_side(edge, m, share);
      });
    }
    const auto rank = [&](const Side& side) {
      return std::pair(of_.leaves[side.block] == 0, side.block);
    };
    std::ranges::stable_sort(region_.sides, {}, rank);
  }

  void add_side(const Edge& edge, size_t member, double share) {
    const auto args = p_.args_of(edge);
    auto at = std::find_if(region_.sides.begin(), region_.sides.end(),
                           [&](const Side& side) { return side.is(index(edge.to), args); });
    if (at == region_.sides.end()) {
      region_.sides.push_back({index(edge.to), {args.begin(), args.end()}, 0});
      at = region_.sides.end() - 1;
    }
    at->share += ends_[member] * share;
  }

  const Convertible& of_;
  const Program& p_;
  const std::vector<uint32_t>& kept_;
  std::map<uint32_t, Entered> entered_;  ///< blocks that members lead to, not judged yet
  std::set<uint32_t> outside_;
  std::vector<double> ends_;  ///< by position: share that comes to the block's end
  Region region_;
};

bool may_convert(const Program& p, const Flow& flow, const Block& block) {
  const Term& term = block.term;
  if (term.kind != TermKind::kJump && term.kind != TermKind::kBranch &&
      term.kind != TermKind::kRet && term.kind != TermKind::kSwitch)
    return false;
  if (term.kind == TermKind::kSwitch && term.case_count > kMaxCases) return false;
  for (uint32_t i = block.first; i < block.first + block.count; ++i) {
    if (leaves_trace(p.insns[i].op)) return false;
    if (p.insns[i].op == Op::kNeed && flow.passed[i] < kLeastPassed) return false;
  }
  return true;
}

}  // namespace

bool Side::is(uint32_t to, std::span<const ValueId> values) const {
  return block == to && std::equal(args.begin(), args.end(), values.begin(), values.end());
}

uint32_t Region::position_of(uint32_t block) const {
  const auto at = std::lower_bound(members.begin(), members.end(), block);
  return at != members.end() && *at == block ? static_cast<uint32_t>(at - members.begin()) : kNotIn;
}

Convertible::Convertible(const Program& program, const Profile& profile,
                         std::vector<uint8_t> leaves)
    : program(program),
      profile(profile),
      flow(flow_of(program, profile)),
      leaves(std::move(leaves)) {
  may.reserve(program.blocks.size());
  for (const Block& block : program.blocks)
    may.push_back(may_convert(program, flow, block) ? 1 : 0);
  definitions_.assign(program.values.size(), kNoDefinition);
  for (uint32_t i = 0; i < program.insns.size(); ++i)
    if (program.insns[i].result != kNoValue) definitions_[index(program.insns[i].result)] = i;
}

double Convertible::share(uint32_t block, uint32_t i) const {
  const Term& term = program.blocks[block].term;
  if (term.kind == TermKind::kSwitch) return case_share(program, term, i, profile);
  if (term.kind == TermKind::kJump) return 1;
  return i == 0 ? flow.taken[block] : 1 - flow.taken[block];
}

const Insn* Convertible::definition(ValueId id) const {
  const uint32_t at = index(id) < definitions_.size() ? definitions_[index(id)] : kNoDefinition;
  return at == kNoDefinition ? nullptr : &program.insns[at];
}

Region grow_region(const Convertible& of, uint32_t head, const std::vector<uint32_t>& kept) {
  return Grow(of, kept).run(head);
}

}  // namespace ipjit::ir
