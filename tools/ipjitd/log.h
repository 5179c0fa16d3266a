// SPDX-License-Identifier: BSD-2-Clause
// What the daemon says: one line an event, to standard error or syslog, above the level that
// IPJIT_LOG names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace ipjit::daemon {

enum class Level : uint8_t { kError, kWarning, kInfo, kDebug };

const char* word_of(Level level);  ///< "error", "warning", "info", "debug"
std::optional<Level> level_named(std::string_view word);

class Log {
 public:
  using Sink = std::function<void(Level, const std::string& line)>;

  Log(Sink sink, Level most) : sink_(std::move(sink)), most_(most) {}

  void say(Level level, const std::string& line);

  /// For what may happen to thousands of filters alike: of lines with the same `kind`, the 1st,
  /// 2nd, 4th, 8th ... are said, with the number.
  void say_seldom(Level level, const std::string& kind, const std::string& line);

 private:
  Sink sink_;
  Level most_;
  std::mutex mutex_;
  std::map<std::string, uint64_t> said_;  ///< by kind; at most kKinds
};

/// Standard error; under systemd each line carries its priority.
Log::Sink to_stderr();
Log::Sink to_syslog();

}  // namespace ipjit::daemon
