// SPDX-License-Identifier: BSD-2-Clause
// Blocks in another order.
//
//   b0: br v0 == 5 -> b1, b2            b0: br v0 == 5 -> b1, b3
//   b1: ret 1                           b1: br v0 == 6 -> b2, b3      forward_order(): 0 2 1 3
//   b2: br v0 == 6 -> b1, b3     ==>    b2: ret 1
//   b3: ret 0                           b3: ret 0
//
// forward_order() is a topological sort that always takes the smallest id that may come next, so
// that a program that is in order stays as it is.
//
// Tested by tests/special/.
#include "ir/special/block_order.h"

#include <functional>
#include <queue>

namespace ipjit::ir {

void reorder_blocks(Program& program, const std::vector<uint32_t>& order) {
  std::vector<BlockId> renamed(program.blocks.size(), kNoBlock);
  for (uint32_t at = 0; at < order.size(); ++at) renamed[order[at]] = BlockId{at};
  std::vector<Block> blocks;
  blocks.reserve(order.size());
  for (uint32_t b : order) {
    Block& block = blocks.emplace_back(program.blocks[b]);
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      Insn& insn = program.insns[i];
      if (insn.op == Op::kNeed) insn.fail = renamed[index(insn.fail)];
    }
    for_each_edge(program, block.term, [&](Edge& edge) { edge.to = renamed[index(edge.to)]; });
  }
  program.blocks.swap(blocks);
}

std::vector<uint32_t> forward_order(const Program& program) {
  std::vector<uint32_t> waiting(program.blocks.size(), 0);  // by block: ways in, not placed yet
  std::vector<uint8_t> reached(program.blocks.size(), 0);
  std::vector<uint32_t> found{0};
  reached[0] = 1;
  for (size_t i = 0; i < found.size(); ++i)
    for_each_way(program, found[i], [&](uint32_t to) {
      ++waiting[to];
      if (reached[to] == 0) found.push_back(to);
      reached[to] = 1;
    });
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  ready.push(0);
  std::vector<uint32_t> order;
  order.reserve(found.size());
  while (!ready.empty()) {
    const uint32_t b = ready.top();
    ready.pop();
    order.push_back(b);
    for_each_way(program, b, [&](uint32_t to) {
      if (--waiting[to] == 0) ready.push(to);
    });
  }
  return order;
}

std::vector<uint32_t> count_ways(const Program& program) {
  std::vector<uint32_t> ways(program.blocks.size(), 0);
  ways[0] = 1;
  for (uint32_t b = 0; b < program.blocks.size(); ++b)
    if (ways[b] != 0) for_each_way(program, b, [&](uint32_t to) { ++ways[to]; });
  return ways;
}

}  // namespace ipjit::ir
