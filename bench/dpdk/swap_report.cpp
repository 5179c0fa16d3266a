// SPDX-License-Identifier: BSD-2-Clause
#include <cinttypes>

#include "bench/dpdk/swap.h"

namespace ipjit::pktbench {
namespace {

nlohmann::json to_json(const SwapSide& side) {
  return {{"mpps", bench::to_json(side.mpps)},
          {"segments_mpps", side.segments_mpps},
          {"packets", side.received},
          {"wrong", side.wrong},
          {"of_second_program", side.of_other},
          {"lost", side.lost},
          {"dropped", side.dropped},
          {"longest_us", side.longest_us},
          {"stalls", side.stalls},
          {"burst_p99.9_us", side.p999_us}};
}

void print(const char* what, const SwapSide& side) {
  std::printf("  %-14s %-22s %10.1f %7" PRIu64 " %7" PRIu64 " %9.2f %10.1f %9" PRIu64 "\n", what,
              bench::to_string(side.mpps).c_str(), static_cast<double>(side.received) / 1e6,
              side.wrong, side.lost + side.dropped, side.p999_us, side.longest_us, side.stalls);
}

}  // namespace

nlohmann::json to_json(const SwapResults& results) {
  return {{"filter", results.wish.name},
          {"described", results.wish.described},
          {"wanted_per_second", results.wish.per_second},
          {"seconds", results.wish.seconds},
          {"segment_seconds", results.wish.segment_s},
          {"swaps", results.swaps},
          {"per_second", results.per_second},
          {"replace_us", results.replace_us},
          {"longest_replace_us", results.longest_replace_us},
          {"throughput", bench::to_json(results.throughput)},
          {"busy_throughput", bench::to_json(results.busy_throughput)},
          {"without", to_json(results.without)},
          {"with", to_json(results.with)}};
}

void print(const SwapResults& results) {
  std::printf("\nswap under load: %s (%.60s), %.0f s with swaps and as long without, in turns\n",
              results.wish.name.c_str(), results.wish.described.c_str(), results.wish.seconds);
  std::printf("  %-14s %-22s %10s %7s %7s %9s %10s %9s\n", "", "Mpps", "M packets", "wrong", "lost",
              "p99.9 us", "longest us", "> 50 us");
  print("without swaps", results.without);
  print("with swaps", results.with);
  std::printf("  %" PRIu64 " swaps, %.0f a second, %.1f us each (longest %.0f us)\n", results.swaps,
              results.per_second, results.replace_us, results.longest_replace_us);
  const auto percent = [](const char* by, const bench::Spread& ratio) {
    std::printf("  throughput by %s: %.2f %% [%.2f-%.2f] of without\n", by, 100 * ratio.median,
                100 * ratio.min, 100 * ratio.max);
  };
  percent("the wall's clock", results.throughput);
  percent("the lcore's CPU time", results.busy_throughput);
  if (!results.failure.empty()) std::printf("  FAILED: %s\n", results.failure.c_str());
  if (!results.fine()) std::printf("  FAILED: a verdict of neither program, or a packet lost\n");
  std::fflush(stdout);
}

}  // namespace ipjit::pktbench
