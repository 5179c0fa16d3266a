// SPDX-License-Identifier: BSD-2-Clause
// ipjit-tier2 with a compiler that does what the program's name asks for.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tier1-asmjit/tier1.h"
#include "tools/tier2/command.h"

namespace ipjit::tier2 {

namespace {

class FakeCompiler : public ir::Compiler {
 public:
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override {
    if (program.name == "crash") std::abort();
    if (program.name == "leave") _exit(0);
    if (program.name == "loop")
      for (volatile bool never = false; !never;) {
      }
    if (program.name == "eat")
      for (;;) eaten_.emplace_back(1 << 20, 'x');
    if (program.name == "sleep") std::this_thread::sleep_for(std::chrono::milliseconds(700));
    if (program.name == "refuse")
      return Error{Stage::kTier2, Code::kNoSeed, 3, "this one is not to my taste"};
    return tier1_.compile(program, target);
  }

 private:
  tier1::Tier1 tier1_;
  std::vector<std::string> eaten_;
};

}  // namespace

}  // namespace ipjit::tier2

int main(int argc, char** argv) {
  return ipjit::tier2::run_command(
      argc, argv, {"a fake", [] { return std::make_unique<ipjit::tier2::FakeCompiler>(); }});
}
