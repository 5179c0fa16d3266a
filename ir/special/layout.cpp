// SPDX-License-Identifier: BSD-2-Clause
// Puts hot blocks in a row and cold ones behind them.
//
//   b0: br v0 == 6 -> b1, b2            b0: br v0 == 6 -> b2, b1       17 in 95 of 100 packets
//   b1: ...                             b1: br v0 == 17 -> b3, b5
//   b2: br v0 == 17 -> b3, b5    ==>    b3: ...
//   b3: ...                             b2: ...
//   b5: ...                             b5: ...
//
// Both tiers emit blocks in the IR's order and fall through to the next one, so the order of blocks
// is the order of code.  Code only jumps forward, so it is a topological order too: a hot block has
// to wait for a cold one that leads to it.  Blocks are placed one by one: behind each the successor
// that it most often goes to, if all that leads there is placed; otherwise, of the blocks that may
// come next, the one with the hottest block somewhere behind it.  So a cold block comes early only
// if it holds up a hot one.
//
// Nothing but the order changes, and only if fewer packets then jump, or as many and fewer cold
// blocks stand among the hot ones.
//
// Cost: linear, but for a search among the blocks that may come next; kMaxReady bounds it.
// Tested by tests/special/.
#include "ir/special/layout.h"

#include <algorithm>

#include "ir/edges.h"
#include "ir/special/block_order.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

constexpr double kLeastGain = 0.001;  // jumps per packet
constexpr double kLikely = 0.05;      // share of a block's packets that makes a way worth following
constexpr size_t kMaxReady = 64;      // looked at; there are more only in switches of many cases

/// Calls visit(block id, packets) for each way out of block `b`.
template <class Visit>
void for_each_flow(const Program& program, const Profile& profile, const Flow& flow, uint32_t b,
                   Visit visit) {
  const Block& block = program.blocks[b];
  double packets = flow.reach[b];
  for (uint32_t i = block.first; i < block.first + block.count; ++i) {
    if (program.insns[i].op != Op::kNeed) continue;
    visit(index(program.insns[i].fail), packets * (1 - flow.passed[i]));
    packets *= flow.passed[i];
  }
  const Term& t = block.term;
  if (t.kind == TermKind::kSwitch)
    for (uint32_t c = 0; c < t.case_count; ++c)
      visit(index(program.cases[t.cases + c].edge.to),
            packets * case_share(program, t, c, profile));
  if (t.kind == TermKind::kSwitch)
    visit(index(t.other.to), packets * case_share(program, t, t.case_count, profile));
  if (t.kind == TermKind::kJump) visit(index(t.taken.to), packets);
  if (t.kind != TermKind::kBranch) return;
  visit(index(t.taken.to), packets * flow.taken[b]);
  visit(index(t.other.to), packets * (1 - flow.taken[b]));
}

class Layout {
 public:
  explicit Layout(const Program& program, const Profile& profile)
      : p_(program), profile_(profile), flow_(flow_of(program, profile)) {}

  std::vector<uint32_t> order() {
    find_ways();
    std::vector<uint32_t> order;
    order.reserve(p_.blocks.size());
    for (uint32_t b = 0; b != kNone; b = next(b)) {
      order.push_back(b);
      for_each_way(p_, b, [&](uint32_t to) {
        if (--waiting_[to] == 0) ready_.push_back(to);
      });
    }
    return order;
  }

  /// How many cold blocks stand before the last hot one.
  static uint32_t cold_between(const std::vector<uint32_t>& order,
                               const std::vector<uint8_t>& hot) {
    uint32_t cold = 0;
    uint32_t between = 0;
    for (uint32_t b : order) {
      if (hot[b] == 0) ++cold;
      if (hot[b] != 0) between = cold;
    }
    return between;
  }

