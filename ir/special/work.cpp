// SPDX-License-Identifier: BSD-2-Clause
// What the passes of specialise() share: the way out, and tidying up.
//
// The way out is a block `count 0; pull 0` until the general program is there to be jumped to.  The
// counter marks it, whatever the passes do with block ids: a program whose general form counts by
// itself has no such block.
//
// Tested by tests/special/.
#include <algorithm>
#include <cstdio>

#include "ir/edges.h"
#include "ir/special/passes.h"

namespace ipjit::ir {
namespace {

bool leaves_trace(Op op) { return op == Op::kEffect || op == Op::kCount; }

// One turn suffices mostly; the next ones are for what the last one uncovered.
constexpr int kMaxTurns = 3;

constexpr uint64_t kMadeRuns = uint64_t{1} << 20;  // a share as counts; of more packets, more

}  // namespace

std::string decimals(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

bool can_leave(const Work& work) { return work.general.counters == 0; }

bool is_leave(const Work& work, const Block& block) {
  if (!can_leave(work)) return false;
  for (const Insn& insn : work.program.insns_of(block))
    if (insn.op == Op::kCount) return true;
  return false;
}

namespace {

/// Blocks were added behind the old one; nothing needs to go there any more.
void lead_old_ways(Work& work, BlockId made) {
  Program& p = work.program;
  const auto lead = [&](BlockId& to) {
    const Block& block = p.blocks[index(to)];
    if (to != made && block.count == 1 && is_leave(work, block)) to = made;
  };
  for (Block& block : p.blocks) {
    for (uint32_t i = block.first; i < block.first + block.count; ++i)
      if (p.insns[i].op == Op::kNeed && p.insns[i].fail != kNoBlock) lead(p.insns[i].fail);
    for_each_edge(p, block.term, [&](Edge& edge) { lead(edge.to); });
  }
}

}  // namespace

BlockId leave_block(Work& work) {
  Program& p = work.program;
  if (!p.blocks.empty() && p.blocks.back().count == 1 && is_leave(work, p.blocks.back()))
    return BlockId{static_cast<uint32_t>(p.blocks.size() - 1)};
  p.counters = 1;
  Block block;
  block.first = static_cast<uint32_t>(p.insns.size());
  block.count = 1;
  block.term.kind = TermKind::kPull;
  Insn count;
  count.op = Op::kCount;
  p.insns.push_back(count);
  p.blocks.push_back(block);
  const BlockId made{static_cast<uint32_t>(p.blocks.size() - 1)};
  lead_old_ways(work, made);
  return made;
}

uint32_t source_of_made(Work& work, double taken, double mispredicted) {
  uint32_t source = 0;
  const auto above = [&](uint32_t known) {
    if (known != kNoSource) source = std::max(source, known + 1);
  };
  for (const Block& block : work.general.blocks) above(block.term.source);
  for (const Insn& insn : work.general.insns) above(insn.source);
  if (!work.profile.branches.empty()) above(work.profile.branches.rbegin()->first);
  if (source == kNoSource) return kNoSource;
  // A test that runs less often than packets come is one that not all have been asked.
  const uint64_t runs = std::max(kMadeRuns, work.profile.packets);
  const auto part = [runs](double share) {
    return static_cast<uint64_t>(static_cast<double>(runs) * std::clamp(share, 0.0, 1.0));
  };
  work.profile.branches[source] = {part(taken), runs - part(taken), part(mispredicted)};
  return source;
}

std::vector<uint8_t> may_leave(const Work& work) {
  const Program& p = work.program;
  std::vector<uint8_t> may(p.blocks.size(), can_leave(work) ? 1 : 0);
  // Block order is topological: what comes before a block is known when the walk arrives there.
  for (uint32_t b = 0; b < p.blocks.size(); ++b) {
    bool clean = may[b] != 0;
    const auto reach = [&](BlockId to) {
      if (!clean) may[index(to)] = 0;
    };
    for (const Insn& insn : p.insns_of(p.blocks[b])) {
      if (leaves_trace(insn.op)) clean = false;
      if (insn.op == Op::kNeed) reach(insn.fail);
    }
    for_each_edge(p, p.blocks[b].term, [&](const Edge& edge) { reach(edge.to); });
  }
  return may;
}

void tidy(Work& work) {
  number_values(work.program, work.ws);
  for (int turn = 0; turn < kMaxTurns && thread_jumps(work.program, work.ws); ++turn)
    number_values(work.program, work.ws);
  remove_dead(work.program, work.ws);
}

}  // namespace ipjit::ir
