// SPDX-License-Identifier: BSD-2-Clause
// Blocks that only end: which of them say the same.
#pragma once

#include <array>
#include <cstdint>

#include "ir/program.h"

namespace ipjit::ir {

/// Endings without a value: equal ones are the last of them, which lies ahead of all who go to one.
class Endings {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  /// Cost: one walk over the blocks.  Of more than kMax different endings, some stay apart.
  void find(const Program& program) {
    count_ = 0;
    for (uint32_t b = static_cast<uint32_t>(program.blocks.size()); b-- > 0;)
      if (is_ending(program.blocks[b]) && count_ < kMax &&
          same_as(program, program.blocks[b]) == kNone)
        blocks_[count_++] = b;
  }

  /// The last block that ends as `block` does and does nothing else; kNone if it does more.
  uint32_t same_as(const Program& program, const Block& block) const {
    if (!is_ending(block)) return kNone;
    for (uint32_t i = 0; i < count_; ++i) {
      const Term& t = program.blocks[blocks_[i]].term;
      if (t.kind == block.term.kind && t.imm == block.term.imm) return blocks_[i];
    }
    return kNone;
  }

 private:
  static constexpr uint32_t kMax = 16;

  static bool is_ending(const Block& block) {
    const TermKind kind = block.term.kind;
    return block.count == 0 && block.param_count == 0 && block.term.a == kNoValue &&
           kind != TermKind::kJump && kind != TermKind::kBranch && kind != TermKind::kSwitch;
  }

  std::array<uint32_t, kMax> blocks_{};
  uint32_t count_ = 0;
};

}  // namespace ipjit::ir
