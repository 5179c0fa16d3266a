// SPDX-License-Identifier: BSD-2-Clause
// The filter is replaced a thousand times a second while packets run through it.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/dpdk/load.h"
#include "bench/dpdk/progress.h"
#include "bench/dpdk/run.h"
#include "bench/micro/measure.h"
#include "bpf-frontend/insn.h"

namespace ipjit::pktbench {

struct SwapWish {
  std::string name, described;  ///< of the filter
  bpf::InsnList insns;
  unsigned per_second = 1000;
  double seconds = 10;  ///< with swaps; as long again without
  double segment_s = 1;
};

struct SwapSide {
  bench::Spread mpps;
  std::vector<double> segments_mpps;  ///< the same, as they came
  uint64_t received = 0;
  uint64_t wrong = 0;     ///< verdicts that neither program gives
  uint64_t of_other = 0;  ///< verdicts of the second program
  uint64_t lost = 0, dropped = 0;
  double longest_us = 0;  ///< longest stall
  uint64_t stalls = 0;    ///< above kStall
  double p999_us = 0;
};

struct SwapResults {
  SwapWish wish;
  SwapSide without, with;
  bench::Spread throughput;       ///< with, over without of the same pair of segments
  bench::Spread busy_throughput;  ///< the same by the lcore's CPU time
  uint64_t swaps = 0;
  double per_second = 0, replace_us = 0, longest_replace_us = 0;
  std::string failure;  ///< of a replacement
  bool fine() const {
    return with.wrong + without.wrong + with.lost + without.lost == 0 && failure.empty();
  }
};

/// Takes: a bench whose cable carries mbufs; `load` as its source.
/// Fails: kBadOption for another cable; the library's reason if it refuses the filter.
Result<SwapResults> swap_under_load(const Bench& bench, Load& load, const SwapWish& wish,
                                    Progress& progress);

nlohmann::json to_json(const SwapResults& results);
void print(const SwapResults& results);

}  // namespace ipjit::pktbench
