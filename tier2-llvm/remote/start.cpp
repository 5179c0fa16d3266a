// SPDX-License-Identifier: BSD-2-Clause
// Two clone() calls and an execve(), so that the host notices nothing:
//
//   host thread ── clone ──▶ first ── clone ──▶ second ── execve ──▶ ipjit-tier2
//        waits       exits at once      belongs to init
//
//   - CLONE_VM | CLONE_VFORK, as in posix_spawn(): nothing is copied, no pthread_atfork() handler
//   of
//     the host runs, and other threads do not fault on pages that became copy-on-write.  The thread
//     that called waits; a child runs on a stack of its own and calls nothing but the kernel:
//     memory and thread-local storage are the host's.
//   - No exit signal: the end of `first` sends no SIGCHLD, and wait(-1) of the host does not see
//   it.
//     __WALL reaps it here.
//   - All signals are blocked until the execve(), also the C library's own: no handler of the host
//     may run in its memory under another pid.
//   - The kernel gives `second` to init, or to the nearest child subreaper.  Were that the host, it
//     would get a SIGCHLD when the server ends; so such a host does not start one.
//
// posix_spawn() cannot do it: its child has the exit signal SIGCHLD.
#include "tier2-llvm/remote/start.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "tier2-llvm/remote/fd.h"

namespace ipjit::tier2 {

namespace {

constexpr size_t kStackBytes = 64 << 10;
constexpr size_t kMaxComplaint = 256;
constexpr unsigned kBeyondReady = kReadyFd + 1;
constexpr size_t kKernelSigset = 8;  ///< bytes; what rt_sigprocmask(2) wants

Error unavailable(const std::string& why) { return {Stage::kTier2, Code::kUnavailable, 0, why}; }

/// All that the two children need, made before there are any.
struct Plan {
  const char* program;
  char* const* argv;
  char* const* envp;
  int ready;
  int null;
  char* second_stack;  ///< its top
  int failed = 0;      ///< errno of the second clone()
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IPJIT_ONLY_THE_KERNEL __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define IPJIT_ONLY_THE_KERNEL
#endif

// syscall() sets errno, which is the waiting thread's: it looks at it after the clone() only to see
// a failure that clone() itself has put there.
IPJIT_ONLY_THE_KERNEL void say_and_exit(int to, int reason) {
  syscall(SYS_write, to, &reason, sizeof reason);
  syscall(SYS_exit_group, 1);
}

IPJIT_ONLY_THE_KERNEL int become_server(void* argument) {
  const Plan& plan = *static_cast<const Plan*>(argument);
  syscall(SYS_setsid);
  syscall(SYS_chdir, "/");
  syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Both are above what is about to be taken; see start_server().
  for (int fd = 0; fd < kReadyFd; ++fd) syscall(SYS_dup2, plan.null, fd);
  syscall(SYS_dup2, plan.ready, kReadyFd);
  if (syscall(SYS_close_range, kBeyondReady, ~0u, 0) != 0)
    say_and_exit(kReadyFd, ENOSYS);  // before Linux 5.9 the host's descriptors would leak
  syscall(SYS_execve, plan.program, plan.argv, plan.envp);
  say_and_exit(kReadyFd, errno);
  return 1;
}

IPJIT_ONLY_THE_KERNEL int first_child(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  if (clone(become_server, plan.second_stack, CLONE_VM | CLONE_VFORK, argument) < 0)
    plan.failed = errno;
  syscall(SYS_exit_group, 0);
  return 0;
}

/// Gives: 0, or errno.
int clone_twice(Plan& plan) {
  void* stacks = mmap(nullptr, 2 * kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stacks == MAP_FAILED) return errno;
  char* first_stack = static_cast<char*>(stacks) + kStackBytes;
  plan.second_stack = first_stack + kStackBytes;
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  // Not sigprocmask(): it leaves the signals with which the C library changes user or cancels.
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kKernelSigset);
  const pid_t first = clone(first_child, first_stack, CLONE_VM | CLONE_VFORK, &plan);
  int failed = first < 0 ? errno : plan.failed;
  while (first > 0 && syscall(SYS_wait4, first, nullptr, __WALL, nullptr) < 0 && errno == EINTR) {
  }
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kKernelSigset);
  munmap(stacks, 2 * kStackBytes);
  return failed;
}

bool would_be_parent() {
  int subreaper = 0;
  return getpid() == 1 ||
         (prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper != 0);
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// What the server said; empty if it took too long.  It says one thing, in one write(): the end of
/// the pipe may be held open by a child that the host forked meanwhile.
std::string hear(int ready, const Patience& patience) {
  while (patience.wait(ready, POLLIN)) {
    char said[kMaxComplaint];
    const ssize_t got = read(ready, said, sizeof said);
    if (got < 0 && errno == EINTR) continue;
    return got > 0 ? std::string(said, static_cast<size_t>(got))
                   : "it ended without a word; `ipjit-tier2 --version` may have one";
  }
  return "";
}

}  // namespace

Status start_server(const std::string& program, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment, const Patience& patience) {
  if (would_be_parent())
    return unavailable("this process reaps orphans, so the server would be its child");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return unavailable(strerrordesc_np(errno));
  const Fd ready(ends[0]);
  Fd theirs(ends[1]);
  // Above the four that the server will have, so that none is overwritten before it is copied.
  Fd ready_high(fcntl(theirs.get(), F_DUPFD_CLOEXEC, kReadyFd + 1));
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  Fd null_high(fcntl(null.get(), F_DUPFD_CLOEXEC, kReadyFd + 1));
  if (!ready_high || !null_high)
    return unavailable(std::string("/dev/null: ") + strerrordesc_np(errno));
  theirs.reset();
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::vector<char*> argv = pointers(words), envp = pointers(environment);
  Plan plan = {
      program.c_str(), argv.data(), envp.data(), ready_high.get(), null_high.get(), nullptr, 0};
  const int failed = clone_twice(plan);
  ready_high.reset();
  if (failed) return unavailable(program + ": clone: " + strerrordesc_np(failed));
  std::string said = hear(ready.get(), patience);
  if (said == kReady) return ok();
  if (said.empty()) return unavailable(program + " did not get ready in time");
  if (int reason = 0; said.size() == sizeof reason) {
    std::memcpy(&reason, said.data(), sizeof reason);
    const char* words_of_it = strerrordesc_np(reason);
    said = words_of_it ? words_of_it : "it cannot be run";
  }
  return unavailable(program + ": " + said);
}

}  // namespace ipjit::tier2
