// SPDX-License-Identifier: BSD-2-Clause
// Signals only leave a mark: whoever waits wakes up, sees it and leaves in the ordinary way, so
// that the terminal is given back.  SIGTSTP stops us as it does everyone; the screen is taken again
// when we are continued.
#include "tools/ipjit/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ipjit::cli {
namespace {

volatile sig_atomic_t ended = 0, resized = 0, stopped = 0;

void on_end(int) { ended = 1; }
void on_resize(int) { resized = 1; }
void on_stop(int) { stopped = 1; }

/// What was blocked before us: the mask to wait with.
sigset_t& mask_of_waiting() {
  static sigset_t mask = [] {
    sigset_t now;
    sigprocmask(SIG_BLOCK, nullptr, &now);
    return now;
  }();
  return mask;
}

void catch_signal(int number, void (*handler)(int)) {
  mask_of_waiting();
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_BLOCK, &one, nullptr);
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(number, &action, nullptr);
}

int wait_for(pollfd* what, nfds_t count, int ms) {
  const timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000L};
  const int ready = ppoll(what, count, &time, &mask_of_waiting());
  if (ready < 0 && errno != EINTR) ended = 1;  // it would fail at once again, and again
  return ready;
}

void put(const char* text) {
  std::fputs(text, stdout);
  std::fflush(stdout);
}

}  // namespace

void watch_signals() {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) catch_signal(number, on_end);
}

bool end_asked() { return ended != 0; }

void sleep_ms(int ms) {
  if (!ended) wait_for(nullptr, 0, ms);
}

bool Terminal::here() {
  const char* kind = std::getenv("TERM");
  const bool draws = kind && *kind && std::string_view(kind) != "dumb";
  return draws && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

Terminal::Terminal() {
  tcgetattr(STDIN_FILENO, &before_);
  catch_signal(SIGWINCH, on_resize);
  catch_signal(SIGTSTP, on_stop);
  take();
}

Terminal::~Terminal() { give_back(); }

void Terminal::take() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  put("\033[?1049h\033[?25l\033[?7l\033[H\033[2J");  // another screen, no cursor, no wrapping
}

void Terminal::give_back() {
  put("\033[?7h\033[?25h\033[?1049l");
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

ScreenSize Terminal::size() const {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

void Terminal::show(const std::string& lines) {
  // Each line wipes what the last screen left behind it; nothing is cleared first, so nothing
  // flickers.  The last line ends without a newline, which would scroll.
  std::string text = "\033[H";
  for (char c : lines.substr(0, lines.empty() ? 0 : lines.size() - 1)) {
    if (c == '\n') text += "\033[K\r";
    text += c;
  }
  put((text + "\033[K\033[J").c_str());
}

char Terminal::key(int ms) {
  pollfd in = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int ready = wait_for(&in, 1, ms);
  if (stopped) {
    stopped = 0;
    give_back();
    raise(SIGSTOP);
    take();
    return 0;
  }
  if (resized) {
    resized = 0;
    put("\033[2J");
    return 0;
  }
  char c = 0;
  if (ready <= 0) return 0;
  if (read(STDIN_FILENO, &c, 1) == 1) return c;
  ended = 1;  // the terminal is gone
  return 0;
}

}  // namespace ipjit::cli
