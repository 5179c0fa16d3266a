// SPDX-License-Identifier: BSD-2-Clause
// What a process inherits over execve() from somebody it has never heard of: blocked and ignored
// signals, a processor that a packet thread was bound to, limits, a working directory on a file
// system that ought to be unmounted, descriptors.
//
// The scheduling class stays: from SCHED_IDLE there is no way back without a right, and who samples
// in idle time wants to be compiled for in idle time.
#include "tools/tier2/confine.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ipjit::tier2 {

namespace {

constexpr rlim_t kMostDescriptors = 256;

void reset_signals() {
  for (int signal = 1; signal < SIGRTMAX; ++signal) ::signal(signal, SIG_DFL);
  // A client that is gone, a full quota: each is the result of a call.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void limit(__rlimit_resource what, rlim_t most) {
  rlimit limit;
  if (getrlimit(what, &limit) != 0) return;
  limit.rlim_max = std::min(limit.rlim_max, most);
  limit.rlim_cur = std::min(limit.rlim_cur, most);
  setrlimit(what, &limit);
}

void run_anywhere() {
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
}

void drop_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  syscall(SYS_capset, &header, none);
}

}  // namespace

Status confine(int first) {
  if (getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid())
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 "it serves its own user only, and was started with another's rights"};
  reset_signals();
  syscall(SYS_close_range, static_cast<unsigned>(first), ~0u, 0);
  run_anywhere();
  umask(077);
  if (chdir("/") != 0) return Error{Stage::kTier2, Code::kUnavailable, 0, "there is no /"};
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, kMostDescriptors);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  drop_capabilities();
  return ok();
}

Result<int> stop_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ending, signal);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  const int fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0)
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 std::string("signalfd: ") + strerrordesc_np(errno)};
  return fd;
}

}  // namespace ipjit::tier2
