// SPDX-License-Identifier: BSD-2-Clause
// Filters that were written in C and compiled ahead of time by clang (c/): as a C programmer writes
// them, the same with a perfect profile, and the branch-free forms that tier 2 is held against.
//
// A form knows its filter by what libpcap made of it: the runner is given instructions, not names.
#include "bench/filters.h"
#include "bench/micro/engines.h"
#include "bench/micro/native.h"

#ifdef IPJIT_WITH_CLANG_C
#define FORMS(X) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h) X(i) X(j)
#define BRANCH_FREE_FORMS(X) X(c) X(d) X(f) X(g) X(h) X(j)
extern "C" {
#define FORM(id) uint64_t plain_##id(const uint8_t*, uint64_t, const ipjit_ctx*);
FORMS(FORM)
#undef FORM
#define FORM(id) uint64_t branch_free_##id(const uint8_t*, uint64_t, const ipjit_ctx*);
BRANCH_FREE_FORMS(FORM)
#undef FORM
#ifdef IPJIT_WITH_CLANG_PGO
#define FORM(id) uint64_t pgo_##id(const uint8_t*, uint64_t, const ipjit_ctx*);
FORMS(FORM)
#undef FORM
#endif
}
#endif

namespace ipjit::bench {
namespace {

struct Form {
  char id;
  ipjit_entry_fn run;
};

Result<Runner> runner(const char* name, char id, std::span<const Form> forms,
                      std::span<const ipjit_packet> packets) {
  for (const Form& form : forms)
    if (form.id == id) return calls(name, form.run, packets);
  return Error{Stage::kRuntime, Code::kUnavailable, 0, "not written in this form"};
}

#ifndef IPJIT_WITH_CLANG_PGO
Error no_clang(const char* what) {
  return Error{Stage::kRuntime, Code::kUnavailable, 0, std::string("built without ") + what};
}
#endif

}  // namespace

#ifdef IPJIT_WITH_CLANG_C
Result<Runner> c_plain(const Compiled& compiled, std::span<const ipjit_packet> packets) {
#define FORM(id) {#id[0], plain_##id},
  static constexpr Form kForms[] = {FORMS(FORM)};
#undef FORM
  return runner("clang -O3 C", compiled.filter.id, kForms, packets);
}

Result<Runner> c_branch_free(const Compiled& compiled, std::span<const ipjit_packet> packets) {
#define FORM(id) {#id[0], branch_free_##id},
  static constexpr Form kForms[] = {BRANCH_FREE_FORMS(FORM)};
#undef FORM
  return runner("branch-free C", compiled.filter.id, kForms, packets);
}
#else
Result<Runner> c_plain(const Compiled&, std::span<const ipjit_packet>) {
  return no_clang("clang-19");
}
Result<Runner> c_branch_free(const Compiled&, std::span<const ipjit_packet>) {
  return no_clang("clang-19");
}
#endif

#ifdef IPJIT_WITH_CLANG_PGO
Result<Runner> c_pgo(const Compiled& compiled, std::span<const ipjit_packet> packets) {
#define FORM(id) {#id[0], pgo_##id},
  static constexpr Form kForms[] = {FORMS(FORM)};
#undef FORM
  return runner("clang -O3 + PGO C", compiled.filter.id, kForms, packets);
}
#else
Result<Runner> c_pgo(const Compiled&, std::span<const ipjit_packet>) {
  return no_clang("clang-19 with its profile runtime, or llvm-profdata-19");
}
#endif

}  // namespace ipjit::bench
