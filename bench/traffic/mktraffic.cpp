// SPDX-License-Identifier: BSD-2-Clause
// Writes generated traffic as a pcap file, for the scripts that run whole programs.
//
//   mktraffic out.pcap [packets [repeat [seed]]]
//   mktraffic --filter g          prints the expression of a filter of filters.h
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/filters.h"
#include "bench/traffic/traffic.h"

int main(int argc, char** argv) {
  using namespace ipjit;
  if (argc == 3 && std::string_view(argv[1]) == "--filter" && argv[2][0] >= 'a' &&
      argv[2][0] <= 'j' && !argv[2][1]) {
    std::puts(bench::filter(argv[2][0]).expression.c_str());
    return 0;
  }
  const auto number = [&](int i, uint64_t fallback) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : fallback;
  };
  const uint64_t packets = number(2, 100'000), repeat = number(3, 1), seed = number(4, 1);
  if (argc < 2 || argc > 5 || argv[1][0] == '-' || !packets || !repeat) {
    std::fputs(
        "usage: mktraffic OUT.pcap [PACKETS [REPEAT [SEED]]]\n"
        "       mktraffic --filter a..j\n",
        stderr);
    return 2;
  }
  const Status written = bench::write_pcap(bench::generate(packets, seed), argv[1], repeat);
  if (!written) {
    std::fprintf(stderr, "mktraffic: %s\n", to_string(written.error()).c_str());
    return 1;
  }
  return 0;
}
