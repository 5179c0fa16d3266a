// SPDX-License-Identifier: BSD-2-Clause
// The bookkeeping of a forward walk: what leads to a block, what dominates it, what is readable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ir/dominators.h"
#include "ir/program.h"

namespace ipjit::ir {

/// A pass calls, in block order: enter(); for each need that stays, need(); for each edge that
/// stays, reach().  It may change an edge before it reports it.
class Forward {
 public:
  void begin(const Program& program) {
    entries_.assign(program.blocks.size(), Entry());
    tree_.clear();
  }

  /// False if nothing leads to the block.
  bool enter(uint32_t block) {
    const Entry& entry = entries_[block];
    if (block != 0 && entry.ways == 0) return false;
    readable_[0] = block == 0 ? 0 : entry.readable[0];
    readable_[1] = block == 0 ? 0 : entry.readable[1];
    node_ = tree_.add(entry.parent);
    return true;
  }

  uint32_t node() const { return node_; }
  uint32_t ways(uint32_t block) const { return entries_[block].ways; }
  uint64_t readable(Base base) const { return readable_[static_cast<uint32_t>(base)]; }
  bool dominates(uint32_t node) const { return tree_.dominates(node, node_); }

  void need(const Insn& insn) {
    reach(insn.fail);
    uint64_t& readable = readable_[static_cast<uint32_t>(insn.base)];
    readable = std::max(readable, insn.imm);
    node_ = tree_.add(node_);
  }

  void reach(BlockId to) {
    Entry& entry = entries_[index(to)];
    ++entry.ways;
    entry.parent = tree_.common(entry.parent, node_);
    for (uint32_t i = 0; i < 2; ++i) entry.readable[i] = std::min(entry.readable[i], readable_[i]);
  }

 private:
  struct Entry {
    uint32_t parent = Dominators::kNone;
    uint32_t ways = 0;
    uint64_t readable[2] = {UINT64_MAX, UINT64_MAX};
  };

  std::vector<Entry> entries_;
  Dominators tree_;
  uint64_t readable_[2] = {0, 0};
  uint32_t node_ = 0;
};

}  // namespace ipjit::ir
