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

int keep_to_oneself() {
  // Standard error stays, for last words.  No copy of the others may keep a pipe from its end.
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_UNSHARE) != 0) return errno;
  close(0);
  close(1);
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
  return {number_behind(all, "\nSeccomp:"), number_behind(all, "\nSeccomp_filters:")};
}

Confinement::Confinement() : process_("/proc/self/status"), thread_("/proc/thread-self/status") {}

Confinement::~Confinement() {
  close(process_.status);
  close(thread_.status);
}

}  // namespace ipjit::runtime
