// SPDX-License-Identifier: BSD-2-Clause
// The passes in order.
//
// Sets come first, on the program as the frontend made it: what libpcap optimised is mostly chains
// of `==`, and the thousand blocks that they shrink by are not walked by the others.  They come
// again at the end, because chains that alternate with loads are chains only when the loads are
// gone.  Threading needs blocks that numbering has emptied, and by cutting ways makes more values
// dominate others, so the two take turns; what libpcap optimised leaves it nothing to do.  Needs
// are merged when that is over: a raised need is no longer equal to the one before it, and keeps
// its block from being empty.
#include "ir/optimize.h"

#include "ipjit/kept.h"
#include "ir/passes/passes.h"

namespace ipjit::ir {
namespace {

// One turn suffices for what nobody optimised; each further one is for what the last one uncovered.
constexpr int kMaxTurns = 3;

constexpr size_t kKeptBlocks = 8192;

}  // namespace

void optimize(Program& program) {
  // A thread that compiles once compiles again; what a huge program needed is given back.
  Kept<Workspace> kept(program.blocks.size() <= kKeptBlocks);
  Workspace& ws = *kept;
  if (find_sets(program, ws)) remove_dead(program, ws);
  number_values(program, ws);
  for (int turn = 0; turn < kMaxTurns && thread_jumps(program, ws); ++turn)
    number_values(program, ws);
  merge_needs(program, ws);
  find_sets(program, ws);
  remove_dead(program, ws);
}

}  // namespace ipjit::ir
