// SPDX-License-Identifier: BSD-2-Clause
// The process: waits for events, signals and time, and lets the two threads do their part.
#pragma once

#include <memory>
#include <string>

#include "runtime/kernel/device.h"
#include "tools/ipjitd/log.h"

namespace ipjit::daemon {

struct LoopOptions {
  std::string status_path = "/run/ipjit/status.json";  ///< empty: none is written
  bool tier2 = true;
  double tier1_share = 0.5;   ///< of one processor, in the long run, for compiles at tier 1
  double tier2_share = 0.05;  ///< for profiles, specialisation and the compiler of tier 2
  bool race = true;           ///< no: what should be faster is installed unmeasured
};

/// Serves until a signal ends it (SIGTERM, SIGINT, SIGHUP); filters go on with what they run.
/// Fails: kBusy: another daemon serves; as the device, once it can no longer be spoken to.
Status serve(std::unique_ptr<kernel::Device> device, Log& log, const LoopOptions& options);

}  // namespace ipjit::daemon
