// SPDX-License-Identifier: BSD-2-Clause
// Switches: a few compares in a row, above that a search that halves the cases.
//
//   cases 1 2 | 3 | 4 5 6      cmp r8d, 3; je L3; jb low
//                              cmp r8d, 4; je L4 ...; jmp other
//                         low: cmp r8d, 1; je L1 ...; jmp other
//
// An indirect jump would be quicker, and is not allowed: the verifier wants to see every target.
//
// Tested by tests/tier1/branch_test.cpp.
#include <algorithm>

#include "ir/arithmetic.h"
#include "tier1-asmjit/emitter.h"

namespace ipjit::tier1 {

namespace x86 = asmjit::x86;
using ir::Case;
using ir::Term;

namespace {
constexpr size_t kInARow = 4;
}

void Emitter::search_cases(const Gp& value, std::span<const Case> cases, Label other) {
  if (cases.size() <= kInARow) {
    for (const Case& c : cases) {
      compare_register(ir::Rel::kEq, value, c.value);
      jump(Cond::kE, label_of(c.edge));
    }
    jump(other);
    return;
  }
  const size_t middle = cases.size() / 2;
  const Label low = jumps_.new_label();
  // A full comparison, also with 0: the order matters here.
  if (value.isGpq() || hidden(cases[middle].value)) {
    set_imm(x86::rcx, cases[middle].value);
    as_.cmp(value, of_size(x86::rcx, value.size()));
  } else {
    as_.cmp(value, static_cast<int32_t>(cases[middle].value));
  }
  jump(Cond::kE, label_of(cases[middle].edge));
  jump(Cond::kB, low);
  search_cases(value, cases.subspan(middle + 1), other);
  bind(low);
  search_cases(value, cases.first(middle), other);
}

void Emitter::emit_switch(const Term& term) {
  const Gp value = in_sized(term.a, x86::rax);
  const auto cases = program_->cases_of(term);
  const bool raw = selection_.raw(term.a);
  const uint32_t bytes = raw ? ir::load_size(selection_.def(term.a)->op) : 8;
  cases_.assign(cases.begin(), cases.end());
  if (raw) {
    std::erase_if(cases_, [&](const Case& c) { return c.value > UINT64_MAX >> (64 - 8 * bytes); });
    for (Case& c : cases_) c.value = ir::swapped(c.value, bytes);
    std::sort(cases_.begin(), cases_.end(),
              [](const Case& a, const Case& b) { return a.value < b.value; });
  }
  const std::span<const Case> all(cases_);
  if (all.size() > kInARow) return search_cases(value, all, label_of(term.other));
  for (const Case& c : all) {
    compare_register(ir::Rel::kEq, value, c.value);
    jump(Cond::kE, label_of(c.edge));
  }
  go(term.other);
}

}  // namespace ipjit::tier1
