// SPDX-License-Identifier: BSD-2-Clause
// Fields that nearly every packet has alike, asked for at once before everything.
//
//   b0: need 24 else b9                      b0: need 38 else leave
//       v0 = load_be16 12                        v0 = load_be16 12
//       br v0 == 0x86dd -> b1, b2                br v0 == 0x800 -> b1, leave
//   b2: br v0 == 0x800 -> b3, b9       ==>   b1: v1 = load_u8 14
//   b3: v1 = load_u8 14                          br v1 == 69 -> b2, leave
//       v2 = and v1, 15                      b2: v4 = load_be16 34
//       v3 = shl v2, 2                           ...
//       need v3 + 16 else b9
//       v4 = load_be16 v3 + 14
//
// guards() asks where a field is read; these are asked of packets that never came there, which are
// taken to be like those that did if they have the first field alike, which nearly all read.  In
// return wide_loads() makes one comparison of them, every place behind them is a constant, and what
// is left is short: the frame that a programmer would call usual.  Which fields: every choice among
// the few that qualify is gone through to the end.
//
// Cost: all passes behind, once for each choice.  Tested by tests/special/.
#include <algorithm>
#include <span>
#include <utility>

#include "ir/special/block_order.h"
#include "ir/special/cost.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kLeastRuns = 100;
constexpr double kLeastShare = 0.96;  // of the field's runs, with the value
constexpr double kLeastRead = 0.3;    // of the packets, that come to the field
constexpr double kFirstRead = 0.95;   // as much of the first: it says that strangers are alike
constexpr size_t kMostSites = 3;

/// The guard's share of the packets that come to it, which all guards before have let through: odd
/// packets are often odd in several fields, so that the shares of fields alone would count them for
/// each.
double share_behind(const Profile& profile, std::span<const EntryGuard> guards) {
  std::vector<std::pair<uint32_t, uint64_t>> fields;
  for (const EntryGuard& guard : guards) fields.emplace_back(guard.load.source, guard.value);
  const double alone = guards.back().share;
  if (guards.size() == 1) return alone;
  return std::max(profile.share_of_last(fields).value_or(0), alone);
}

/// What the entry asks: a load at a constant place, and its value.
bool same_load(const Insn& a, const Insn& b) {
  return a.op == b.op && a.base == b.base && a.imm == b.imm && b.a == kNoValue;
}

/// All loads of the site's place are its value from here on.
void assume(Program& p, const EntryGuard& guard) {
  for (Insn& insn : p.insns) {
    if (!same_load(guard.load, insn)) continue;
    const ValueId result = insn.result;
    const Type type = insn.type;
    insn = Insn();
    insn.op = Op::kConst;
    insn.type = type;
    insn.result = result;
    insn.imm = guard.value;
    insn.source = guard.load.source;
  }
}

Block guard_block(Program& p, const EntryGuard& guard, uint64_t bytes, BlockId leave) {
  Block block;
  block.first = static_cast<uint32_t>(p.insns.size());
  block.count = bytes == 0 ? 1 : 2;
  if (bytes != 0) {
    Insn need;
    need.op = Op::kNeed;
    need.imm = bytes;
    need.base = guard.load.base;
    need.fail = leave;
    p.insns.push_back(need);
  }
  Insn load = guard.load;
  load.result = p.add_value(load.type);
  p.insns.push_back(load);
  block.term.kind = TermKind::kBranch;
  block.term.a = load.result;
  block.term.imm = guard.value;
  block.term.other.to = leave;
  return block;
}

}  // namespace

std::vector<EntryGuard> entry_guard_sites(const Work& work) {
  std::vector<EntryGuard> sites;
  const Profile& profile = work.profile;
  if (profile.packets < kLeastRuns || !can_leave(work)) return sites;
  for (const Insn& insn : work.program.insns) {
    if (load_size(insn.op) == 0 || insn.a != kNoValue || insn.base != Base::kData) continue;
    const ValueTable* values = insn.source == kNoSource ? nullptr : profile.value(insn.source);
    if (values == nullptr || values->top.empty() || values->total < kLeastRuns) continue;
    const double share =
        static_cast<double>(values->top[0].count) / static_cast<double>(values->total);
    const double runs = static_cast<double>(values->total) / static_cast<double>(profile.packets);
    const bool known = std::ranges::any_of(
        sites, [&](const EntryGuard& site) { return same_load(site.load, insn); });
    if (share >= kLeastShare && runs >= kLeastRead && !known)
      sites.push_back({insn, values->top[0].value, share, runs});
  }
  std::ranges::stable_sort(
      sites, [](const EntryGuard& a, const EntryGuard& b) { return a.runs > b.runs; });
  if (sites.size() > kMostSites) sites.resize(kMostSites);
  if (!sites.empty() && sites[0].runs < kFirstRead) sites.clear();
  return sites;
}

void guard_entry(Work& work, const std::vector<EntryGuard>& guards) {
  Program& p = work.program;
  uint64_t bytes = 0;
  for (const EntryGuard& guard : guards) {
    assume(p, guard);
    bytes = std::max(bytes, guard.load.imm + load_size(guard.load.op));
  }
  const BlockId leave = leave_block(work);
  const uint32_t first = static_cast<uint32_t>(p.blocks.size());
  std::vector<uint32_t> order;
  for (size_t g = 0; g < guards.size(); ++g) {
    Block block = guard_block(p, guards[g], g == 0 ? bytes : 0, leave);
    const bool last = g + 1 == guards.size();
    block.term.taken.to = BlockId{last ? 0 : first + static_cast<uint32_t>(g) + 1};
    const double share = share_behind(work.profile, std::span(guards).first(g + 1));
    block.term.source = source_of_made(work, share, std::min(share, 1 - share));
    p.blocks.push_back(block);
    order.push_back(first + static_cast<uint32_t>(g));
  }
  for (uint32_t b = 0; b < first; ++b) order.push_back(b);
  reorder_blocks(p, order);
}

}  // namespace ipjit::ir
