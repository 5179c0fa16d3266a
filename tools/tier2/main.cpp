// SPDX-License-Identifier: BSD-2-Clause
// ipjit-tier2: the only program of ipjit's that has LLVM in it.
#include "tier2-llvm/llvm_version.h"
#include "tier2-llvm/tier2.h"
#include "tools/tier2/command.h"

int main(int argc, char** argv) {
  using namespace ipjit::tier2;
  return run_command(argc, argv,
                     {"LLVM " + llvm_version(), [] { return std::make_unique<Tier2>(); }});
}
