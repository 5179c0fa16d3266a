// SPDX-License-Identifier: BSD-2-Clause
// Blocks in another order.
//
// An edge goes to a block with a larger id, so an order of blocks is an order of code too: passes
// that rewrite tests find an order that is legal again, layout() chooses one that is good.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/program.h"

namespace ipjit::ir {

/// Writes the blocks in this order and renames every edge.
/// Takes: ids of blocks, 0 first, none twice, with every block that one of them leads to.
/// Gives: a program of these blocks alone, which is valid if the order is topological.
void reorder_blocks(Program& program, const std::vector<uint32_t>& order);

/// The blocks that something leads to, each behind all that lead to it, otherwise as they stand.
/// Takes: an acyclic program, edges may go to smaller ids.
/// Cost:  linear, but for a heap of the blocks that could be next.
std::vector<uint32_t> forward_order(const Program& program);

/// By block: how many ways lead to it from blocks that something leads to; the first has one more.
std::vector<uint32_t> count_ways(const Program& program);

/// Calls visit(block id) for each way out of block `b`: failing needs in order, then the ending's.
template <class Visit>
void for_each_way(const Program& program, uint32_t b, Visit visit);

}  // namespace ipjit::ir

#include "ir/edges.h"

namespace ipjit::ir {

template <class Visit>
void for_each_way(const Program& program, uint32_t b, Visit visit) {
  const Block& block = program.blocks[b];
  for (const Insn& insn : program.insns_of(block))
    if (insn.op == Op::kNeed) visit(index(insn.fail));
  for_each_edge(program, block.term, [&](const Edge& edge) { visit(index(edge.to)); });
}

}  // namespace ipjit::ir
