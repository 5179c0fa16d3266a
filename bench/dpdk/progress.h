// SPDX-License-Identifier: BSD-2-Clause
// One line on a terminal that says what runs; nothing where nobody watches.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace ipjit::pktbench {

class Progress {
 public:
  Progress() : shown_(isatty(STDERR_FILENO)) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void say(const std::string& what) {
    if (shown_) std::fprintf(stderr, "\r\033[K%.100s", what.c_str());
  }
  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  bool shown_;
};

}  // namespace ipjit::pktbench
