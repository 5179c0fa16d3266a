// SPDX-License-Identifier: BSD-2-Clause
// One number for a program or a profile.
//
// A program's digest must survive its text form, which renumbers values in order of appearance and
// lays pools out anew; so values are numbered here in the order in which the walk meets them, and
// pools are followed rather than read.  Sources count: a profile is keyed by them.  Not a defence
// against anyone who looks for collisions.
//
// Tested by tests/ir/profile_test.cpp.
#include "ir/profile.h"
#include "ir/profile_text.h"

namespace ipjit::ir {
namespace {

class Hash {
 public:
  void add(uint64_t word) {
    // The finaliser of splitmix64 between words: each bit of one reaches all of the next.
    state_ += word + 0x9e3779b97f4a7c15;
    state_ = (state_ ^ state_ >> 30) * 0xbf58476d1ce4e5b9;
    state_ = (state_ ^ state_ >> 27) * 0x94d049bb133111eb;
    state_ ^= state_ >> 31;
  }

  uint64_t result() const { return state_ == 0 ? 1 : state_; }

 private:
  uint64_t state_ = 0;
};

class ProgramHash {
 public:
  explicit ProgramHash(const Program& program)
      : p_(program), number_(program.values.size(), kUnseen) {}

  uint64_t run() {
    for (uint32_t limit : {p_.exits, p_.resumes, p_.counters}) hash_.add(limit);
    hash_.add(p_.tables.size());
    for (const Table& table : p_.tables) add(table);
    hash_.add(p_.blocks.size());
    for (const Block& block : p_.blocks) add(block);
    return hash_.result();
  }

 private:
  static constexpr uint32_t kUnseen = 0xffffffff;

  void add(ValueId id) {
    if (id == kNoValue) {
      hash_.add(UINT64_MAX);
      return;
    }
    uint32_t& number = number_[index(id)];
    if (number == kUnseen) number = next_++;
    hash_.add(uint64_t{number} << 2 | static_cast<uint64_t>(p_.values[index(id)]));
  }

  void add(const Table& table) {
    hash_.add(uint64_t{table.key_bits} << 32 | table.miss);
    hash_.add(table.entries.size());
    for (const Table::Entry& entry : table.entries) {
      hash_.add(entry.key);
      hash_.add(entry.value);
    }
  }

  void add(const Insn& insn) {
    hash_.add(uint64_t{insn.source} << 32 | static_cast<uint64_t>(insn.op) << 8 |
              static_cast<uint64_t>(insn.base));
    hash_.add(insn.imm);
    hash_.add(uint64_t{insn.table} << 32 | index(insn.fail));
    for (ValueId id : {insn.result, insn.a, insn.b}) add(id);
  }

  void add(const Edge& edge) {
    hash_.add(uint64_t{index(edge.to)} << 32 | edge.arg_count);
    for (ValueId arg : p_.args_of(edge)) add(arg);
  }

  void add(const Term& term) {
    hash_.add(uint64_t{term.source} << 32 | static_cast<uint64_t>(term.kind) << 8 |
              static_cast<uint64_t>(term.rel));
    hash_.add(term.imm);
    hash_.add(uint64_t{term.table} << 32 | term.case_count);
    for (ValueId id : {term.a, term.b}) add(id);
    add(term.taken);
    add(term.other);
    for (const Case& one : p_.cases_of(term)) {
      hash_.add(one.value);
      add(one.edge);
    }
  }

  void add(const Block& block) {
    hash_.add(uint64_t{block.count} << 32 | block.param_count);
    for (ValueId param : p_.params_of(block)) add(param);
    for (const Insn& insn : p_.insns_of(block)) add(insn);
    add(block.term);
  }

  const Program& p_;
  std::vector<uint32_t> number_;
  uint32_t next_ = 0;
  Hash hash_;
};

}  // namespace

uint64_t digest(const Program& program) { return ProgramHash(program).run(); }

uint64_t digest(const Profile& profile) {
  Hash hash;
  for (char c : print(profile)) hash.add(static_cast<unsigned char>(c));
  return hash.result();
}

}  // namespace ipjit::ir
