// SPDX-License-Identifier: BSD-2-Clause
// Branches that mispredict become data flow; the predictable ones stay, because they skip work.
//
// For each block as a head, the region of all that it leads to (region.h) is written as straight
// code (straight.h) and priced against what it is now.  Then parts of it are taken out again, one
// block at a time with all that only it leads to, as long as that is cheaper: a rare protocol stays
// behind its branch.  The head and region that save most are rewritten, and the search goes on in
// what is left.
//
//   b0: br v0 == 0x86dd -> b1, b4     2 % taken: kept            region: b4 b5 b6 b8 b9
//   b4: br v0 == 0x800 -> b5, b9      3 % mispredicted       ==> one block, straight.cpp shows it
//   b5: br v4 == 6 -> b6, b9          12 %
//   b6: br v9 == 80 -> b8, b9         15 %
//
// What a misprediction costs is the largest number in the model, and the profile's predictor with
// history says how many there are; the critical path is not modelled, because packets follow each
// other and nothing but a misprediction keeps the processor from starting on the next.
//
// Cost: heads x members x size of the region, each bounded.  Tested by tests/special/.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "ir/edges.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"
#include "ir/special/region.h"
#include "ir/special/straight.h"

namespace ipjit::ir {
namespace {

constexpr int kMaxRounds = 4;
constexpr size_t kMaxHeads = 24;
constexpr size_t kMaxSeen = 128;     // heads, to find those
constexpr size_t kMaxPriced = 300;   // members of all regions tried in a round, a few us each
constexpr double kLeastSaved = 0.5;  // cycles of a packet
constexpr double kLeastMispredicted = 0.01;  // of a packet: else there is nothing to convert

struct Candidate {
  Region region;
  Straight straight;
  std::vector<uint32_t> kept;
  double saved = 0;  ///< cycles of a packet of the program, not of the region
};

class IfConvert {
 public:
  explicit IfConvert(Work& work)
      : work_(work),
        p_(work.program),
        of_(p_, work.profile, leaves(work)),
        clean_(may_leave(work)) {
    find_readable();
  }

  /// The best region of the program, if one pays.
  std::optional<Candidate> search() {
    std::optional<Candidate> best;
    for (uint32_t head : heads()) {
      std::optional<Candidate> found = shrink(head);
      if (found && (!best || found->saved > best->saved)) best = std::move(found);
    }
    return best;
  }

 private:
  static std::vector<uint8_t> leaves(const Work& work) {
    std::vector<uint8_t> leaves;
    for (const Block& block : work.program.blocks) leaves.push_back(is_leave(work, block) ? 1 : 0);
    return leaves;
  }

  void find_readable() {
    Forward walk;
    walk.begin(p_);
    readable_.resize(p_.blocks.size());
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (!walk.enter(b)) continue;
      readable_[b] = {walk.readable(Base::kData), walk.readable(Base::kTransport)};
      for (const Insn& insn : p_.insns_of(p_.blocks[b]))
        if (insn.op == Op::kNeed) walk.need(insn);
      for_each_edge(p_, p_.blocks[b].term, [&](const Edge& edge) { walk.reach(edge.to); });
    }
  }

  /// Blocks to begin at: those from which most is mispredicted.
  std::vector<uint32_t> heads() const {
    std::vector<std::pair<double, uint32_t>> found;
    size_t seen = 0;
    for (uint32_t b = 0; b < p_.blocks.size() && seen < kMaxSeen; ++b) {
      if (of_.may[b] == 0 || p_.blocks[b].term.kind == TermKind::kRet) continue;
      if (of_.flow.reach[b] < kLeastMispredicted) continue;
      ++seen;
      const Region region = grow_region(of_, b, {});
      const double events = of_.flow.reach[b] * region.mispredicts;
      if (events >= kLeastMispredicted) found.emplace_back(-events, b);
    }
    std::sort(found.begin(), found.end());
    if (found.size() > kMaxHeads) found.resize(kMaxHeads);
    std::vector<uint32_t> heads;
    for (const auto& [events, b] : found) heads.push_back(b);
    return heads;
  }

