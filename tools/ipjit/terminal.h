// SPDX-License-Identifier: BSD-2-Clause
// The terminal while one command has the whole of it.
#pragma once

#include <string>

#include <termios.h>

#include "tools/ipjit/top_screen.h"

namespace ipjit::cli {

/// Takes standard input and output: another screen, keys without Enter.  Gives both back when it
/// goes, also when a signal ends the command (end_asked()).
/// Thread: one, and one at a time.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;

  /// Both are a terminal.
  static bool here();

  ScreenSize size() const;
  void show(const std::string& lines);

  /// Waits for a key: its byte; 0 after `ms`, or where the screen's size has changed.
  char key(int ms);

 private:
  void take();
  void give_back();

  termios before_ = {};
};

/// SIGINT, SIGTERM or SIGHUP came since watch_signals().
void watch_signals();
bool end_asked();

/// Sleeps, but not beyond end_asked().
void sleep_ms(int ms);

}  // namespace ipjit::cli
