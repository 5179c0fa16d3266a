// SPDX-License-Identifier: BSD-2-Clause
// Is this a program?
//
// Two steps.  Shape (validate_shape.cpp): ids, ranges, types, forward edges; after it, everything
// can be indexed.  Then the paths, here:
//
//   b0: need 14 else b2            segment 0: needs nothing, ends at the need; b2 hangs here
//       v0 = load_be16 12          segment 1: 14 bytes are readable; b1 hangs here
//       br v0 == 0x800 -> b1, b2
//
// A forward walk cuts blocks into segments, puts them into a dominator tree and carries along how
// many bytes are readable at least on every way (a meet of two numbers).  A second walk visits the
// tree in preorder: what is defined in a segment is visible in its subtree, which is a range of
// preorder numbers.  Needs with an offset value count in their subtree too; the last one of a
// (base, value) that still covers the walk is on top of that pair's stack, and what it hides is
// smaller, so a load asks only the top.
//
// A block that nothing leads to is legal; it may use what the entry defines before its first need.
//
// Cost: linear, with O(log) for each join.  Tested by tests/ir/validate_test.cpp.
#include "ir/validate.h"

#include <algorithm>

#include "ipjit/kept.h"
#include "ir/dominators.h"
#include "ir/edges.h"
#include "ir/validate_shape.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kBases = 2;
constexpr size_t kKeptBlocks = 8192;

struct Segment {
  uint32_t block = 0;
  uint32_t first = 0;  ///< Program::insns[first, end)
  uint32_t end = 0;
  uint64_t readable[kBases] = {0, 0};
};

/// What is known when a block begins.
struct Entry {
  uint32_t parent = Dominators::kNone;
  uint64_t readable[kBases] = {UINT64_MAX, UINT64_MAX};
};

/// "offset value + bytes is readable", in a range of preorder numbers.
struct Fact {
  uint32_t end = 0;
  uint32_t below = Dominators::kNone;  ///< the fact that it hides
  uint64_t bytes = 0;
};

class Validator {
 public:
  Status run(const Program& program) {
    program_ = &program;
    cut();
    number_preorder();
    facts_.clear();
    seen_.assign(program.values.size(), Seen());
    tops_.assign(program.values.size() * kBases, Dominators::kNone);
    for (uint32_t node : preorder_)
      if (Status s = check(node); !s) return s;
    return ok();
  }

 private:
  Error refuse(Code code, uint32_t block, std::string why) const {
    return {Stage::kIr, code, block, std::move(why)};
  }

  // --- first walk
  void cut() {
    const size_t blocks = program_->blocks.size();
    entries_.assign(blocks, Entry());
    segments_.clear();
    segments_.reserve(blocks * 2);
    tree_.clear();
    tree_.reserve(blocks * 2);
    for (uint32_t b = 0; b < blocks; ++b) cut_block(b);
  }