  /// Takes blocks out of the head's region as long as that saves more.
  std::optional<Candidate> shrink(uint32_t head) {
    std::optional<Candidate> best = price(head, {});
    std::vector<uint32_t> members = grow_region(of_, head, {}).members;
    for (bool better = true; better;) {
      better = false;
      std::optional<Candidate> next;
      for (size_t m = 1; m < members.size(); ++m) {
        if (p_.blocks[members[m]].term.kind == TermKind::kRet) continue;
        std::vector<uint32_t> kept = best ? best->kept : std::vector<uint32_t>();
        kept.insert(std::upper_bound(kept.begin(), kept.end(), members[m]), members[m]);
        std::optional<Candidate> tried = price(head, kept);
        if (tried && (!next || tried->saved > next->saved)) next = std::move(tried);
      }
      if (!next || (best && next->saved <= best->saved)) break;
      better = true;
      best = std::move(next);
      members = best->region.members;
    }
    return best;
  }

  std::optional<Candidate> price(uint32_t head, std::vector<uint32_t> kept) {
    if (priced_ >= kMaxPriced) return std::nullopt;
    Candidate made;
    made.region = grow_region(of_, head, kept);
    made.kept = std::move(kept);
    priced_ += made.region.members.size();
    if (made.region.members.size() < 2) return std::nullopt;
    std::optional<Straight> straight =
        straighten(of_, made.region, readable_[head].bytes, work_.choices.wide_loads);
    if (!straight || (straight->leaves && clean_[head] == 0)) return std::nullopt;
    made.saved = of_.flow.reach[head] * (made.region.cycles - straight->cycles);
    made.straight = std::move(*straight);
    return made;
  }

  struct Readable {
    uint64_t bytes[2] = {0, 0};
  };

  Work& work_;
  const Program& p_;
  Convertible of_;
  std::vector<uint8_t> clean_;
  std::vector<Readable> readable_;
  size_t priced_ = 0;
};

/// Writes a candidate behind the program: its pieces, what lies beyond its sides, the way out.
class Apply {
 public:
  Apply(Work& work, const Candidate& candidate)
      : work_(work), p_(work.program), region_(candidate.region), straight_(candidate.straight) {}

  void run() {
    p_.values.insert(p_.values.end(), straight_.types.begin(), straight_.types.end());
    first_ = static_cast<uint32_t>(p_.blocks.size());
    uint32_t next = first_ + static_cast<uint32_t>(straight_.pieces.size());
    for (const auto& beyond : straight_.beyond) {
      copies_.push_back(next);
      next += static_cast<uint32_t>(beyond.size());
    }
    for (const Straight::Piece& piece : straight_.pieces) write(piece);
    for (uint32_t s = 0; s < straight_.beyond.size(); ++s) copy(s);
    if (straight_.leaves) lead_out();
    Block& head = p_.blocks[region_.head()];
    head.count = leading_needs(p_, region_.head());
    head.term = jump_along({.to = BlockId{first_}, .args = 0, .arg_count = 0}, kNoSource);
  }

 private:
  void lead_out() {
    const BlockId leave = leave_block(work_);
    for (uint32_t b = first_; b < first_ + straight_.pieces.size(); ++b) {
      const Block& block = p_.blocks[b];
      for (uint32_t i = block.first; i < block.first + block.count; ++i)
        if (p_.insns[i].op == Op::kNeed) p_.insns[i].fail = leave;
    }
  }

  void write(const Straight::Piece& piece) {
    Block block;
    block.first = static_cast<uint32_t>(p_.insns.size());
    p_.insns.insert(p_.insns.end(), piece.insns.begin(), piece.insns.end());
    block.count = static_cast<uint32_t>(p_.insns.size()) - block.first;
    block.term = piece.term;
    if (piece.side != Straight::kEnds) {
      const Edge side{BlockId{copies_[piece.side]}, static_cast<uint32_t>(p_.edge_args.size()),
                      static_cast<uint32_t>(piece.args.size())};
      p_.edge_args.insert(p_.edge_args.end(), piece.args.begin(), piece.args.end());
      const Edge on{BlockId{static_cast<uint32_t>(p_.blocks.size() + 1)}, 0, 0};
      block.term.taken = piece.on_taken ? side : on;
      if (piece.term.kind == TermKind::kBranch) block.term.other = piece.on_taken ? on : side;
    }
    if (block.term.kind == TermKind::kBranch && block.term.source == kNoSource)
      block.term.source =
          source_of_made(work_, piece.on_taken ? piece.share : 1 - piece.share, piece.mispredicted);
    p_.blocks.push_back(block);
  }

