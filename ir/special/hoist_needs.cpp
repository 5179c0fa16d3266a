// SPDX-License-Identifier: BSD-2-Clause
// One bounds check at the entry for all that nearly every packet passes.
//
//   b0: need 14 else b9                     b0: need 34 else b10
//       v0 = load_be16 12                       v0 = load_be16 12
//       br v0 == 0x800 -> b1, b9      ==>       br v0 == 0x800 -> b1, b9
//   b1: need 34 else b9                     b1: v1 = load_u8 23
//       v1 = load_u8 23                         ...
//       ...                                 b10: count 0, then the general program
//
// merge_needs() may do this only where both checks fail to the same block and every way behind the
// first asks for the second.  Here a short packet leaves, and the general program finds out what it
// wants, so any of it is legal; the profile says what pays.  What it says is a lower bound: a
// packet that passed a need of N bytes has them, of one that was never asked nothing is known.  So
// the entry asks for the largest N that at least kNearlyAll of the packets are known to have.
//
// It saves little by itself; but loads that are legal everywhere can move, merge and be speculated.
//
// Cost: one walk for each distinct place, of which there are at most kMaxPlaces.
// Tested by tests/special/, cases hoist_needs_*.
#include <algorithm>
#include <cstdio>
#include <set>

#include "ir/edges.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

constexpr double kNearlyAll = 0.95;
constexpr size_t kMaxPlaces = 32;

class HoistNeeds {
 public:
  explicit HoistNeeds(Work& work) : work_(work), p_(work.program) {}

  bool run() {
    if (work_.profile.empty() || !can_leave(work_)) return false;
    flow_ = flow_of(p_, work_.profile);
    const bool data = hoist(Base::kData);
    const bool transport = hoist(Base::kTransport);
    return data || transport;
  }

 private:
  bool hoist(Base base) {
    const std::vector<uint64_t> places = places_of(base);
    // From the largest: the first that is known of nearly all packets is the best.
    const size_t least = places.size() - std::min(places.size(), kMaxPlaces);
    for (size_t i = places.size(); i > least;) {
      --i;
      if (places[i] <= asked_at_entry(base)) return false;
      const double known = share_with(base, places[i]);
      if (known < kNearlyAll) continue;
      insert(base, places[i]);
      char text[128];
      std::snprintf(text, sizeof text, "need %s%llu at the entry: known of %.1f %% of packets",
                    base == Base::kTransport ? "th " : "",
                    static_cast<unsigned long long>(places[i]), 100 * known);
      work_.say("hoist-needs", text);
      return true;
    }
    return false;
  }

  std::vector<uint64_t> places_of(Base base) const {
    std::set<uint64_t> places;
    for (const Insn& insn : p_.insns)
      if (insn.op == Op::kNeed && insn.base == base && insn.a == kNoValue) places.insert(insn.imm);
    return {places.begin(), places.end()};
  }

  /// What every packet is asked for first: to ask for no more changes nothing.
  uint64_t asked_at_entry(Base base) const {
    uint64_t asked = 0;
    for (const Insn& insn : p_.insns_of(p_.blocks[0]))
      if (insn.op == Op::kNeed && insn.base == base && insn.a == kNoValue)
        asked = std::max(asked, insn.imm);
    return asked;
  }

  /// The share of packets that pass a need of at least `bytes`.
  double share_with(Base base, uint64_t bytes) const {
    // Follows the packets that were not asked yet.
    std::vector<double> unasked(p_.blocks.size(), 0);
    unasked[0] = 1;
    double passed = 0;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      const Block& block = p_.blocks[b];
      double here = unasked[b];
      for (uint32_t i = block.first; i < block.first + block.count && here > 0; ++i) {
        const Insn& insn = p_.insns[i];
        if (insn.op != Op::kNeed) continue;
        unasked[index(insn.fail)] += here * (1 - flow_.passed[i]);
        here *= flow_.passed[i];
        if (insn.base == base && insn.a == kNoValue && insn.imm >= bytes) {
          passed += here;
          here = 0;
        }
      }
      if (here > 0) follow(b, here, unasked);
    }
    return passed;
  }

  void follow(uint32_t b, double here, std::vector<double>& unasked) const {
    const Term& term = p_.blocks[b].term;
    if (term.kind == TermKind::kSwitch) {
      for (uint32_t i = 0; i <= term.case_count; ++i) {
        const Edge& edge = i < term.case_count ? p_.cases[term.cases + i].edge : term.other;
        unasked[index(edge.to)] += here * case_share(p_, term, i, work_.profile);
      }
      return;
    }
    if (term.kind != TermKind::kJump && term.kind != TermKind::kBranch) return;
    unasked[index(term.taken.to)] += here * flow_.taken[b];
    if (term.kind == TermKind::kBranch)
      unasked[index(term.other.to)] += here * (1 - flow_.taken[b]);
  }

  void insert(Base base, uint64_t bytes) {
    Insn need;
    need.op = Op::kNeed;
    need.base = base;
    need.imm = bytes;
    need.fail = leave_block(work_);
    // The entry moves to the end of the pool with the need before it.
    Block& entry = p_.blocks[0];
    const uint32_t first = static_cast<uint32_t>(p_.insns.size());
    p_.insns.push_back(need);
    for (uint32_t i = 0; i < entry.count; ++i) p_.insns.push_back(p_.insns[entry.first + i]);
    entry.first = first;
    ++entry.count;
    flow_ = flow_of(p_, work_.profile);
  }

  Work& work_;
  Program& p_;
  Flow flow_;
};

}  // namespace

bool hoist_needs(Work& work) { return HoistNeeds(work).run(); }

}  // namespace ipjit::ir
