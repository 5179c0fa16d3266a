// SPDX-License-Identifier: BSD-2-Clause
// What ipjit-pktbench is where DPDK was not there when it was built.
#include <cstdio>

int main() {
  std::fputs(
      "ipjit-pktbench: missing: DPDK (libdpdk-dev) when this was built; packets_bench, swap_bench "
      "and phase_bench measure the same filters without ports\n",
      stderr);
  return 77;
}