  // --- what lies beyond a side, with its values under new names
  void copy(uint32_t s) {
    const std::vector<uint32_t>& blocks = straight_.beyond[s];
    names_ = straight_.values;
    for (uint32_t b : blocks) name_definitions(p_.blocks[b]);
    for (uint32_t b : blocks) copy_block(Block(p_.blocks[b]), s);
  }

  void name_definitions(const Block& block) {
    const auto define = [&](ValueId id) { names_[id] = p_.add_value(p_.values[index(id)]); };
    for (ValueId param : p_.params_of(block)) define(param);
    for (const Insn& insn : p_.insns_of(block))
      if (insn.result != kNoValue) define(insn.result);
  }

  ValueId named(ValueId id) const {
    const auto at = names_.find(id);
    return at == names_.end() ? id : at->second;
  }

  BlockId copied(BlockId id, uint32_t s) const {
    const auto& blocks = straight_.beyond[s];
    const auto at = std::lower_bound(blocks.begin(), blocks.end(), index(id));
    return BlockId{copies_[s] + static_cast<uint32_t>(at - blocks.begin())};
  }

  void copy_block(Block block, uint32_t s) {
    const uint32_t params = static_cast<uint32_t>(p_.params.size());
    for (uint32_t i = 0; i < block.param_count; ++i)
      p_.params.push_back(named(p_.params[block.params + i]));
    block.params = params;
    const uint32_t first = static_cast<uint32_t>(p_.insns.size());
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      Insn insn = p_.insns[i];
      insn.result = named(insn.result);
      insn.a = named(insn.a);
      insn.b = named(insn.b);
      if (insn.op == Op::kNeed) insn.fail = copied(insn.fail, s);
      p_.insns.push_back(insn);
    }
    block.first = first;
    copy_term(block.term, s);
    p_.blocks.push_back(block);
  }

  void copy_term(Term& term, uint32_t s) {
    term.a = named(term.a);
    term.b = named(term.b);
    if (term.kind == TermKind::kSwitch) {
      const uint32_t cases = static_cast<uint32_t>(p_.cases.size());
      for (uint32_t i = 0; i < term.case_count; ++i) p_.cases.push_back(p_.cases[term.cases + i]);
      term.cases = cases;
    }
    for_each_edge(p_, term, [&](Edge& edge) {
      const uint32_t args = static_cast<uint32_t>(p_.edge_args.size());
      for (uint32_t i = 0; i < edge.arg_count; ++i)
        p_.edge_args.push_back(named(p_.edge_args[edge.args + i]));
      edge.args = args;
      edge.to = copied(edge.to, s);
    });
  }

  Work& work_;
  Program& p_;
  const Region& region_;
  const Straight& straight_;
  uint32_t first_ = 0;
  std::vector<uint32_t> copies_;  ///< by side: its first copied block
  std::map<ValueId, ValueId> names_;
};

std::string described(const Work& work, const Candidate& c) {
  char text[256];
  const uint32_t source = work.program.blocks[c.region.head()].term.source;
  std::snprintf(text, sizeof text,
                "b%u%s: %zu blocks, %zu ways stay branches; mispredictions %.3f -> %.3f, cycles "
                "%.1f -> %.1f of a packet that comes here; saves %.1f of any packet",
                c.region.head(),
                source == kNoSource ? "" : (", src " + std::to_string(source)).c_str(),
                c.region.members.size(), c.region.sides.size(), c.region.mispredicts,
                c.straight.mispredicts, c.region.cycles, c.straight.cycles, c.saved);
  return text;
}

}  // namespace

bool if_convert(Work& work) {
  if (work.profile.empty()) return false;
  bool changed = false;
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::optional<Candidate> best = IfConvert(work).search();
    if (!best) break;
    if (best->saved < kLeastSaved) {
      if (!changed) work.say("if-convert", "declined: " + described(work, *best));
      break;
    }
    work.say("if-convert", described(work, *best));
    Apply(work, *best).run();
    tidy(work);
    changed = true;
  }
  // What the straight code needs, whoever comes to it may be asked for with what stood before.
  if (changed) merge_needs(work.program, work.ws);
  return changed;
}

}  // namespace ipjit::ir
