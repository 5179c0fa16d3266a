// SPDX-License-Identifier: BSD-2-Clause
// What is known of the kernel's filters at one moment: the module's words and the daemon's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel/device.h"

namespace ipjit::cli {

/// What ipjitd says of itself in its status file.
struct DaemonStatus {
  bool running = false;  ///< the file names a process that lives
  int pid = 0;
  uint64_t waiting = 0;       ///< filters that wait for a compiler
  uint64_t cpu_ms = 0;        ///< spent on tier 2
  uint64_t tier1_cpu_ms = 0;  ///< spent on first compiles
  /// Of one processor, what either may take in the long run; 0: a daemon that does not say.
  uint64_t tier1_percent = 0, tier2_percent = 0;
  std::string no_tier2 = {};  ///< why there is no tier 2; empty: there is
  std::map<uint64_t, std::vector<std::string>> why = {};  ///< by filter: why its code is as it is

  bool operator==(const DaemonStatus&) const = default;
};

struct KernelView {
  ipjit_dev_info info = {};
  std::vector<ipjit_dev_filter> filters = {};
  DaemonStatus daemon = {};
};

/// Both verdicts of the packets that ran both.
struct Comparison {
  uint64_t packets = 0;
  uint64_t differences = 0;
  uint64_t kernel_cycles = 0;
  uint64_t native_cycles = 0;

  Comparison& operator+=(const ipjit_dev_filter& filter);

  /// Share of the kernel's time that our code leaves out; negative where ours is slower; none where
  /// nothing was timed.
  std::optional<double> saving() const;
};

Comparison comparison_of(const ipjit_dev_filter& filter);
Comparison comparison_of(const std::vector<ipjit_dev_filter>& filters);

/// Where ipjitd says what it does.
inline constexpr const char* kDaemonStatusPath = "/run/ipjit/status.json";

/// Takes: the status file's text (tools/ipjitd/status.h); an empty one is a daemon that does not
///        run.
/// Fails: Stage::kKernel, kBadInput where it is not the daemon's JSON.
Result<DaemonStatus> parse_daemon_status(const std::string& text);

/// What the daemon's file says now; without a pid where the file is there and may not be read.
DaemonStatus read_daemon_status(const std::string& path = kDaemonStatusPath);

/// Asks module and daemon.
/// Fails: as Device::info(), Device::list().
Result<KernelView> read_view(kernel::Device& device);

}  // namespace ipjit::cli