  void cut_block(uint32_t b) {
    const Block& block = program_->blocks[b];
    const Entry& entry = entries_[b];
    const bool reached = b == 0 || entry.parent != Dominators::kNone;
    Segment now{b, block.first, block.first, {0, 0}};
    if (b != 0 && reached) std::copy_n(entry.readable, kBases, now.readable);
    uint32_t node = tree_.add(reached ? entry.parent : 0);
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      const Insn& insn = program_->insns[i];
      if (insn.op != Op::kNeed) continue;
      if (reached) reach(insn.fail, node, now);
      now.end = i + 1;
      segments_.push_back(now);
      now.first = i + 1;
      uint64_t& readable = now.readable[static_cast<uint32_t>(insn.base)];
      readable = std::max(readable, insn.imm);
      node = tree_.add(node);
    }
    now.end = block.first + block.count;
    segments_.push_back(now);
    if (!reached) return;
    for_each_edge(*program_, block.term, [&](const Edge& edge) { reach(edge.to, node, now); });
  }

  void reach(BlockId to, uint32_t node, const Segment& from) {
    Entry& entry = entries_[index(to)];
    entry.parent = tree_.common(entry.parent, node);
    for (uint32_t i = 0; i < kBases; ++i)
      entry.readable[i] = std::min(entry.readable[i], from.readable[i]);
  }

  // --- preorder: a subtree is [pre_, pre_ + size)
  void number_preorder() {
    const uint32_t count = tree_.size();
    ends_.assign(count, 1);
    pre_.assign(count, 0);
    preorder_.resize(count);
    for (uint32_t n = count - 1; n > 0; --n) ends_[tree_.parent(n)] += ends_[n];
    std::vector<uint32_t>& next = next_;
    next.assign(count, 1);
    for (uint32_t n = 0; n < count; ++n) {
      if (n != 0) {
        const uint32_t parent = tree_.parent(n);
        pre_[n] = next[parent];
        next[parent] += ends_[n];
      }
      next[n] = pre_[n] + 1;
      ends_[n] += pre_[n];
      preorder_[pre_[n]] = n;
    }
  }

  // --- second walk
  Status check(uint32_t node) {
    const Segment& segment = segments_[node];
    const Block& block = program_->blocks[segment.block];
    now_ = pre_[node];
    end_ = ends_[node];
    Status s = ok();
    if (segment.first == block.first)
      for (ValueId param : program_->params_of(block))
        if (s = define(param, segment.block); !s) return s;
    for (uint32_t i = segment.first; i < segment.end; ++i)
      if (s = check_insn(program_->insns[i], segment); !s) return s;
    const bool last = segment.end == block.first + block.count &&
                      (node + 1 == segments_.size() || segments_[node + 1].block != segment.block);
    return last ? check_term(block.term, segment.block) : ok();
  }

  Status check_insn(const Insn& insn, const Segment& segment) {
    for (ValueId id : {insn.a, insn.b})
      if (id != kNoValue && !visible(id)) return undefined(id, segment.block);
    if (const uint32_t size = load_size(insn.op); size != 0 && !covered(insn, size, segment))
      return refuse(Code::kUncheckedLoad, segment.block,
                    std::string(word_of(insn.op)) + " at " + std::to_string(insn.imm) +
                        " is not covered by a need");
    // The fact holds from the next segment on; nothing of this one is left to ask for it.
    if (insn.op == Op::kNeed && insn.a != kNoValue) learn(insn);
    return insn.result == kNoValue ? ok() : define(insn.result, segment.block);
  }

  Status check_term(const Term& term, uint32_t block) {
    for (ValueId id : {term.a, term.b})
      if (id != kNoValue && !visible(id)) return undefined(id, block);
    ValueId missing = kNoValue;
    for_each_edge(*program_, term, [&](const Edge& edge) {
      for (ValueId id : program_->args_of(edge))
        if (!visible(id)) missing = id;
    });
    return missing == kNoValue ? ok() : undefined(missing, block);
  }

  Error undefined(ValueId id, uint32_t block) const {
    return refuse(Code::kUndefinedValue, block,
                  "v" + std::to_string(index(id)) + " is not defined on every path to its use");
  }

  bool visible(ValueId id) const {
    const Seen& seen = seen_[index(id)];
    return seen.begin <= now_ && now_ < seen.end;
  }

  Status define(ValueId id, uint32_t block) {
    Seen& seen = seen_[index(id)];
    if (seen.end != 0)
      return refuse(Code::kUndefinedValue, block,
                    "v" + std::to_string(index(id)) + " is defined twice");
    seen = {now_, end_};
    return ok();
  }

  /// Drops the facts whose subtree the walk has left; it does not come back.
  uint32_t& top_of(const Insn& place) {
    uint32_t& top = tops_[index(place.a) * kBases + static_cast<uint32_t>(place.base)];
    while (top != Dominators::kNone && facts_[top].end <= now_) top = facts_[top].below;
    return top;
  }

  void learn(const Insn& need) {
    uint32_t& top = top_of(need);
    const uint64_t known = top == Dominators::kNone ? 0 : facts_[top].bytes;
    facts_.push_back({end_of_next_segment(), top, std::max(known, need.imm)});
    top = static_cast<uint32_t>(facts_.size() - 1);
  }

  /// The segment behind the need is the next node of the tree.
  uint32_t end_of_next_segment() const { return ends_[preorder_[now_] + 1]; }

  bool covered(const Insn& load, uint32_t size, const Segment& segment) {
    if (load.a == kNoValue)
      return load.imm + size <= segment.readable[static_cast<uint32_t>(load.base)];
    const uint32_t top = top_of(load);
    return top != Dominators::kNone && load.imm + size <= facts_[top].bytes;
  }

  struct Seen {
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  const Program* program_ = nullptr;
  std::vector<Entry> entries_;
  std::vector<Segment> segments_;
  Dominators tree_;
  std::vector<uint32_t> pre_, ends_, preorder_, next_;
  std::vector<Seen> seen_;
  std::vector<uint32_t> tops_;
  std::vector<Fact> facts_;
  uint32_t now_ = 0;
  uint32_t end_ = 0;
};

}  // namespace

Status validate(const Program& program) {
  if (Status s = validate_shape(program); !s) return s;
  // A thread's checks share their buffers; what a huge program needed is given back.
  return Kept<Validator>(program.blocks.size() <= kKeptBlocks)->run(program);
}

}  // namespace ipjit::ir
