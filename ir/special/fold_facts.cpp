// SPDX-License-Identifier: BSD-2-Clause
// Folds what the attachment promises: context fields with one value, lengths in a range.
//
//   facts: vlan_present is 0, at least 60 bytes
//
//   b0: v0 = meta vlan_present          b0: need 38 else b9
//       br v0 == 1 -> b8, b1                v1 = load_be16 12
//   b1: need 14 else b9         ==>         br v1 == 0x800 -> b2, b8
//       v1 = load_be16 12               b2: v2 = load_be16 36
//       br v1 == 0x800 -> b2, b8            ...
//   b2: need 38 else b7
//       v2 = load_be16 36
//
// A field becomes a constant, and the passes of optimize() do the rest.  A need of more than the
// longest packet has is a jump to its else block.
//
// A need that every packet passes cannot just go: the verifier wants to see a check before each
// load, and does not know of promises.  So the first need of the program is raised to cover them,
// or one is put in front; where it leads is never gone to, which is what makes raising it legal
// where merge_needs() may not.  Were the promise broken, results would be wrong and nothing else.
//
// Hazard: the else block of the need in front is entered with nothing defined, so it must be one
// that only ends, or the way out.
//
// Cost: one walk.  Tested by tests/special/.
#include <algorithm>
#include <optional>

#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

class FoldFacts {
 public:
  explicit FoldFacts(Work& work) : work_(work), p_(work.program), facts_(work.facts) {}

  bool run() {
    for (const auto& [field, value] : facts_.fields) fold_field(field, value);
    fail_long_needs();
    if (changed_) tidy(work_);  // what is decided now need not be covered
    cover_short_needs();
    return changed_;
  }

 private:
  void fold_field(ipjit_field field, uint32_t value) {
    uint32_t folded = 0;
    for (Insn& insn : p_.insns) {
      if (insn.op != Op::kMeta || insn.imm != static_cast<uint64_t>(field)) continue;
      insn.op = Op::kConst;
      insn.imm = value;
      ++folded;
    }
    if (folded == 0) return;
    changed_ = true;
    work_.say("fold_facts", std::string(word_of(field)) + " is " + std::to_string(value) +
                                ", read in " + std::to_string(folded) + " places");
  }

  /// With an offset value, imm is what is needed at least: no value is negative.
  bool always_fails(const Insn& insn) const {
    return insn.op == Op::kNeed && insn.base == Base::kData && insn.imm > facts_.max_len;
  }

  /// Needs of one length alone: whether an offset value stays small is not known here.
  bool always_passes(const Insn& insn) const {
    return insn.op == Op::kNeed && insn.base == Base::kData && insn.a == kNoValue &&
           insn.imm <= facts_.min_len;
  }

  void fail_long_needs() {
    for (Block& block : p_.blocks) {
      const auto insns = p_.insns_of(block);
      const auto fails =
          std::ranges::find_if(insns, [this](const Insn& insn) { return always_fails(insn); });
      if (fails == insns.end()) continue;
      work_.say("fold_facts", "need " + std::to_string(fails->imm) +
                                  " fails: no packet has more than " +
                                  std::to_string(facts_.max_len) + " bytes");
      block.term = jump_along({fails->fail, 0, 0}, fails->source);
      block.count = static_cast<uint32_t>(fails - insns.begin());
      changed_ = true;
    }
  }

  void cover_short_needs() {
    const std::vector<double> reach = block_counts(p_, work_.profile);
    uint64_t most = 0;
    uint32_t covered = 0;
    double runs = 0;  // per packet, of the needs that one would cover
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      for (const Insn& insn : p_.insns_of(p_.blocks[b])) {
        if (!always_passes(insn)) continue;
        most = std::max(most, insn.imm);
        runs += reach[b];
        ++covered;
      }
    if (covered < 2) return;
    if (!raise_first(most) && (runs <= 1 || !put_in_front(most))) return;
    changed_ = true;
    work_.say("fold_facts", "need " + std::to_string(most) + " covers " + std::to_string(covered) +
                                " needs: packets have at least " + std::to_string(facts_.min_len) +
                                " bytes");
  }

  /// What stands in the first block before anything else can fail covers the whole program.
  bool raise_first(uint64_t bytes) {
    const Block& entry = p_.blocks[0];
    for (uint32_t i = entry.first; i < entry.first + entry.count; ++i) {
      Insn& insn = p_.insns[i];
      if (insn.op != Op::kNeed) continue;
      if (!always_passes(insn)) return false;
      if (insn.imm >= bytes) return false;
      insn.imm = bytes;
      return true;
    }
    return false;
  }

  bool put_in_front(uint64_t bytes) {
    std::optional<BlockId> fail;
    for (const Insn& insn : p_.insns)
      if (always_passes(insn) && only_ends(p_.blocks[index(insn.fail)])) fail = insn.fail;
    if (!fail && !can_leave(work_)) return false;
    Insn need;
    need.op = Op::kNeed;
    need.imm = bytes;
    need.fail = fail ? *fail : leave_block(work_);
    const uint32_t first = static_cast<uint32_t>(p_.insns.size());
    const auto old = p_.insns_of(p_.blocks[0]);
    std::vector<Insn> entry{need};
    entry.insert(entry.end(), old.begin(), old.end());
    p_.insns.insert(p_.insns.end(), entry.begin(), entry.end());
    p_.blocks[0].first = first;
    p_.blocks[0].count = static_cast<uint32_t>(entry.size());
    return true;
  }

  static bool only_ends(const Block& block) {
    return block.count == 0 && block.param_count == 0 && block.term.a == kNoValue &&
           (block.term.kind == TermKind::kRet || block.term.kind == TermKind::kExit ||
            block.term.kind == TermKind::kResume || block.term.kind == TermKind::kPull);
  }

  Work& work_;
  Program& p_;
  const Facts& facts_;
  bool changed_ = false;
};

}  // namespace

bool fold_facts(Work& work) { return FoldFacts(work).run(); }

}  // namespace ipjit::ir
