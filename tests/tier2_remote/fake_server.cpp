// SPDX-License-Identifier: BSD-2-Clause
// ipjit-tier2 with a compiler that does what the program's name asks for.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
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
    if (program.name == "hold") hold();
    if (program.name == "refuse")
      return Error{Stage::kTier2, Code::kNoSeed, 3, "this one is not to my taste"};
    return tier1_.compile(program, target);
  }

 private:
  /// Says that it is at work, and is so until the test has had enough (Setting::release()).
  static void hold() {
    const std::string directory = std::getenv("XDG_CACHE_HOME");
    close(open((directory + "/held").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const std::string released = directory + "/released";
    while (access(released.c_str(), F_OK) != 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  tier1::Tier1 tier1_;
  std::vector<std::string> eaten_;
};

}  // namespace

}  // namespace ipjit::tier2

int main(int argc, char** argv) {
  return ipjit::tier2::run_command(
      argc, argv, {"a fake", [] { return std::make_unique<ipjit::tier2::FakeCompiler>(); }});
}
