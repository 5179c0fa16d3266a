// SPDX-License-Identifier: BSD-2-Clause
// /proc is asked because the kernel's own call, prctl(PR_GET_SECCOMP), is what a sandbox may kill
// for.  Besides it knows of other threads, and of a filter that was added to others.
#include "runtime/tier/confinement.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace ipjit::runtime {

namespace {

constexpr size_t kStatusBytes = 16 << 10;  ///< a user may be in many groups

long number_behind(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  return at == text.npos ? -1 : std::strtol(text.data() + at + name.size(), nullptr, 10);
}

}  // namespace

// No copy may keep a pipe from its end: whoever reads a daemon's standard error waits for that.
int keep_to_oneself() {
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_UNSHARE) != 0) return errno;
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) nowhere = open("/", O_PATH | O_CLOEXEC);  // what is written there fails
  for (const int standard : {0, 1, 2})
    if (nowhere < 0 || dup2(nowhere, standard) < 0) close(standard);
  if (nowhere > 2) close(nowhere);
  return 0;
}

Confinement::Watched::Watched(const char* path)
    : status(open(path, O_RDONLY | O_CLOEXEC)), first(now()) {}

Confinement::State Confinement::Watched::now() const {
  char text[kStatusBytes];
  if (lseek(status, 0, SEEK_SET) != 0) return {};
  const ssize_t size = read(status, text, sizeof text - 1);
  if (size <= 0) return {};
  text[size] = 0;  // where strtol() ends
  const std::string_view all(text, static_cast<size_t>(size));
  return {number_behind(all, "\nSeccomp:"), number_behind(all, "\nSeccomp_filters:"),
          number_behind(all, "\nThreads:"), all.find("\nState:\tZ") != all.npos};
}

Confinement::Process Confinement::of_process() const {
  const State state = process_.now();
  if (!process_.as_first(state)) return Process::kConfined;
  // The first thread counts until its process has ended.
  return state.zombie && state.threads == 2 ? Process::kEnded : Process::kAsBefore;
}

Confinement::Confinement() : process_("/proc/self/status"), thread_("/proc/thread-self/status") {}

Confinement::~Confinement() {
  close(process_.status);
  close(thread_.status);
}

}  // namespace ipjit::runtime
