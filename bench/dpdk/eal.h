// SPDX-License-Identifier: BSD-2-Clause
// Starts DPDK's environment as this machine allows, and says what it had to do without.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ipjit/error.h"

namespace ipjit::pktbench {

struct EalWish {
  unsigned lcores = 1;
  unsigned memory_mb = 1024;       ///< reserved; used as it is touched
  std::vector<std::string> extra;  ///< the user's own arguments: `-a 0000:03:00.0`
};

struct Eal {
  bool huge_pages = false;
  std::vector<std::string> notes;  ///< one line each: what is missing, what still runs
};

/// Once in a process.  The calling thread becomes the main lcore and is bound to its CPU.
///
/// Fails: kUnavailable: too few CPUs, or EAL's reason.
Result<Eal> start_eal(const EalWish& wish);

/// Runs `work` in a thread that may use every CPU but those of lcores (all of them where there are
/// no others), and waits.  Threads that `work` starts inherit that.
///
/// A filter's specialiser would starve on a polling lcore's CPU.
void off_lcores(const std::function<void()>& work);

/// CPUs that no lcore has.
size_t spare_cpus();

/// The same for the calling thread: from now on it keeps away from lcores' CPUs.
void leave_lcores();

}  // namespace ipjit::pktbench
