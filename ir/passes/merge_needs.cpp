// SPDX-License-Identifier: BSD-2-Clause
// Merges bounds checks.
//
//   b0: need 14 else b9                 b0: need 24 else b9
//       v0 = load_be16 12                   v0 = load_be16 12
//       br v0 == 0x800 -> b1, b9   ==>      br v0 == 0x800 -> b1, b9
//   b1: need 24 else b9                 b1: v1 = load_u8 23
//       v1 = load_u8 23
//
// Legal only if every way out between the two goes to the same block: were b0's other exit b8, a
// 14-byte packet that used to reach b8 would now be refused.  Nor may anything be recorded or
// counted between them.
//
// Backwards, each block says for each base "whoever comes in with less than K bytes ends in F".  A
// need that fails to F says so; a branch says so if both sides do, or one does and the other side
// is F itself.  A need that fails to the F of what follows takes over its K.  Forwards,
// needs go where as many bytes are known to be readable.
//
// Cost: two walks over the blocks.  Idea: pflua's optimiser, which hoists such assertions.
// Tested by tests/ir/passes_test.cpp.
#include <algorithm>

#include "ir/edges.h"
#include "ir/passes/passes.h"

namespace ipjit::ir {
namespace {

using Demand = Demands::Demand;

class MergeNeeds {
 public:
  MergeNeeds(Program& program, Workspace& ws)
      : p_(program), forward_(ws.forward), demands_(ws.demands) {}

  bool run() {
    demands_.assign(p_.blocks.size(), Demands());
    for (const Insn& insn : p_.insns)
      if (insn.op == Op::kNeed && insn.base == Base::kTransport) bases_ = 2;
    for (uint32_t b = static_cast<uint32_t>(p_.blocks.size()); b-- > 0;) {
      Block& block = p_.blocks[b];
      drop_pointless(block);
      Demands now = behind(block.term);
      for (uint32_t i = block.first + block.count; i-- > block.first;) before(p_.insns[i], now);
      demands_[b] = now;
    }
    if (changed_) drop_covered();
    return changed_;
  }

 private:
  /// `need 26 else b1`, `jump b1`
  void drop_pointless(Block& block) {
    const Term& t = block.term;
    while (t.kind == TermKind::kJump && t.taken.arg_count == 0 && block.count > 0) {
      const Insn& last = p_.insns[block.first + block.count - 1];
      if (last.op != Op::kNeed || last.fail != t.taken.to) break;
      --block.count;
      changed_ = true;
    }
  }

  Demands behind(const Term& term) const {
    Demands result;
    for (uint32_t base = 0; base < bases_; ++base) {
      BlockId tried = kNoBlock;
      for_each_edge(p_, term, [&](const Edge& edge) {
        const BlockId fail = demands_[index(edge.to)].of[base].fail;
        if (result.of[base].fail != kNoBlock || fail == kNoBlock || fail == tried) return;
        tried = fail;
        result.of[base] = common(term, base, fail);
      });
    }
    return result;
  }

  /// What every edge of the term says of `fail`.
  Demand common(const Term& term, uint32_t base, BlockId fail) const {
    Demand least{fail, UINT64_MAX};
    for_each_edge(p_, term, [&](const Edge& edge) {
      const Demand& demand = demands_[index(edge.to)].of[base];
      if (edge.to == fail) return;
      if (demand.fail != fail) least.fail = kNoBlock;
      least.bytes = std::min(least.bytes, demand.bytes);
    });
    return least;
  }

  void before(Insn& insn, Demands& now) {
    if (insn.op == Op::kEffect || insn.op == Op::kCount) now = Demands();
    if (insn.op != Op::kNeed) return;
    Demand& own = now.of[static_cast<uint32_t>(insn.base)];
    Demand& other = now.of[1 - static_cast<uint32_t>(insn.base)];
    if (other.fail != insn.fail) other = Demand();
    if (own.fail != insn.fail) own = Demand{insn.fail, 0};
    // With an offset value, imm is what is needed at least: no value is negative.
    own.bytes = std::max(own.bytes, insn.imm);
    if (insn.a != kNoValue || own.bytes == insn.imm) return;
    insn.imm = own.bytes;
    changed_ = true;
  }

  void drop_covered() {
    forward_.begin(p_);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (!forward_.enter(b)) continue;
      Block& block = p_.blocks[b];
      uint32_t kept = block.first;
      for (uint32_t i = block.first; i < block.first + block.count; ++i) {
        const Insn& insn = p_.insns[i];
        if (insn.op == Op::kNeed) {
          if (insn.a == kNoValue && insn.imm <= forward_.readable(insn.base)) continue;
          forward_.need(insn);
        }
        if (kept != i) p_.insns[kept] = insn;
        ++kept;
      }
      block.count = kept - block.first;
      for_each_edge(p_, block.term, [&](const Edge& edge) { forward_.reach(edge.to); });
    }
  }

  Program& p_;
  Forward& forward_;
  std::vector<Demands>& demands_;
  uint32_t bases_ = 1;  ///< that some need counts from
  bool changed_ = false;
};

}  // namespace

bool merge_needs(Program& program, Workspace& ws) { return MergeNeeds(program, ws).run(); }

}  // namespace ipjit::ir
