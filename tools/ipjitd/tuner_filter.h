// SPDX-License-Identifier: BSD-2-Clause
// What the Tuner keeps of one filter.
#pragma once

#include <optional>

#include "runtime/tier/study.h"
#include "tools/ipjitd/tuner.h"

namespace ipjit::daemon {

/// With fewer packets since the last look, a share of guard failures says little.
inline constexpr uint64_t kGuardPackets = 64;

struct Tuner::Filter {
  Filter(uint64_t id, std::shared_ptr<const Prepared> from);

  /// Code that we made for this traffic runs.
  bool runs_special() const { return version != 0 && seen.version == version && seen.tier == 2; }

  /// The general code in this process; null where it cannot be sealed.
  const kernel::Trial* general_on_trial() {
    if (!general_trial && !general_refused) {
      Result<kernel::Trial> sealed = kernel::Trial::seal(prepared->unit);
      if (sealed)
        general_trial = std::move(*sealed);
      else
        general_refused = true;
    }
    return general_trial ? &*general_trial : nullptr;
  }

  const uint64_t id;
  const std::shared_ptr<const Prepared> prepared;
  const ir::Program general;  ///< the prepared one's, its sites numbered
  runtime::Study study;
  ipjit_dev_filter seen = {};
  double packets_per_second = 0;

  uint64_t version = 0;  ///< of our specialised code; 0: none, or given up
  std::unique_ptr<kernel::Unit> special;
  std::optional<kernel::Trial> special_trial, general_trial;
  bool general_refused = false;
  size_t backend = 0;              ///< that made it
  size_t last_backend = SIZE_MAX;  ///< none above is tried with this special program
  uint64_t upgrade_at_ns = 0;
  uint32_t upgrade_failures = 0;

  uint64_t retreated = 0, heeded = 0;  ///< the kernel's last retreat; as far as we have acted on it
  uint64_t given_up = 0;               ///< version from which we have asked to retreat
  uint64_t counted_version = 0, counted_packets = 0, counted_failures = 0;
  double guard_failures = 0;
  bool overtaken = false;  ///< the last build came too late: no fault of it
  uint64_t sampled = 0;    ///< of late
  uint32_t last_cpu = UINT32_MAX;
  uint64_t last_ordinal = 0;
  uint64_t builds = 0, refusals = 0, disagreed = 0;
  uint64_t next_ns = 0, period_ns = 0;
};

}  // namespace ipjit::daemon
