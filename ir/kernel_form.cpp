// SPDX-License-Identifier: BSD-2-Clause
// Fewer checks, for programs that may pull.
//
//   b0: need 14 else b8                 b0: need 38 else b8
//       v0 = load_be16 12                   v0 = load_be16 12
//       br v0 == 0x800 -> b1, b2            br v0 == 0x800 -> b1, b2
//   b1: need 34 else b8                 b1: v1 = load_be32 30
//       v1 = load_be32 30         ==>       br v1 == 0xc0000201 -> b3, b4
//       br v1 == 0xc0000201 -> b3, b4   b2: v2 = load_u8 37
//   b2: need 38 else b8                 ...
//       v2 = load_u8 37                 b8: pull 0
//   ...
//   b8: pull 0
//
// A general program may not do so: a packet of 20 bytes that used to be refused for its type would
// now be refused for its length.  Here it is pulled, and whoever decides then decides as before. So
// any need may ask for more than it must; it should not ask for what a packet often lacks, because
// a pull costs more than it saves.  Bytes are taken for granted, behind the 14 of an Ethernet
// header, up to the 42 of the least UDP packet (and of ARP); further on, and behind an offset
// value, up to 12 more than are asked for: from the ports of a TCP header to its flags.
//
// What is then covered is dropped by number_values().
//
// Hazard: whatever is counted or recorded before a pull would be done again by the engine that goes
// on, so a program with effects is no kernel form.
//
// Cost: one walk over the blocks.  Tested by tests/ir/kernel_form_test.cpp.
#include "ir/kernel_form.h"

#include <algorithm>

#include "ipjit/error.h"
#include "ir/edges.h"
#include "ir/optimize.h"
#include "ir/passes/passes.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kLinkHeader = 14;
constexpr uint64_t kLeastPacket = 42;
constexpr uint64_t kFurther = 12;

bool pulls(const Program& program, BlockId id) {
  const Block& block = program.blocks[index(id)];
  return block.count == 0 && block.term.kind == TermKind::kPull;
}

bool has_fixed_place(const Insn& insn) { return insn.op == Op::kNeed && insn.a == kNoValue; }

/// What the needs behind a place ask for.
struct Ahead {
  uint64_t usual = 0;  ///< at most kLeastPacket
  uint64_t most = 0;
};

/// Each need asks for the most that some way behind it needs, within reason.
void raise_fixed(Program& program) {
  std::vector<Ahead> starts(program.blocks.size());
  for (uint32_t b = static_cast<uint32_t>(program.blocks.size()); b-- > 0;) {
    const Block& block = program.blocks[b];
    Ahead now;
    for_each_edge(program, block.term, [&](const Edge& edge) {
      const Ahead& to = starts[index(edge.to)];
      now = {std::max(now.usual, to.usual), std::max(now.most, to.most)};
    });
    for (uint32_t i = block.first + block.count; i-- > block.first;) {
      Insn& insn = program.insns[i];
      if (!has_fixed_place(insn) || insn.base != Base::kData) continue;
      if (insn.imm >= kLinkHeader) insn.imm = std::max(insn.imm, now.usual);
      if (insn.imm > kLeastPacket && now.most - std::min(now.most, insn.imm) <= kFurther)
        insn.imm = std::max(insn.imm, now.most);
      if (insn.imm <= kLeastPacket) now.usual = std::max(now.usual, insn.imm);
      now.most = std::max(now.most, insn.imm);
    }
    starts[b] = now;
  }
}

/// The same for needs that count from a value, all of them at once.
void raise_behind_offsets(Program& program) {
  constexpr size_t kBases = 2;
  struct Asked {
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;  ///< of those that are near the least
  };
  std::vector<Asked> asked(program.values.size() * kBases);
  const auto of = [&](const Insn& insn) -> Asked& {
    return asked[index(insn.a) * kBases + static_cast<size_t>(insn.base)];
  };
  const auto each = [&](auto visit) {
    for (const Block& block : program.blocks)
      for (uint32_t i = block.first; i < block.first + block.count; ++i)
        if (Insn& insn = program.insns[i]; insn.op == Op::kNeed && insn.a != kNoValue)
          visit(insn, of(insn));
  };
  const auto near = [](const Insn& insn, const Asked& known) {
    return insn.imm - known.least <= kFurther;
  };
  each([](const Insn& insn, Asked& known) { known.least = std::min(known.least, insn.imm); });
  each([&](const Insn& insn, Asked& known) {
    if (near(insn, known)) known.most = std::max(known.most, insn.imm);
  });
  each([&](Insn& insn, const Asked& known) {
    if (near(insn, known)) insn.imm = known.most;
  });
}

}  // namespace

bool is_kernel_form(const Program& program) {
  for (const Block& block : program.blocks)
    for (const Insn& insn : program.insns_of(block)) {
      if (insn.op == Op::kEffect || insn.op == Op::kCount) return false;
      if (insn.op == Op::kNeed && !pulls(program, insn.fail)) return false;
    }
  return true;
}

void optimize_kernel_form(Program& program) {
  optimize(program);
  IPJIT_CHECK(is_kernel_form(program));
  raise_fixed(program);
  raise_behind_offsets(program);
  Workspace ws;
  number_values(program, ws);
  remove_dead(program, ws);
}

}  // namespace ipjit::ir
