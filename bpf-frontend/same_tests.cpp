// SPDX-License-Identifier: BSD-2-Clause
#include "bpf-frontend/same_tests.h"

#include <vector>

#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

struct Test {
  Insn insn;
  uint32_t taken = 0;  ///< numbers of other tests
  uint32_t other = 0;
};

bool counts(const Insn& insn) {
  return kind_of(insn.code) == Kind::kBranch || kind_of(insn.code) == Kind::kReturn;
}

// The instructions that count, with targets in their own numbering: that of the first one that
// counts at or after the target.
std::vector<Test> tests_of(std::span<const Insn> insns) {
  uint32_t total = 0;
  for (const Insn& insn : insns) total += counts(insn);
  std::vector<uint32_t> number(insns.size() + 1, total);
  std::vector<Test> tests(total);
  for (uint32_t pc = static_cast<uint32_t>(insns.size()); pc-- > 0;) {
    const Insn& insn = insns[pc];
    if (is_jump_always(insn)) {
      number[pc] = number[target(pc, insn.k)];
    } else if (counts(insn)) {
      number[pc] = --total;
      tests[total].insn = insn;
      if (kind_of(insn.code) != Kind::kBranch) continue;
      tests[total].taken = number[target(pc, insn.jt)];
      tests[total].other = number[target(pc, insn.jf)];
    } else {
      number[pc] = number[pc + 1];
    }
  }
  return tests;
}

}  // namespace

bool same_tests(std::span<const Insn> ours, std::span<const Insn> theirs, bool may_skip) {
  std::vector<Test> a = tests_of(ours), b = tests_of(theirs);
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].insn.code != b[i].insn.code || a[i].insn.k != b[i].insn.k) return false;
    bool same = a[i].taken == b[i].taken && a[i].other == b[i].other;
    bool skips = a[i].taken <= b[i].taken && a[i].other <= b[i].other;
    if (!(may_skip ? skips : same)) return false;
  }
  return true;
}

}  // namespace ipjit::bpf
