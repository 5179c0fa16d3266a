// SPDX-License-Identifier: BSD-2-Clause
// A root, a home and a server of its own for each test.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <string>
#include <thread>

#include "ir/program.h"
#include "tier2-llvm/remote/fd.h"
#include "tier2-llvm/remote/meeting_place.h"
#include "tier2-llvm/remote/remote_tier2.h"

namespace ipjit::tier2 {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Asks every 5 ms, and gives up where another would have lost patience long ago.
bool eventually(auto condition) {
  for (int i = 0; i < 12'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

class Setting : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// A client that starts the tests' server.
  RemoteOptions options() const;
  RemoteTier2 client() const { return RemoteTier2(options()); }

  MeetingPlace place() const;

  /// The process behind the socket; 0 where nobody listens.
  pid_t server() const;

  /// Waits until the compiler has the program "hold" in hand; false if it does not come to that.
  bool holds() const;
  /// It may finish it, and all others of that name.
  void release() const;

  /// Ends it and waits until it is gone.
  static void end(pid_t process, int signal);

  std::string root_;
};

/// A filter that accepts IPv4; what its name does to the tests' compiler: fake_server.cpp.
ir::Program program_named(const std::string& name);

const arch::Target& target();

/// A connection to the path.
Fd connect_to(const std::string& path);

/// The first line of /proc/PID/FILE that begins with `key`, without it.
std::string proc_line(pid_t process, const std::string& file, const std::string& key);

bool lives(pid_t process);

}  // namespace ipjit::tier2
