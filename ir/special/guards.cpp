// SPDX-License-Identifier: BSD-2-Clause
// A program for packets in which some fields have the values that they nearly always have.
//
//   b1: ...                               b1: ...
//       v1 = load_u8 14                       v1 = load_u8 14
//       v2 = and v1, 15                       br v1 == 0x45 -> b2, leave      98 % of runs
//       v3 = shl v2, 2             ==>    b2: need 36 else b9
//       need v3 + 16 else b9                  v2 = load_be16 34
//       v4 = load_be16 v3 + 14                br v2 == 80 -> b8, b9
//       br v4 == 80 -> b8, b9
//
// Behind its guard a value is a constant, and the passes of optimize() fold what hangs on it: tests
// are decided, offsets become constants, needs become one, loads can be joined.  A packet that
// fails a guard goes to the general program from its beginning, so a guard may stand behind any
// load or field before which nothing has been recorded.
//
// Which values: sets of up to four sites, grown one by one and shrunk one by one, each tried by
// making the program and asking the cost model, which judges a guard by the table of its load and
// counts what the table has discarded as failures.  A guard behind others is judged by the groups,
// where they know its field together with theirs: packets that are odd in one field are often odd
// in the next, and have left before.  Those that fail pay for the general program on top, and for
// finding it cold (CostTable::leaving): its code, and its branches, which are all the unusual way.
// More than kMostFailures of the packets may not fail, whatever is saved.
//
// What comes behind may gain from a guard (offsets that are constant make shorter data flow) or
// lose by it; so specialise() goes on with and without the guards and keeps what is cheaper.
//
// Cost: a few dozen times optimize() for a small program, fewer for large ones.
// Tested by tests/special/.
#include <algorithm>
#include <optional>
#include <utility>

#include "ir/edges.h"
#include "ir/special/block_order.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxGuards = 4;
constexpr size_t kMaxSites = 6;         // tried
constexpr size_t kLarge = 1000;         // instructions: a trial costs as many times more
constexpr double kLeastShare = 0.9;     // of a site's runs
constexpr double kMostFailures = 0.04;  // of all packets; the policy retreats at 0.1
constexpr double kLeastGain = 0.1;      // cycles per packet
constexpr uint64_t kLeastRuns = 100;

/// A load or field that nearly always has one value.
struct Site {
  uint32_t insn = 0;
  uint32_t block = 0;
  uint64_t value = 0;
  double share = 0;  ///< of its runs
  double runs = 0;   ///< per packet
};

using Set = std::vector<uint32_t>;  ///< indices of sites

struct Trial {
  Set set = {};
  double fails = 0;   ///< share of packets that leave
  double cycles = 0;  ///< of a packet, all in
  double gain = 0;    ///< cycles per packet
};

class Guards {
 public:
  explicit Guards(Work& work) : work_(work), p_(work.program), tried_(work) {}

  bool run() {
    if (work_.profile.packets < kLeastRuns || !can_leave(work_)) return false;
    find_sites();
    if (sites_.empty()) return false;
    now_ = cycles_with_leaving(work_);
    const Trial grown = grow();
    const Trial shrunk = p_.insns.size() > kLarge ? Trial() : shrink();
    const Trial& best = shrunk.gain > grown.gain ? shrunk : grown;
    if (best.gain < kLeastGain) {
      work_.say("guards", "none of " + std::to_string(sites_.size()) +
                              " values pays: the best set gains " + decimals(best.gain) +
                              " cycles");
      return false;
    }
    say(best);
    guard(work_, best.set);
    return true;
  }

