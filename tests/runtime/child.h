// SPDX-License-Identifier: BSD-2-Clause
// Runs a piece of a test in a forked child, which may be confined or die.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace ipjit::runtime {

/// The wait status of a child that runs `body` and exits with what it gives; 0 means well.
int in_child(auto body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

inline bool exited(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace ipjit::runtime
