// SPDX-License-Identifier: BSD-2-Clause
// The passes of optimize(): one file each, of the pass's name.
//
// A pass rewrites in place: it may shorten a block's instructions, replace operands and edges, and
// leave blocks that nothing leads to.  Only remove_dead() moves things.  Between passes the program
// is valid.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/dominators.h"
#include "ir/passes/forward.h"
#include "ir/program.h"

namespace ipjit::ir {

/// What is known of a value wherever it is visible; number_values() fills it.
struct ValueInfo {
  uint64_t bits = ~uint64_t{0};  ///< those that may be set; also an upper bound
  bool constant = false;         ///< then its value is `bits`
  uint32_t node = 0;             ///< of the dominator tree of the walk that filled it
  uint32_t insn = 0xffffffff;    ///< its definition, unless it is a parameter
};

/// `a REL b` has been answered.
struct TestFact {
  Rel rel = Rel::kEq;
  bool holds = false;
  ValueId a = kNoValue;
  ValueId b = kNoValue;
  uint64_t imm = 0;
  uint32_t table = 0;
  uint32_t node = 0;           ///< of the block behind the edge
  uint32_t next = 0xffffffff;  ///< older fact of the same value
};

/// A need with an offset value that has passed.
struct NeedFact {
  uint32_t node;
  Base base;
  uint64_t bytes;
  uint32_t next;
};

/// For each base: whoever comes here with less than `bytes` ends in `fail`; kNoBlock: nothing is
/// known.
struct Demands {
  struct Demand {
    BlockId fail = kNoBlock;
    uint64_t bytes = 0;
  };
  Demand of[2];
};

/// Buffers that the passes share, so that a small filter is not slowed down by the allocator, which
/// would take a twelfth of the instructions from program to running code.
struct Workspace {
  /// Whether sources are keys of a profile: then a test whose edges swap loses its own.
  bool profiled = false;
  Forward forward;
  std::vector<ValueInfo> info;    ///< by value
  std::vector<ValueId> renamed;   ///< by value: what stands for it
  std::vector<uint32_t> heads;    ///< by value: newest fact
  std::vector<uint32_t> buckets;  ///< hash table of number_values()
  std::vector<uint32_t> chained;  ///< by instruction: the next of its bucket
  std::vector<uint8_t> marks;     ///< by value
  std::vector<uint32_t> ways;     ///< by block: edges in
  std::vector<uint32_t> numbers;  ///< by block: new id
  std::vector<ValueId> arguments;

  // Of one pass each.
  std::vector<TestFact> test_facts;     ///< thread_jumps()
  std::vector<uint32_t> facts_behind;   ///< by block: the fact of the latest edge to it
  std::vector<uint32_t> owners;         ///< by value: the block whose parameter it is
  std::vector<NeedFact> need_facts;     ///< number_values()
  std::vector<ValueId> incoming;        ///< by parameter: the value so far; itself: several
  std::vector<uint64_t> incoming_bits;  ///< by parameter
  std::vector<Demands> demands;         ///< merge_needs(), by block
  std::vector<uint32_t> keys_to;        ///< find_sets(), by block: keys of tests that lead there
};

/// Constants, identities, equal values and loads; needs that are known to hold.  Sets ws.info.
bool number_values(Program& program, Workspace& ws);

/// Edges over tests that are decided on that way.  Uses the ws.info of number_values().
bool thread_jumps(Program& program, Workspace& ws);

/// Raises needs to what every way behind them needs too, and drops what is then covered.
bool merge_needs(Program& program, Workspace& ws);

/// Chains of `==` to tests of a table.
bool find_sets(Program& program, Workspace& ws);

/// Values, parameters, blocks and tables that nobody uses; joins blocks; renumbers.
void remove_dead(Program& program, Workspace& ws);

/// Chains shorter than this stay comparisons: a probe costs about as much as 8 of them.
inline constexpr uint32_t kMinSetKeys = 8;

/// An ending that always goes along `edge`.
inline Term jump_along(const Edge& edge, uint32_t source) {
  Term term;
  term.kind = TermKind::kJump;
  term.taken = edge;
  term.source = source;
  return term;
}

/// Marks in ws.marks the parameters that are used outside their own block: no edge may go around
/// that block.
void mark_escaping(const Program& program, Workspace& ws);

}  // namespace ipjit::ir
