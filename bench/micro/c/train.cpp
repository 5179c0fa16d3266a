// SPDX-License-Identifier: BSD-2-Clause
// Runs the instrumented C forms over the packets that the benchmark measures with, so that the
// profile that clang compiles with is a perfect one.
#include <cstdint>
#include <cstdio>

#include "bench/traffic/traffic.h"

#define FORM(id) extern "C" uint64_t pgo_##id(const uint8_t*, uint64_t, const void*);
FORM(a)
FORM(b)
FORM(c)
FORM(d)
FORM(e)
FORM(f)
FORM(g)
FORM(h)
FORM(i)
FORM(j)

int main() {
  const auto forms = {pgo_a, pgo_b, pgo_c, pgo_d, pgo_e, pgo_f, pgo_g, pgo_h, pgo_i, pgo_j};
  const ipjit::bench::Traffic traffic = ipjit::bench::generate(100'000);
  uint64_t matches = 0;
  for (const auto form : forms)
    for (const ipjit_packet& packet : traffic.packets())
      matches += form(packet.data, packet.caplen, nullptr) != 0;
  std::printf("%lu matches\n", static_cast<unsigned long>(matches));
  return matches > 0 ? 0 : 1;
}
