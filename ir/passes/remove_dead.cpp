// SPDX-License-Identifier: BSD-2-Clause
// Removes what nobody uses, joins what has one way in, and renumbers.
//
//   b0: v0 = load_u8 9                  b0: v0 = load_u8 9
//       v1 = add v0, 1                      ret v0
//       jump b2(v0, v1)            ==>
//   b1: ret 0
//   b2(v2: u32, v3: u32): ret v2
//
// Three walks: forward, what is reached and by how many ways; backward, what is used (block order
// is topological, so a block knows which of its parameters matter before any edge to it is seen);
// forward, write the program anew.  A block that only one jump leads to is written behind that
// jump, and its parameters are the arguments.  The result is numbered in order of appearance, as
// parse() numbers, so that parse(print(p)) == p.
//
// Cost: linear.  Tested by tests/ir/passes_test.cpp and random_program_test.cpp.
#include <utility>

#include "ir/edges.h"
#include "ir/passes/passes.h"

namespace ipjit::ir {
namespace {

constexpr uint32_t kUnnumbered = 0xffffffff;

class RemoveDead {
 public:
  RemoveDead(Program& program, Workspace& ws)
      : p_(program), ws_(ws), used_(ws.marks), ways_(ws.ways), number_(ws.numbers) {}

  void run() {
    find_ways();
    find_uses();
    number_blocks();
    write();
  }

 private:
  // --- what is reached
  void find_ways() {
    ways_.assign(p_.blocks.size(), 0);
    ways_[0] = 1;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (ways_[b] == 0) continue;
      const Block& block = p_.blocks[b];
      for (const Insn& insn : p_.insns_of(block))
        if (insn.op == Op::kNeed) ++ways_[index(insn.fail)];
      for_each_edge(p_, block.term, [&](const Edge& edge) { ++ways_[index(edge.to)]; });
    }
  }

  /// Whether the block goes on in a block that has no other way in.
  bool joins(const Block& block) const {
    return block.term.kind == TermKind::kJump && ways_[index(block.term.taken.to)] == 1;
  }

  // --- what is used
  void use(ValueId id) {
    if (id != kNoValue) used_[index(id)] = 1;
  }

  bool used(ValueId id) const { return used_[index(id)] != 0; }

  void find_uses() {
    used_.assign(p_.values.size(), 0);
    table_used_.assign(p_.tables.size(), 0);
    for (uint32_t b = static_cast<uint32_t>(p_.blocks.size()); b-- > 0;) {
      if (ways_[b] == 0) continue;
      const Block& block = p_.blocks[b];
      use_term(block.term);
      for (uint32_t i = block.first + block.count; i-- > block.first;) {
        const Insn& insn = p_.insns[i];
        if (!stays(insn)) continue;
        use(insn.a);
        use(insn.b);
        if (insn.op == Op::kFind) table_used_[insn.table] = 1;
      }
    }
  }

  void use_term(const Term& term) {
    use(term.a);
    use(term.b);
    if (term.kind == TermKind::kBranch && term.rel == Rel::kIn) table_used_[term.table] = 1;
    for_each_edge(p_, term, [&](const Edge& edge) {
      const auto params = p_.params_of(p_.blocks[index(edge.to)]);
      const auto args = p_.args_of(edge);
      for (size_t i = 0; i < args.size(); ++i)
        if (used(params[i])) use(args[i]);
    });
  }

  bool stays(const Insn& insn) const { return insn.result == kNoValue || used(insn.result); }

  // --- the new program
  void number_blocks() {
    number_.assign(p_.blocks.size(), 0);
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (ways_[b] != 0 && joins(p_.blocks[b]))
        number_[index(p_.blocks[b].term.taken.to)] = kUnnumbered;
    uint32_t next = 0;
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) {
      if (ways_[b] == 0) number_[b] = kUnnumbered;
      if (number_[b] != kUnnumbered) number_[b] = next++;
    }
    kept_blocks_ = next;
  }

  void write() {
    renamed().assign(p_.values.size(), kNoValue);
    out_.blocks.reserve(kept_blocks_);
    out_.insns.reserve(p_.insns.size());
    out_.values.reserve(p_.insns.size() + p_.params.size());
    for (uint32_t b = 0; b < p_.blocks.size(); ++b)
      if (number_[b] != kUnnumbered) write_block(b);
    write_tables();
    p_.blocks.swap(out_.blocks);
    p_.insns.swap(out_.insns);
    p_.values.swap(out_.values);
    p_.params.swap(out_.params);
    p_.edge_args.swap(out_.edge_args);
    p_.cases.swap(out_.cases);
  }

