// SPDX-License-Identifier: BSD-2-Clause
// A debugger that only counts.
//
// The child stops itself, runs the loop, and stops itself again; between the two stops the parent
// lets it run one instruction at a time.  The same with no packets is what stopping itself and the
// call of the loop cost, and is taken off.
#include "bench/micro/insns.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ipjit::bench {
namespace {

Error forbidden(const char* call) {
  return Error{Stage::kRuntime, Code::kUnavailable, 0,
               std::string(call) + ": " + std::strerror(errno)};
}

[[noreturn]] void child(const Runner& runner, size_t packets) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
  raise(SIGSTOP);
  runner.run(packets, 1);
  raise(SIGSTOP);
  _exit(0);
}

/// Waits until the child has stopped; gives the signal, 0 where it has ended.
int stopped(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
  }
  return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

Result<uint64_t> steps(const Runner& runner, size_t packets) {
  const pid_t pid = fork();
  if (pid < 0) return forbidden("fork");
  if (pid == 0) child(runner, packets);
  uint64_t count = 0;
  bool good = stopped(pid) == SIGSTOP;
  while (good && ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr) == 0) {
    const int signal = stopped(pid);
    if (signal == SIGSTOP) break;
    good = signal == SIGTRAP;
    ++count;
  }
  kill(pid, SIGKILL);
  stopped(pid);
  if (!good) return forbidden("ptrace");
  return count;
}

}  // namespace

Result<double> instructions_per_packet(const Runner& runner, size_t packets) {
  const Result<uint64_t> without = steps(runner, 0);
  if (!without) return without.error();
  const Result<uint64_t> with = steps(runner, packets);
  if (!with) return with.error();
  return static_cast<double>(*with - *without) / static_cast<double>(packets);
}

}  // namespace ipjit::bench
