// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/llvm_text.h"

#include "ir/text.h"
#include "tier2-llvm/remote/remote_tier2.h"
#include "tools/ipjit/piped.h"
#include "tools/ipjit/stages.h"

namespace ipjit::cli {

Result<std::string> llvm_text(const ir::Program& program, const arch::Target& target) {
  if (Status wanted = tier2_wanted(); !wanted) return wanted.error();
  Result<std::string> path = tier2::tier2_program();
  if (!path) return path.error();
  Result<PipedRun> run =
      run_on(*path, {"--emit-llvm", std::string(target.name)}, ir::print(program));
  if (!run) return run.error();
  if (run->status == 0) return std::move(run->out);
  std::string why = run->err.substr(0, run->err.find('\n'));
  if (why.empty()) why = *path + " ended with status " + std::to_string(run->status);
  return Error{Stage::kTier2, Code::kRefused, 0, why};
}

}  // namespace ipjit::cli