 private:
  // --- candidates
  void find_sites() {
    const Flow flow = flow_of(p_, work_.profile);
    const std::vector<uint8_t> may = may_leave(work_);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (may[b] == 0) continue;
      const Block& block = p_.blocks[b];
      double runs = flow.reach[b];
      for (uint32_t i = block.first; i < block.first + block.count; ++i) {
        const Insn& insn = p_.insns[i];
        if (insn.op == Op::kEffect || insn.op == Op::kCount) break;
        runs *= flow.passed[i];
        if (insn.op == Op::kMeta || load_size(insn.op) != 0) add_site(i, b, runs);
      }
    }
    // Stable: of equals, those that come first.
    std::ranges::stable_sort(sites_, [](const Site& x, const Site& y) { return x.runs > y.runs; });
    const size_t most = p_.insns.size() > kLarge ? 2 : kMaxSites;
    if (sites_.size() > most) sites_.resize(most);
  }

  void add_site(uint32_t insn, uint32_t block, double runs) {
    const uint32_t source = p_.insns[insn].source;
    const ValueTable* values = source == kNoSource ? nullptr : work_.profile.value(source);
    if (values == nullptr || values->top.empty() || values->total < kLeastRuns) return;
    const double share =
        static_cast<double>(values->top[0].count) / static_cast<double>(values->total);
    if (share < kLeastShare || runs * (1 - share) > kMostFailures) return;
    sites_.push_back({insn, block, values->top[0].value, share, runs});
  }

  // --- trials
  Trial grow() {
    Trial best;
    while (best.set.size() < kMaxGuards) {
      Trial next;
      for (uint32_t s = 0; s < sites_.size(); ++s) {
        if (std::ranges::count(best.set, s) != 0) continue;
        Set set = best.set;
        set.push_back(s);
        const Trial tried = try_set(set);
        if (next.set.empty() || tried.gain > next.gain) next = tried;
      }
      if (next.set.empty() || next.gain < best.gain + kLeastGain) return best;
      best = next;
    }
    return best;
  }

  Trial shrink() {
    Set all;
    for (uint32_t s = 0; s < sites_.size() && s < kMaxGuards; ++s) all.push_back(s);
    Trial best = try_set(all);
    for (Trial now = best; now.set.size() > 1;) {
      Trial next;
      for (uint32_t without = 0; without < now.set.size(); ++without) {
        Set set = now.set;
        set.erase(set.begin() + without);
        const Trial tried = try_set(set);
        if (next.set.empty() || tried.gain > next.gain) next = tried;
      }
      now = next;
      if (now.gain > best.gain) best = now;
    }
    return best;
  }

  Trial try_set(const Set& set) {
    Work& made = tried_;
    made.program = p_;
    guard(made, set);
    tidy(made);
    merge_needs(made.program, made.ws);
    Trial trial{set, 0, 0, 0};
    trial.fails = leaving_share(made);
    trial.cycles = cycles_with_leaving(made);
    trial.gain = trial.fails > kMostFailures ? 0 : now_ - trial.cycles;
    return trial;
  }

  // --- the program
  /// By block: the sites of the set that every way to it has passed, as bits.
  std::vector<uint32_t> passed_before(const Set& set) const {
    std::vector<uint32_t> passed(p_.blocks.size(), ~uint32_t{0});
    if (!passed.empty()) passed[0] = 0;
    // Block order is topological: what comes before a block is known when the walk arrives there.
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      uint32_t behind = passed[b];
      const auto reach = [&](BlockId to) { passed[index(to)] &= behind; };
      const Block& block = p_.blocks[b];
      for (uint32_t i = block.first; i < block.first + block.count; ++i) {
        if (p_.insns[i].op == Op::kNeed) reach(p_.insns[i].fail);
        for (uint32_t s : set)
          if (sites_[s].insn == i) behind |= uint32_t{1} << s;
      }
      for_each_edge(p_, block.term, [&](const Edge& edge) { reach(edge.to); });
    }
    return passed;
  }

  /// Of the packets that come to the site through the guards before it, the share with its value;
  /// nothing where no group says more than the site's own table.
  std::optional<double> share_behind(uint32_t s, const Set& set, uint32_t passed) const {
    std::vector<std::pair<uint32_t, uint64_t>> fields;
    for (uint32_t other : set) {
      const Site& site = sites_[other];
      const bool above = site.block == sites_[s].block && site.insn < sites_[s].insn;
      if (above || (passed >> other & 1) != 0)
        fields.emplace_back(p_.insns[site.insn].source, site.value);
    }
    if (fields.empty()) return std::nullopt;
    fields.emplace_back(p_.insns[sites_[s].insn].source, sites_[s].value);
    const std::optional<double> share = work_.profile.share_of_last(fields);
    return share && *share > sites_[s].share ? share : std::nullopt;
  }

  /// Cuts the sites' blocks behind their sites.
  void guard(Work& work, Set set) const {
    Program& p = work.program;
    const std::vector<uint32_t> passed = passed_before(set);
    std::vector<std::optional<double>> shares(sites_.size());
    for (uint32_t s : set) shares[s] = share_behind(s, set, passed[sites_[s].block]);
    // From the back: of two sites in a block, the later one is cut off first.
    std::ranges::sort(set, [&](uint32_t x, uint32_t y) { return sites_[x].insn > sites_[y].insn; });
    const BlockId leave = leave_block(work);
    for (uint32_t s : set) {
      cut(p, sites_[s], leave);
      if (const std::optional<double> share = shares[s])
        p.blocks[sites_[s].block].term.source =
            source_of_made(work, *share, std::min(*share, 1 - *share));
    }
    std::vector<uint32_t> order = forward_order(p);
    std::erase(order, index(leave));
    order.push_back(index(leave));
    reorder_blocks(p, order);
  }

  /// The block ends in the guard; a new one goes on with the constant.
  static void cut(Program& p, const Site& site, BlockId leave) {
    const ValueId value = p.insns[site.insn].result;
    const ValueId tested = p.add_value(p.insns[site.insn].type);
    Insn constant;
    constant.op = Op::kConst;
    constant.type = p.insns[site.insn].type;
    constant.result = value;
    constant.imm = site.value;
    p.insns[site.insn].result = tested;
    Block& block = p.blocks[site.block];
    Block behind;
    const uint32_t end = block.first + block.count;
    behind.first = static_cast<uint32_t>(p.insns.size());
    behind.count = end - site.insn;
    behind.term = block.term;
    std::vector<Insn> insns{constant};
    insns.insert(insns.end(), p.insns.begin() + site.insn + 1, p.insns.begin() + end);
    p.insns.insert(p.insns.end(), insns.begin(), insns.end());
    block.count = site.insn + 1 - block.first;
    block.term = Term{.kind = TermKind::kBranch, .a = tested, .imm = site.value};
    block.term.taken.to = BlockId{static_cast<uint32_t>(p.blocks.size())};
    block.term.other.to = leave;
    p.blocks.push_back(behind);
  }

  void say(const Trial& best) {
    std::string what;
    for (uint32_t s : best.set) {
      const Insn& read = p_.insns[sites_[s].insn];
      const std::string place = read.op == Op::kMeta ? word_of(static_cast<ipjit_field>(read.imm))
                                                     : std::to_string(read.imm);
      what += (what.empty() ? "" : ", ") + std::string(word_of(read.op)) +
              (read.base == Base::kTransport ? " th " : " ") +
              (read.op != Op::kMeta && read.a != kNoValue ? "v + " : "") + place +
              " == " + std::to_string(sites_[s].value) + " in " + decimals(sites_[s].share * 100) +
              " % of runs";
    }
    work_.say("guards", what + ": " + decimals(now_) + " cycles become " + decimals(best.cycles) +
                            "; " + decimals(best.fails * 100) + " % of packets leave");
  }

  Work& work_;
  Program& p_;
  Work tried_;  ///< one for all trials: its profile and its buffers are not copied again
  std::vector<Site> sites_;
  double now_ = 0;  ///< cycles of a packet without guards
};

}  // namespace

double leaving_share(const Work& work) {
  const std::vector<double> reach = block_counts(work.program, work.profile);
  double share = 0;
  for (uint32_t b = 0; b < reach.size(); ++b)
    if (is_leave(work, work.program.blocks[b])) share += reach[b];
  return share;
}

double cycles_with_leaving(const Work& work) {
  const double here = expected_cost(work.program, work.profile).cycles;
  const double share = leaving_share(work);
  if (share == 0) return here;
  // Who leaves has been called, its bytes are there, and wrong guesses are in `leaving`.
  const Cost general = expected_cost(work.general, work.profile);
  const double known = kCosts.call + kCosts.packet + general.mispredicts * kCosts.mispredict;
  return here + share * (general.cycles - known + kCosts.leaving);
}

bool guards(Work& work) { return Guards(work).run(); }

}  // namespace ipjit::ir
