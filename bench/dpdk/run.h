// SPDX-License-Identifier: BSD-2-Clause
// Packets through a filter: on one lcore to completion, or a generator's lcore and one for each
// queue.
#pragma once

#include "bench/dpdk/engine.h"
#include "bench/dpdk/histogram.h"
#include "bench/dpdk/mbufs.h"
#include "bench/dpdk/ports.h"

namespace ipjit::pktbench {

inline constexpr unsigned kMostBurst = 512;

/// Mbufs that packets come in, of each queue: more than can be on the way, which on one lcore is a
/// burst.
inline constexpr unsigned kCarriers = 2048, kCarriersAlone = 512;

/// Looking at the clock is no small part of forwarding a burst: of so many, one is timed.
inline constexpr unsigned kTimedEvery = 8;

/// A gap that is not just a burst: s.
inline constexpr double kStall = 50e-6;

/// What all runs share.
struct Bench {
  Cable cable;
  Source* source = nullptr;
  unsigned burst = 32;
  bool alone = true;  ///< generator and filter on the main lcore
};

/// A run ends after so many packets, or so long, whichever is set.
struct Until {
  uint64_t packets = 0;
  double seconds = 0;
};

struct Outcome {
  uint64_t sent = 0;      ///< by the generator
  uint64_t received = 0;  ///< by the filter
  uint64_t matched = 0;
  uint64_t dropped = 0;      ///< received, and the port would not take them back
  uint64_t lost = 0;         ///< sent, and never seen again, without those dropped
  uint64_t wall_cycles = 0;  ///< from the first packet to the last
  double busy_s = 0;         ///< the lcore's CPU time in it; on several lcores, time on the wall
  uint64_t longest_gap = 0;  ///< cycles between two looks at the clock, kTimedEvery bursts apart
  uint64_t stalls = 0;       ///< gaps above kStall
  /// Of every kTimedEvery-th burst: cycles from asking the port for packets to having given them
  /// back.
  Histogram bursts;

  double wall_s() const;
  /// As if nothing else ran on the lcore's CPU.
  double mpps() const { return static_cast<double>(received) / busy_s / 1e6; }
  double wall_mpps() const { return static_cast<double>(received) / wall_s() / 1e6; }
  double ns() const { return busy_s * 1e9 / static_cast<double>(received); }
};

/// Runs on the main lcore.  `engine` NULL: forward only.
Outcome run(const Bench& bench, Engine* engine, const Until& until);

}  // namespace ipjit::pktbench