  /// How many jumps a packet takes in the mean, with the blocks in this order.
  double jumps(const std::vector<uint32_t>& order) const {
    double jumps = 0;
    for (size_t i = 0; i < order.size(); ++i)
      for_each_flow(p_, profile_, flow_, order[i], [&](uint32_t to, double packets) {
        if (i + 1 == order.size() || order[i + 1] != to) jumps += packets;
      });
    return jumps;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffff;

  void find_ways() {
    const size_t count = p_.blocks.size();
    std::vector<uint8_t> reached(count, 0);
    reached[0] = 1;
    waiting_.assign(count, 0);
    for (uint32_t b = 0; b < count; ++b)
      if (reached[b] != 0)
        for_each_way(p_, b, [&](uint32_t to) {
          ++waiting_[to];
          reached[to] = 1;
        });
    // Endings do not count: nearly every block leads to one.
    hottest_ = flow_.reach;
    for (uint32_t b = static_cast<uint32_t>(count); b-- > 0;)
      for_each_way(p_, b, [&](uint32_t to) {
        if (leads_on(to)) hottest_[b] = std::max(hottest_[b], hottest_[to]);
      });
  }

  bool leads_on(uint32_t b) const {
    const TermKind kind = p_.blocks[b].term.kind;
    return kind == TermKind::kJump || kind == TermKind::kBranch || kind == TermKind::kSwitch;
  }

  uint32_t next(uint32_t last) {
    uint32_t best = kNone;
    double most = flow_.reach[last] * kLikely;
    for_each_flow(p_, profile_, flow_, last, [&](uint32_t to, double packets) {
      if (waiting_[to] != 0 || packets <= most) return;
      most = packets;
      best = to;
    });
    if (best == kNone) best = hottest();
    if (best != kNone) ready_.erase(std::ranges::find(ready_, best));
    return best;
  }

  uint32_t hottest() const {
    const size_t first = ready_.size() > kMaxReady ? ready_.size() - kMaxReady : 0;
    uint32_t best = kNone;
    for (size_t i = first; i < ready_.size(); ++i)
      if (best == kNone || comes_before(ready_[i], best)) best = ready_[i];
    return best;
  }

  bool comes_before(uint32_t a, uint32_t b) const {
    if (leads_on(a) != leads_on(b) && std::max(hottest_[a], hottest_[b]) >= kHotReach)
      return leads_on(a) ? hottest_[a] >= kHotReach : hottest_[b] < kHotReach;
    if (hottest_[a] != hottest_[b]) return hottest_[a] > hottest_[b];
    if (flow_.reach[a] != flow_.reach[b]) return flow_.reach[a] > flow_.reach[b];
    return a < b;
  }

  const Program& p_;
  const Profile& profile_;
  Flow flow_;
  std::vector<uint32_t> waiting_;  ///< by block: ways in, not placed yet
  std::vector<double> hottest_;    ///< by block: the reach of it or of the hottest behind it
  std::vector<uint32_t> ready_;
};

}  // namespace

std::vector<uint8_t> hot_blocks(const Program& program, const Profile& profile) {
  std::vector<uint8_t> hot(program.blocks.size(), 1);
  if (profile.empty()) return hot;
  const std::vector<double> reach = block_counts(program, profile);
  for (size_t b = 0; b < hot.size(); ++b) hot[b] = reach[b] >= kHotReach ? 1 : 0;
  return hot;
}

bool layout(Work& work) {
  Program& p = work.program;
  if (work.profile.empty() || p.blocks.size() < 3) return false;
  Layout layout(p, work.profile);
  std::vector<uint32_t> as_is(p.blocks.size());
  for (uint32_t b = 0; b < as_is.size(); ++b) as_is[b] = b;
  const std::vector<uint32_t> order = layout.order();
  const double before = layout.jumps(as_is);
  const double after = layout.jumps(order);
  const std::vector<uint8_t> hot = hot_blocks(p, work.profile);
  const std::string what = std::to_string(std::ranges::count(hot, 1)) + " of " +
                           std::to_string(hot.size()) + " blocks are hot, " +
                           std::to_string(before) + " jumps for each packet";
  const uint32_t cold_before = Layout::cold_between(as_is, hot);
  const uint32_t cold_after = Layout::cold_between(order, hot);
  const double gain = before - after;
  if (gain < kLeastGain && (gain < -kLeastGain || cold_after >= cold_before)) {
    work.say("layout", what + ", no better order");
    return false;
  }
  reorder_blocks(p, order);
  work.say("layout", what + ", " + std::to_string(after) + " in their new order; cold ones among " +
                         "them: " + std::to_string(cold_before) + ", now " +
                         std::to_string(cold_after));
  return true;
}

}  // namespace ipjit::ir
