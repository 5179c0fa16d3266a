// SPDX-License-Identifier: BSD-2-Clause
// The ways out of a block's end, in order; the ways out of its needs are in its instructions.
#pragma once

#include "ir/program.h"

namespace ipjit::ir {

/// Calls visit(edge) for each; `P` and `T` are Program and Term, const or both not.
template <class P, class T, class Visit>
void for_each_edge(P& program, T& term, Visit visit) {
  switch (term.kind) {
    case TermKind::kJump:
      visit(term.taken);
      return;
    case TermKind::kBranch:
      visit(term.taken);
      visit(term.other);
      return;
    case TermKind::kSwitch:
      for (uint32_t i = 0; i < term.case_count; ++i) visit(program.cases[term.cases + i].edge);
      visit(term.other);
      return;
    case TermKind::kRet:
    case TermKind::kExit:
    case TermKind::kResume:
    case TermKind::kPull:
      return;
  }
}

}  // namespace ipjit::ir
