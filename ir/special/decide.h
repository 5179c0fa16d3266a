// SPDX-License-Identifier: BSD-2-Clause
// Whether to specialise, stay or go back: a pure function of what is known about one filter.
//
// Clock and counters are passed in, so that every answer can be tested and explained; `ipjit stats
// --why` shows the reasons as they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ipjit::ir {

struct Policy {
  uint64_t min_samples = 500;    ///< a profile of fewer says nothing
  double horizon_s = 60;         ///< how long the traffic is expected to go on as it is
  double min_gain_share = 0.03;  ///< of the current cost: less is noise of the model
  double min_gain_ns = 0.2;      ///< per packet
  double margin = 2;             ///< the gain within the horizon must be this many compile costs
  double max_guard_failures = 0.10;  ///< share of packets; more: retreat
  double max_drift = 0.25;           ///< Drift::largest against the profile that was built for
  double sure = 3;                   ///< standard errors behind which a measurement is no noise
  uint64_t first_backoff_ns = 1'000'000'000;  ///< after the first failure; doubles
  uint64_t longest_backoff_ns = 3'600'000'000'000;
};

/// What is known about one filter at one moment.
struct Situation {
  uint64_t now_ns = 0;    ///< monotonic
  uint32_t tier = 1;      ///< what runs: 0 interpreter, 1, 2
  bool available = true;  ///< tier 2 can build; `unavailable` says why not
  std::string unavailable;

  uint64_t samples = 0;           ///< of the fresh profile
  double packets_per_second = 0;  ///< seen lately

  double general_ns = 0;         ///< expected cost of the general code under the fresh profile
  double current_ns = 0;         ///< expected cost of what runs under the fresh profile
  double measured = 0;           ///< tier 2: what it takes in the general code's time; 0: unknown
  double measured_error = 0;     ///< standard error of `measured`
  double candidate_ns = 0;       ///< expected cost of the best candidate; 0: none was made
  bool same_as_current = false;  ///< the candidate is what runs already
  double compile_ns = 0;         ///< estimate: compile, verify, replay

  double guard_failures = 0;       ///< tier 2: share of packets that left by a guard lately
  double drift = 0;                ///< tier 2: Drift::largest from the profile that was built for
  bool assumption_broken = false;  ///< tier 2: a dependency has changed

  uint32_t failures = 0;         ///< builds refused and retreats, in a row
  uint64_t last_failure_ns = 0;  ///< 0: never
};

struct Decision {
  enum class Do : uint8_t { kStay, kBuild, kRetreat };

  Do what = Do::kStay;
  std::vector<std::string> reasons;  ///< whole sentences; the last one decided

  bool operator==(const Decision&) const = default;
};

const char* word_of(Decision::Do what);

/// Cost: none; call it once in a policy period.
Decision decide(const Situation& situation, const Policy& policy = {});

/// When a build may be tried again: back-off doubles with each failure in a row.
/// Gives: 0 without a failure.
uint64_t retry_at_ns(uint32_t failures, uint64_t last_failure_ns, const Policy& policy = {});

}  // namespace ipjit::ir
