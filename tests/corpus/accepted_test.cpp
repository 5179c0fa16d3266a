// SPDX-License-Identifier: BSD-2-Clause
// What becomes of every program that there is when LLVM compiles it: a row for each source.
//
//   source                    programs  not ours  built by LLVM  accepted  refused
//   libpcap accept, unopt         1545         2           1541      1541  2: tier 2: too-long ...
//
// "Not ours" are programs that no compiler sees, because the frontend refuses them or they jump
// back.  What LLVM refuses is allowed, tier 1 runs on, and stands here with its reason; what the
// verifier refuses of LLVM's code fails the test.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "bpf-frontend/check.h"
#include "bpf-frontend/expression.h"
#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "tests/bpf/random_bpf.h"
#include "tests/corpus/corpus.h"
#include "tests/engines/native_code.h"
#include "tests/engines/tier2_compiler.h"

namespace ipjit::testing {
namespace {

using nlohmann::json;

struct Row {
  std::string source;
  size_t programs = 0, not_ours = 0, built = 0, accepted = 0;
  std::map<std::string, size_t> refused = {};  ///< by reason
};

class Table {
 public:
  Table() {
    std::printf("%-28s %8s %8s %8s %8s  %s\n", "source", "programs", "not ours", "built",
                "accepted", "refused");
  }
  ~Table() { end_row(); }

  void source(std::string name) {
    end_row();
    row_ = {.source = std::move(name)};
  }

  void program(std::span<const bpf::Insn> insns, bpf::Dialect dialect) {
    ++row_.programs;
    if (!bpf::check(insns, dialect) || bpf::has_backward_jump(insns)) {
      ++row_.not_ours;
      return;
    }
    Result<ir::Program> program = bpf::translate(insns, dialect);
    ASSERT_TRUE(program) << row_.source << ": " << to_string(program.error());
    ir::optimize(*program);
    const Result<Native> native = native_code(*engines::tier2_compiler(), *program, arch::detect());
    const bool by_llvm = !native && native.error().stage == Stage::kTier2;
    row_.built += !by_llvm;
    row_.accepted += bool(native);
    if (!native) ++row_.refused[native.error().why];
    EXPECT_TRUE(native || by_llvm) << row_.source << ": " << to_string(native.error());
  }

  size_t accepted() const { return row_.accepted; }

 private:
  void end_row() {
    if (row_.source.empty()) return;
    EXPECT_GT(row_.accepted, 0u) << row_.source << ": nothing was shown";
    std::printf("%-28s %8zu %8zu %8zu %8zu ", row_.source.c_str(), row_.programs, row_.not_ours,
                row_.built, row_.accepted);
    for (const auto& [why, count] : row_.refused) std::printf(" %zu: %s;", count, why.c_str());
    std::printf("\n");
  }

  Row row_;
};

void expressions(Table& table, bool optimize) {
  table.source(optimize ? "expressions" : "expressions, unoptimised");
  for (const std::string& text : corpus_expressions()) {
    const auto insns = bpf::compile_expression(text, {.netmask = 0x00ffffff, .optimize = optimize});
    ASSERT_TRUE(insns) << text;
    table.program(*insns, bpf::Dialect::kLibpcap);
  }
}

void libpcap_programs(Table& table, const json& suite, const char* form) {
  table.source(std::string("libpcap accept, ") + form);
  for (const json& test : suite["tests"]) {
    // A listing of every opcode, no program: its jumps lead nowhere.
    if (test["name"] == "bpf_image" || test[form].is_null()) continue;
    table.program(insns_of(test[form]), bpf::Dialect::kLibpcap);
  }
}

void suite_programs(Table& table, const char* name, const char* file, bpf::Dialect dialect) {
  table.source(std::string(name) + ", " + name_of(dialect));
  const json suite = corpus_json(file);
  for (const json& test : suite["tests"]) table.program(insns_of(test["insns"]), dialect);
}

void random_programs(Table& table, bpf::Dialect dialect, size_t count) {
  table.source(std::string("random, ") + name_of(dialect));
  for (uint64_t seed = 0; seed < count; ++seed) {
    bpf::Random random(9'000'000 + seed);
    table.program(bpf::random_program(random, dialect, seed % 8 == 0 ? 60 : 12), dialect);
  }
}

constexpr bpf::Dialect kDialects[] = {bpf::Dialect::kLibpcap, bpf::Dialect::kLinux};

TEST(Corpus, TheVerifierAcceptsWhatLlvmMakes) {
  if (!engines::tier2_compiler()) GTEST_SKIP() << "built without LLVM: there is no tier 2";
  Table table;
  if (corpus_folder()) {
    for (bool optimize : {true, false}) expressions(table, optimize);
    EXPECT_GT(table.accepted(), 90u);
    const json suite = corpus_json("libpcap/filter_accept.json.gz");
    for (const char* form : {"opt", "unopt"}) libpcap_programs(table, suite, form);
    EXPECT_GT(table.accepted(), 700u);
    for (bpf::Dialect dialect : kDialects)
      suite_programs(table, "bpfjit", "bpfjit/bpfjit.json", dialect);
    EXPECT_GT(table.accepted(), 60u);
    for (bpf::Dialect dialect : kDialects)
      suite_programs(table, "xnet", "xnet_bpf/vm_tests.json", dialect);
  } else {
    std::printf("no corpus beside the project (../shared/corpus): random programs only\n");
  }
  for (bpf::Dialect dialect : kDialects) random_programs(table, dialect, 300);
  EXPECT_EQ(table.accepted(), 300u);
}

}  // namespace
}  // namespace ipjit::testing
