// SPDX-License-Identifier: BSD-2-Clause
// What the daemon shows: a JSON file, always whole, for `ipjit stats --why` and for people.
//
//   {"version": 1, "pid": 321, "mode": "on", "counts": {"installs": 3, ...},
//    "tier1": {"cpu_ms": 40, "percent": 50},
//    "tier2": {"on": true, "cpu_ms": 12, "percent": 5, ...},
//    "filters": [{"id": 7, "comm": "tcpdump", "uid": 0, "standing": "runs",
//                 "tier": 2, "version": 9, "refusals_in_a_row": 0, "why": ["..."]}]}
//
// Numbers that the kernel counts are not in it: ask the device.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "ipjit/error.h"
#include "tools/ipjitd/daemon.h"
#include "tools/ipjitd/known.h"

namespace ipjit::daemon {

/// Of the thread that tunes.
struct TuneCounts {
  bool on = false;
  std::string unavailable;    ///< why the better compiler does not answer; empty: it does
  uint64_t samples = 0;       ///< read
  uint64_t samples_lost = 0;  ///< overwritten before they were read
  uint64_t builds = 0;
  uint64_t refusals = 0;
  uint64_t disagreed = 0;  ///< samples whose verdict was not the interpreter's
  uint64_t cpu_ms = 0;     ///< of this thread and of the compiler for it
};

/// What the two threads may use of one processor in the long run, and the first one's use.
struct CpuBudget {
  uint64_t tier1_ms = 0;
  long tier1_percent = 0, tier2_percent = 0;
};

std::string status_json(const Daemon& daemon, Table& table, const TuneCounts& tune,
                        const CpuBudget& cpu);

/// Writes a file beside `path` and moves it there.
/// Fails: kIo, naming the call.
Status write_whole(const std::string& path, const std::string& text);

}  // namespace ipjit::daemon
