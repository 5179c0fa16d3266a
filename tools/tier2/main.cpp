// SPDX-License-Identifier: BSD-2-Clause
// ipjit-tier2: the only program of ipjit's that has LLVM in it.
#include <cstdio>
#include <cstring>
#include <string>

#include "arch-detect/target.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tier2-llvm/llvm_version.h"
#include "tier2-llvm/remote/message.h"
#include "tier2-llvm/tier2.h"
#include "tools/tier2/command.h"

namespace ipjit::tier2 {
namespace {

/// For `ipjit compile --emit llvm`: IR text from standard input.
Result<std::string> llvm_of_input(const char* target_name) {
  Result<const arch::Target*> target = arch::target_named(target_name);
  if (!target) return target.error();
  std::string text;
  char piece[65536];
  while (const size_t got = std::fread(piece, 1, sizeof piece, stdin)) {
    text.append(piece, got);
    if (text.size() > kMaxProgramText)
      return Error{Stage::kTier2, Code::kTooLong, 0,
                   "the program is over " + std::to_string(kMaxProgramText) + " bytes of text"};
  }
  Result<ir::Program> program = ir::parse(text);
  if (!program) return program.error();
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  return emit_llvm_text(*program, **target);
}

int print_llvm(const char* target_name) {
  const Result<std::string> llvm = llvm_of_input(target_name);
  if (!llvm) {
    std::fprintf(stderr, "%s\n", llvm.error().why.c_str());
    return 1;
  }
  return std::fputs(llvm->c_str(), stdout) < 0 || std::fflush(stdout) != 0;
}

}  // namespace
}  // namespace ipjit::tier2

int main(int argc, char** argv) {
  using namespace ipjit::tier2;
  if (argc == 3 && std::strcmp(argv[1], "--emit-llvm") == 0) return print_llvm(argv[2]);
  return run_command(argc, argv,
                     {"LLVM " + llvm_version(), [] { return std::make_unique<Tier2>(); }});
}
