// SPDX-License-Identifier: BSD-2-Clause
// Branches in a row that compare fields close to each other become one.
//
//   b0: need 34 else b9                     b0: need 34 else b9
//       v0 = load_u8 23                         v9 = load_le32 20
//       br v0 == 6 -> b1, b8                    v10 = and v9, 0xff00ff1f
//   b1: v1 = load_be16 20              ==>      br v10 == 0x6000000 -> b2, b8
//       br v1 & 0x1fff -> b8, b2            b1: jump b2
//
// For branches that predict well and so stay branches; what if_convert() has made straight has its
// fields compared at once already.  Fields may be merged where nothing between the tests is asked
// or done: no need, no effect, one way in, and one place where all go that fail.  The loads stay
// for whoever else uses them.
//
// Declined where packets seldom come to the later tests: they would pay for a mask for nothing.
//
// Cost: one walk.  Tested by tests/special/, cases wide_loads_*.
#include <algorithm>
#include <cstdio>

#include "ir/edges.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"
#include "ir/special/wide_test.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxLinks = 8;
constexpr double kLeastSaved = 0.05;  // cycles of a packet

/// A block whose test is one of a field.
struct Link {
  uint32_t block = 0;
  FieldTest field;
  Edge go;    ///< where the field has the value
  Edge stop;  ///< elsewhere
  double going = 0;
};

class WideLoads {
 public:
  explicit WideLoads(Work& work) : work_(work), p_(work.program), flow_(flow_of(p_, work.profile)) {
    definitions_.assign(p_.values.size(), kNone);
    for (uint32_t i = 0; i < p_.insns.size(); ++i)
      if (p_.insns[i].result != kNoValue) definitions_[index(p_.insns[i].result)] = i;
    walk();
  }

  bool run() {
    bool changed = false;
    std::vector<uint8_t> seen(p_.blocks.size(), 0);
    for (uint32_t b = 0; b < seen.size(); ++b) {
      if (seen[b] != 0 || flow_.reach[b] == 0) continue;
      const std::vector<Link> chain = chain_from(b);
      for (const Link& link : chain) seen[link.block] = 1;
      if (chain.size() > 1) changed |= merge(chain);
    }
    return changed;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffff;

  void walk() {
    ways_.assign(p_.blocks.size(), 0);
    readable_.assign(p_.blocks.size(), Bytes{{0, 0}});
    Forward forward;
    forward.begin(p_);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (!forward.enter(b)) continue;
      for (const Insn& insn : p_.insns_of(p_.blocks[b])) {
        if (insn.op != Op::kNeed) continue;
        forward.need(insn);
        ++ways_[index(insn.fail)];
      }
      readable_[b] = {{forward.readable(Base::kData), forward.readable(Base::kTransport)}};
      for_each_edge(p_, p_.blocks[b].term, [&](const Edge& edge) {
        forward.reach(edge.to);
        ++ways_[index(edge.to)];
      });
    }
  }

  const Insn* definition(ValueId id) const {
    const uint32_t at = definitions_[index(id)];
    return at == kNone ? nullptr : &p_.insns[at];
  }

  /// The block's test, with `go` where it holds or, negated, where it does not.
  bool link_of(uint32_t b, bool negated, Link& link) const {
    const Term& t = p_.blocks[b].term;
    if (t.kind != TermKind::kBranch || t.rel == Rel::kIn) return false;
    const auto field = field_test({t.rel, negated, t.a, t.b, t.imm, 0, kNoSource},
                                  [&](ValueId id) { return definition(id); });
    if (!field) return false;
    link = {b, *field, negated ? t.other : t.taken, negated ? t.taken : t.other,
            negated ? 1 - flow_.taken[b] : flow_.taken[b]};
    return true;
  }

  bool same(const Edge& a, const Edge& b) const {
    return a.to == b.to && std::ranges::equal(p_.args_of(a), p_.args_of(b));
  }

  /// Whether the block does nothing but compute, and only one edge leads to it.
  bool is_between(uint32_t b) const {
    return ways_[b] == 1 && p_.blocks[b].param_count == 0 &&
           std::ranges::all_of(p_.insns_of(p_.blocks[b]),
                               [](const Insn& insn) { return insn.result != kNoValue; });
  }

  std::vector<Link> chain_from(uint32_t b) const {
    for (const bool negated : {false, true}) {
      Link first;
      if (!link_of(b, negated, first)) continue;
      std::vector<Link> chain{first};
      while (chain.size() < kMaxLinks && extend(chain)) {
      }
      if (chain.size() > 1) return chain;
    }
    return {};
  }

