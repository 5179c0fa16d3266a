// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 from outside: the program goes as text to this user's ipjit-tier2 process, bytes come
// back.
//
// LLVM is large, may crash, and must not be loaded twice into one process; so libipjit has none of
// it.  What comes back is a stranger's bytes: decoded with bounds here, and, like every unit, able
// to run only after runtime's CodeMemory has seen the verifier's proof of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "ir/compiler.h"
#include "tier2-llvm/remote/back_off.h"

namespace ipjit::tier2 {

struct RemoteOptions {
  uint32_t cpu_ms = 2000;         ///< processor time of one compile, enforced by the server
  uint32_t mib = 512;             ///< memory of one compile beyond the compiler itself
  uint32_t wait_ms = 10'000;      ///< wall clock from the call to its return, enforced here
  bool start = true;              ///< starts a server where none answers
  std::string root = "/dev/shm";  ///< the socket is in root/ipjit-UID/
  std::string program = {};       ///< the server; empty: what tier2_program() finds
  const std::atomic<bool>* stop = nullptr;  ///< once true, compile() gives up within 50 ms
};

/// What the last successful compile cost.
struct RemoteReport {
  bool cached = false;         ///< from the user's cache of finished code
  bool started = false;        ///< the server was started for it
  uint64_t compile_us = 0;     ///< in the server, parsing included; 0 if cached
  uint64_t round_trip_us = 0;  ///< from the call to its return

  bool operator==(const RemoteReport&) const = default;
};

class RemoteTier2 : public ir::Compiler {
 public:
  /// Reads the environment (IPJIT_TIER2, HOME, XDG_CACHE_HOME): a thread that may not does not
  /// construct one.  compile() does not read it.
  explicit RemoteTier2(RemoteOptions options = {});

  /// Takes: a valid program.
  /// Gives: a unit for the verifier.
  /// Fails: kUnavailable (no server, or it went away: asking later may help), kBadInput (a reply
  ///        that is none), kTooLong (text over kMaxProgramText), kRefused (over its budget, or the
  ///        compiler died of this program), and whatever the compiler itself refuses; the stage is
  ///        kTier2.  After kUnavailable, calls fail at once until a back-off of 1 s to 5 min is
  ///        over.
  /// Cost:  milliseconds; blocks for at most `wait_ms`.  Not for a thread that handles packets.
  /// Thread: one compile at a time per object.  Holds no descriptor and no child between calls;
  ///        raises no signal; fork() and a change of user between calls are fine.
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override;

  const RemoteReport& last() const { return last_; }

 private:
  Result<ir::MachineCode> ask(const ir::Program& program, const arch::Target& target);

  RemoteOptions options_;
  std::vector<std::string> environment_;  ///< of the server, if we start one
  int sandbox_ = 0;                       ///< the process's seccomp mode when this was made
  RemoteReport last_;
  BackOff back_off_;
  std::string last_failure_;
};

/// The installed ipjit-tier2: IPJIT_TIER2 if set (not under AT_SECURE), else beside this library or
/// where it is installed or built relative to it.
/// Fails: kUnavailable, naming where it was looked for.
Result<std::string> tier2_program();

}  // namespace ipjit::tier2
