// SPDX-License-Identifier: BSD-2-Clause
// A child between a shell and a command must be invisible: exit status, death by signal, ^C, ^Z.
//
// All signals are blocked and taken one by one with sigwaitinfo(), which has no races.  What the
// terminal sends (^C, ^\) reaches the child by itself, because both are in the foreground group: it
// is passed on only where a process sent it to us alone.  Stops are the child's business: when it
// stops, we stop, and continue it when we are continued.
#include "tools/ipjit/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ipjit::cli {
namespace {

Error cannot_run(const std::string& path, int reason) {
  return {Stage::kRuntime, Code::kIo, 0,
          fmt::format("{} cannot be run: {}", path, std::strerror(reason))};
}

/// A pipe that closes by itself when the child's exec succeeds, and carries errno when it does not.
struct ExecPipe {
  int ends[2] = {-1, -1};

  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  int wait_for_exec() {
    close(ends[1]);
    int reason = 0;
    ssize_t got = read(ends[0], &reason, sizeof reason);
    close(ends[0]);
    return got == sizeof reason ? reason : 0;
  }
};

std::vector<char*> argv_of(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

// The child stopped: stop with it, so that the shell gets its terminal back.
void stop_too(pid_t child) {
  raise(SIGSTOP);
  kill(child, SIGCONT);
}

/// Passes signals on until the child has ended.
/// Gives: its wait status.
int accompany(pid_t child, const sigset_t& all) {
  for (;;) {
    siginfo_t info;
    int signal = sigwaitinfo(&all, &info);
    if (signal < 0) continue;  // EINTR by a stop
    if (signal != SIGCHLD) {
      bool from_terminal = info.si_code == SI_KERNEL;
      if (!from_terminal) kill(child, signal);
      continue;
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG | WUNTRACED) == child) {
      if (!WIFSTOPPED(status)) return status;
      stop_too(child);
    }
  }
}

[[noreturn]] void die_by(int signal) {
  rlimit no_core = {0, 0};  // the child has left the core that matters
  setrlimit(RLIMIT_CORE, &no_core);
  ::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
  _exit(128 + signal);
}

}  // namespace

Error become(const std::string& path, const std::vector<std::string>& words) {
  execv(path.c_str(), argv_of(words).data());
  return cannot_run(path, errno);
}

Result<int> run_as_child(const std::string& path, const std::vector<std::string>& words,
                         const std::function<void(pid_t)>& when_done) {
  ExecPipe exec_pipe;
  if (!exec_pipe.open()) return cannot_run(path, errno);
  sigset_t all, before;
  sigfillset(&all);
  // A fault of ours must kill us at once, not wait in line.
  for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigdelset(&all, fault);
  // An ignored SIGCHLD would be inherited and would reap the child behind our back.
  struct sigaction default_action = {}, old_chld;
  default_action.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &default_action, &old_chld);
  sigprocmask(SIG_BLOCK, &all, &before);
  pid_t child = fork();
  if (child < 0) return cannot_run(path, errno);
  if (child == 0) {
    sigaction(SIGCHLD, &old_chld, nullptr);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    execv(path.c_str(), argv_of(words).data());
    int reason = errno;
    _exit(write(exec_pipe.ends[1], &reason, sizeof reason) == sizeof reason ? 127 : 126);
  }
  int reason = exec_pipe.wait_for_exec();
  int status = accompany(child, all);
  if (reason) return cannot_run(path, reason);
  when_done(child);
  if (WIFSIGNALED(status)) die_by(WTERMSIG(status));
  return WEXITSTATUS(status);
}

}  // namespace ipjit::cli
