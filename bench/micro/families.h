// SPDX-License-Identifier: BSD-2-Clause
// What micro_bench measures, a function a family.  Each registers its benchmarks under names of the
// form "family/what/size", where a size is there to be varied.
#pragma once

#include <span>

#include "bench/micro/engines.h"
#include "bench/traffic/traffic.h"

namespace ipjit::bench {

/// The packets that all families run over.
const Traffic& micro_traffic();

/// Compile latency and its stages by program length, and the verifier's bytes a second.
void register_compile();

/// Nanoseconds a packet: filters a to j, hot and stream, by engine.
void register_packets();

/// Nanoseconds a packet of the stream by rules and by program length, and the first packets after a
/// compile.
void register_rules();

/// Nanoseconds a packet and filter where each packet goes through many filters.
void register_crowds();

/// Tables: building and finding by size, against what else a program could use.
void register_lookup();

/// Swapping a live filter's program, what a change of tier leaves, and what sampling costs.
void register_runtime();

}  // namespace ipjit::bench