  bool extend(std::vector<Link>& chain) const {
    const uint32_t next = index(chain.back().go.to);
    if (!is_between(next)) return false;
    for (const bool negated : {false, true}) {
      Link link;
      if (!link_of(next, negated, link) || !same(link.stop, chain.back().stop)) continue;
      chain.push_back(link);
      return true;
    }
    return false;
  }

  /// What is known to be readable in the whole chain.
  uint64_t readable(uint32_t first, Base base, ValueId offset) const {
    if (offset == kNoValue) return readable_[first][static_cast<uint32_t>(base)];
    uint64_t most = 0;
    for (const Insn& insn : p_.insns_of(p_.blocks[first]))
      if (insn.op == Op::kNeed && insn.base == base && insn.a == offset)
        most = std::max(most, insn.imm);
    return most;
  }

  bool merge(const std::vector<Link>& chain) {
    std::vector<FieldTest> fields;
    for (const Link& link : chain) fields.push_back(link.field);
    bool changed = false;
    for (WideTest& wide : widen(fields, [&](Base base, ValueId offset) {
           return readable(chain[0].block, base, offset);
         })) {
      std::ranges::sort(wide.of);
      const double saved = saved_by(chain, wide);
      char text[160];
      std::snprintf(text, sizeof text, "%sb%u: %zu fields in %u bytes at %llu, saves %.2f cycles",
                    saved < kLeastSaved ? "declined: " : "", chain[wide.of[0]].block,
                    wide.of.size(), wide.test.size,
                    static_cast<unsigned long long>(wide.test.place), saved);
      work_.say("wide-loads", text);
      if (saved < kLeastSaved) continue;
      write(chain, wide);
      changed = true;
    }
    return changed;
  }

  /// Each later test that a packet comes to is a load and a branch; the mask comes in their place.
  double saved_by(const std::vector<Link>& chain, const WideTest& wide) const {
    double saved = -flow_.reach[chain[wide.of[0]].block] * kCosts.simple *
                   (wide.test.size == 8 ? 3 : 1);  // long masks are loaded first
    for (size_t i = 1; i < wide.of.size(); ++i)
      saved += flow_.reach[chain[wide.of[i]].block] * (kCosts.simple + kCosts.branch);
    return saved;
  }

  void write(const std::vector<Link>& chain, const WideTest& wide) {
    const Link& first = chain[wide.of[0]];
    double going = 1, mispredicted = 0, reach = std::max(flow_.reach[first.block], 1e-9);
    for (uint32_t i : wide.of) {
      going *= chain[i].going;
      mispredicted += flow_.reach[chain[i].block] / reach * flow_.mispredicted[chain[i].block];
      p_.blocks[chain[i].block].term = jump_along(chain[i].go, kNoSource);
    }
    const ValueId bytes = add_load(first.block, wide.test);
    Term& t = p_.blocks[first.block].term;
    t = Term();
    t.kind = TermKind::kBranch;
    t.a = bytes;
    t.imm = wide.test.value;
    t.taken = first.go;
    t.other = first.stop;
    t.source = source_of_made(work_, going, std::min({mispredicted, going, 1 - going}));
  }

  /// Gives: the loaded bytes under the mask, written at the end of the block.
  ValueId add_load(uint32_t b, const FieldTest& wide) {
    Insn load = wide_load(wide);
    load.a = wide.offset;
    load.result = p_.add_value(load.type);
    Insn mask;
    mask.op = Op::kAnd;
    mask.type = load.type;
    mask.a = load.result;
    mask.imm = wide.mask;
    mask.result = p_.add_value(load.type);
    Block& block = p_.blocks[b];
    const uint32_t first = static_cast<uint32_t>(p_.insns.size());
    for (uint32_t i = 0; i < block.count; ++i) p_.insns.push_back(p_.insns[block.first + i]);
    p_.insns.push_back(load);
    p_.insns.push_back(mask);
    block.first = first;
    block.count += 2;
    return mask.result;
  }

  struct Bytes {
    uint64_t of[2];
    uint64_t operator[](uint32_t base) const { return of[base]; }
  };

  Work& work_;
  Program& p_;
  Flow flow_;
  std::vector<uint32_t> definitions_;  ///< by value: its instruction
  std::vector<uint32_t> ways_;         ///< by block: what leads to it
  std::vector<Bytes> readable_;        ///< by block: at its end
};

}  // namespace

bool wide_loads(Work& work) { return !work.profile.empty() && WideLoads(work).run(); }

}  // namespace ipjit::ir
