// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjitd/log.h"

#include <syslog.h>

#include <bit>
#include <cstdio>
#include <cstdlib>

namespace ipjit::daemon {

namespace {

/// Kinds come from refusals' words, which a hostile program might make many of.
constexpr size_t kKinds = 1024;

int priority_of(Level level) {
  switch (level) {
    case Level::kError:
      return LOG_ERR;
    case Level::kWarning:
      return LOG_WARNING;
    case Level::kInfo:
      return LOG_INFO;
    case Level::kDebug:
      return LOG_DEBUG;
  }
  return LOG_ERR;
}

}  // namespace

const char* word_of(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kInfo:
      return "info";
    case Level::kDebug:
      return "debug";
  }
  return "?";
}

std::optional<Level> level_named(std::string_view word) {
  for (Level level : {Level::kError, Level::kWarning, Level::kInfo, Level::kDebug})
    if (word == word_of(level)) return level;
  return std::nullopt;
}

void Log::say(Level level, const std::string& line) {
  if (level > most_) return;
  std::lock_guard lock(mutex_);
  sink_(level, line);
}

void Log::say_seldom(Level level, const std::string& kind, const std::string& line) {
  if (level > most_) return;
  std::lock_guard lock(mutex_);
  if (said_.size() >= kKinds && !said_.contains(kind)) said_.clear();
  const uint64_t times = ++said_[kind];
  if (!std::has_single_bit(times)) return;
  sink_(level, times == 1 ? line : line + " (" + std::to_string(times) + " times by now)");
}

Log::Sink to_stderr() {
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  return [journal](Level level, const std::string& line) {
    if (journal)
      std::fprintf(stderr, "<%d>%s\n", priority_of(level), line.c_str());
    else
      std::fprintf(stderr, "ipjitd: %s: %s\n", word_of(level), line.c_str());
  };
}

Log::Sink to_syslog() {
  openlog("ipjitd", LOG_PID, LOG_DAEMON);
  return
      [](Level level, const std::string& line) { syslog(priority_of(level), "%s", line.c_str()); };
}

}  // namespace ipjit::daemon
