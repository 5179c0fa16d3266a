// SPDX-License-Identifier: BSD-2-Clause
// One contest: every engine over the same packets, checked first, then timed in turns.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/dpdk/progress.h"
#include "bench/dpdk/run.h"
#include "bench/micro/measure.h"

namespace ipjit::pktbench {

struct Effort {
  unsigned repeats = 7;
  double turn_s = 0.1;      ///< how long an engine runs in each repeat
  double patience_s = 6.0;  ///< for an engine to settle
};

/// A packet that an engine gets wrong.
struct WrongPacket {
  size_t at = 0;
  uint32_t got = 0, want = 0;
  std::string hex;
};

struct Row {
  std::string name;
  std::string refusal;  ///< not empty: nothing else is set
  std::string state;
  bench::Spread mpps, ns, cycles, over_forward_ns;
  double p50_us = 0, p99_us = 0, p999_us = 0;  ///< of bursts
  uint64_t dropped = 0, lost = 0;
  uint64_t matches = 0;  ///< of one round through the traffic
  uint64_t wrong = 0;    ///< packets with another verdict than expected
  std::optional<WrongPacket> first_wrong;
  std::vector<std::string> known_bugs;
  bool unsteady = false;  ///< a run matched another number than the check did, and nothing was lost
  /// By the reference's name: how many times faster, end to end and without what is common.
  struct Ratio {
    std::string over;
    bench::Spread end_to_end, subtracted;
  };
  std::vector<Ratio> ratios;

  const Ratio* over(const std::string& reference) const {
    for (const Ratio& ratio : ratios)
      if (ratio.over == reference) return &ratio;
    return nullptr;
  }

  /// As expected, or wrong for a reason that has a name.
  bool explained() const { return wrong == 0 || !known_bugs.empty(); }
};

struct Results {
  std::string name, described;
  size_t packets = 0;
  std::vector<Row> rows;  ///< the first is "forward only"
  std::string reference;  ///< whose time the table's ratios are to; empty: nobody's
  bool fine() const;
};

/// Takes: mbufs in the order of contest.expected.
Results measure(const Bench& bench, Contest& contest, const MbufList& mbufs, const Effort& effort,
                Progress& progress);

nlohmann::json to_json(const Results& results);

/// For a person: a line an engine, then what differs and why.
void print(const Results& results);

}  // namespace ipjit::pktbench
