// SPDX-License-Identifier: BSD-2-Clause
// Traffic that changes under running filters, over time.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/dpdk/load.h"
#include "bench/dpdk/progress.h"
#include "bench/dpdk/run.h"

namespace ipjit::pktbench {

struct PhaseWish {
  std::string name, described;
  double phase_s = 5;     ///< of each of the three
  double window_s = 0.1;  ///< of one point in the series
};

/// One engine's line in a picture.
struct Series {
  std::string name;
  std::vector<double> seconds, mpps;
  std::vector<std::string> engine;  ///< "tier1", "tier2 (asmjit)"
  std::vector<uint64_t> builds, retreats;
};

struct PhaseResults {
  PhaseWish wish;
  std::vector<std::pair<double, std::string>> marks;  ///< when, and what comes then
  std::vector<Series> series;
};

/// Takes: candidates, and a load with two sets: the usual traffic, and another.
PhaseResults phase_change(const Bench& bench, Load& load, std::vector<Candidate> candidates,
                          const PhaseWish& wish, Progress& progress);

/// {"filter", "marks": [{"seconds", "what"}], "series": [{"name", "seconds": [], "mpps": [],
///  "engine": [], "builds": [], "retreats": []}]}
nlohmann::json to_json(const PhaseResults& results);
void print(const PhaseResults& results);

}  // namespace ipjit::pktbench