  std::vector<ValueId>& renamed() { return ws_.renamed; }

  ValueId rename(ValueId id) { return id == kNoValue ? id : renamed()[index(id)]; }

  ValueId define(ValueId id) { return renamed()[index(id)] = out_.add_value(p_.values[index(id)]); }

  void write_block(uint32_t b) {
    Block made;
    made.params = static_cast<uint32_t>(out_.params.size());
    for (ValueId param : p_.params_of(p_.blocks[b]))
      if (used(param)) out_.params.push_back(define(param));
    made.param_count = static_cast<uint32_t>(out_.params.size()) - made.params;
    made.first = static_cast<uint32_t>(out_.insns.size());
    write_insns(p_.blocks[b]);
    while (joins(p_.blocks[b])) {
      const Edge& edge = p_.blocks[b].term.taken;
      b = index(edge.to);
      const auto params = p_.params_of(p_.blocks[b]);
      const auto args = p_.args_of(edge);
      for (size_t i = 0; i < args.size(); ++i)
        if (used(params[i])) renamed()[index(params[i])] = rename(args[i]);
      write_insns(p_.blocks[b]);
    }
    made.count = static_cast<uint32_t>(out_.insns.size()) - made.first;
    made.term = p_.blocks[b].term;
    write_term(made.term);
    out_.blocks.push_back(made);
  }

  void write_insns(const Block& block) {
    for (const Insn& old : p_.insns_of(block)) {
      if (!stays(old)) continue;
      Insn& insn = out_.insns.emplace_back(old);
      insn.a = rename(insn.a);
      insn.b = rename(insn.b);
      if (insn.result != kNoValue) insn.result = define(insn.result);
      if (insn.op == Op::kNeed) insn.fail = BlockId{number_[index(insn.fail)]};
    }
  }

  void write_term(Term& term) {
    term.a = rename(term.a);
    term.b = rename(term.b);
    if (term.kind == TermKind::kSwitch) {
      const auto cases = p_.cases_of(term);
      term.cases = static_cast<uint32_t>(out_.cases.size());
      out_.cases.insert(out_.cases.end(), cases.begin(), cases.end());
    }
    for_each_edge(out_, term, [&](Edge& edge) { write_edge(edge); });
  }

  void write_edge(Edge& edge) {
    const auto params = p_.params_of(p_.blocks[index(edge.to)]);
    const auto args = p_.args_of(edge);
    const uint32_t first = static_cast<uint32_t>(out_.edge_args.size());
    for (size_t i = 0; i < args.size(); ++i)
      if (used(params[i])) out_.edge_args.push_back(rename(args[i]));
    edge.to = BlockId{number_[index(edge.to)]};
    edge.arg_count = static_cast<uint32_t>(out_.edge_args.size()) - first;
    edge.args = edge.arg_count == 0 ? 0 : first;
  }

  void write_tables() {
    std::vector<uint32_t> numbers(p_.tables.size(), 0);
    uint32_t next = 0;
    for (uint32_t t = 0; t < p_.tables.size(); ++t) {
      if (table_used_[t] == 0) continue;
      numbers[t] = next;
      if (t != next) p_.tables[next] = std::move(p_.tables[t]);
      ++next;
    }
    if (next == p_.tables.size()) return;
    p_.tables.resize(next);
    for (Insn& insn : out_.insns)
      if (insn.op == Op::kFind) insn.table = numbers[insn.table];
    for (Block& block : out_.blocks)
      if (block.term.kind == TermKind::kBranch && block.term.rel == Rel::kIn)
        block.term.table = numbers[block.term.table];
  }

  Program& p_;
  Workspace& ws_;
  std::vector<uint8_t>& used_;
  std::vector<uint32_t>& ways_;
  std::vector<uint32_t>& number_;
  std::vector<uint8_t> table_used_;
  uint32_t kept_blocks_ = 0;
  Program out_;
};

}  // namespace

void remove_dead(Program& program, Workspace& ws) { RemoveDead(program, ws).run(); }

}  // namespace ipjit::ir
