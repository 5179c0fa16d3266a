// SPDX-License-Identifier: BSD-2-Clause
// What the user of ipjit-pktbench may say.
#pragma once

#include <string>
#include <vector>

#include "bench/dpdk/frames.h"

namespace ipjit::pktbench {

struct Options {
  std::vector<std::string> scenarios = {"filters"};
  std::string filters = "cdgij";         ///< letters of bench/filters.h
  std::vector<std::string> expressions;  ///< the user's own
  std::vector<std::string> engines;
  std::string hosts1000;  ///< where filter h's program is kept
  std::string port = "ring";
  FramesWish frames;
  unsigned lcores = 1, burst = 32;
  double bursty = 0;
  unsigned repeats = 7;
  double turn_s = 0.1, patience_s = 6;
  std::string rules;
  std::vector<size_t> rule_counts = {10, 100, 1000, 10000};
  unsigned swaps = 1000;
  double swap_s = 10, phase_s = 5;
  std::string json;
  std::vector<std::string> eal;  ///< behind --
};

/// Exits with 0 after --help and --version, with 2 on misuse.
Options options_of(int argc, char** argv);

}  // namespace ipjit::pktbench
