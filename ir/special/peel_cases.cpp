// SPDX-License-Identifier: BSD-2-Clause
// Asks for a switch's most frequent case first.
//
//   switch v0 {1 -> b1, 2 -> b2,          br v0 == 4 -> b4, b8        4 in 90 % of packets
//              4 -> b4, 9 -> b5}     ==>  ...
//              else b6                    b8: switch v0 {1 -> b1, 2 -> b2, 9 -> b5} else b6
//
// A switch is a search through its cases, and cannot be a jump through a table, which the verifier
// would refuse.
//
// Hazard: what is left of the switch is another test than the profile has seen, and goes without a
// source number; the new test gets one, with the share of its case.
//
// Cost: one walk.  Tested by tests/special/.
#include "ir/special/peel_cases.h"

#include <algorithm>

#include "ir/special/block_order.h"
#include "ir/special/cost.h"

namespace ipjit::ir {
namespace {

constexpr double kLeastGain = 0.1;   // cycles per packet
constexpr uint64_t kLeastRuns = 32;  // of a switch, for its shares to mean something
constexpr uint32_t kLeastCases = 3;  // with fewer, the switch asks nothing else first

struct Peel {
  uint32_t block = 0;
  uint32_t hot = 0;  ///< case
  double share = 0;
  double missed = 0;
};

/// Makes the block's end a test of the case, and a new block of what is left of the switch.
void peel(Work& work, const Peel& at) {
  Program& p = work.program;
  Block rest;
  rest.term = p.blocks[at.block].term;
  rest.term.source = kNoSource;
  const Case hot = p.cases[rest.term.cases + at.hot];
  const std::vector<Case> cases(p.cases_of(rest.term).begin(), p.cases_of(rest.term).end());
  rest.term.cases = static_cast<uint32_t>(p.cases.size());
  for (const Case& c : cases)
    if (c.value != hot.value) p.cases.push_back(c);
  --rest.term.case_count;
  Term& test = p.blocks[at.block].term;
  test = Term{.kind = TermKind::kBranch, .a = rest.term.a, .imm = hot.value};
  test.source =
      source_of_made(work, at.share, std::min(at.missed, std::min(at.share, 1 - at.share)));
  test.taken = hot.edge;
  test.other = Edge{BlockId{static_cast<uint32_t>(p.blocks.size())}, 0, 0};
  p.blocks.push_back(rest);
}

}  // namespace

bool peel_cases(Work& work) {
  Program& p = work.program;
  const Flow flow = flow_of(p, work.profile);
  std::vector<Peel> peels;
  for (uint32_t b = 0; b < p.blocks.size(); ++b) {
    const Term& t = p.blocks[b].term;
    if (t.kind != TermKind::kSwitch || t.case_count < kLeastCases) continue;
    const SwitchCounts* counts = work.profile.switch_at(t.source);
    if (counts == nullptr || counts->total() < kLeastRuns) continue;
    uint32_t hot = 0;
    for (uint32_t i = 1; i < t.case_count; ++i)
      if (case_share(p, t, i, work.profile) > case_share(p, t, hot, work.profile)) hot = i;
    const double share = case_share(p, t, hot, work.profile);
    const double gain = flow.reach[b] * (share * cost_of(p, t) - kCosts.branch);
    const std::string what =
        "b" + std::to_string(b) + ": case " + std::to_string(p.cases[t.cases + hot].value) +
        " of " + std::to_string(t.case_count) + " in " + decimals(share * 100) + " % of runs";
    if (gain < kLeastGain) {
      work.say("order_terms", what + ", left in the switch");
      continue;
    }
    work.say("order_terms", what + ", asked first: saves " + decimals(gain) + " cycles");
    peels.push_back({b, hot, share, flow.mispredicted[b]});
  }
  for (const Peel& at : peels) peel(work, at);
  if (!peels.empty()) reorder_blocks(p, forward_order(p));
  return !peels.empty();
}

}  // namespace ipjit::ir
