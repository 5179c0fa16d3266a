// SPDX-License-Identifier: BSD-2-Clause
// Writes the host lists of filters g and h as C source: what their author would have generated too.
//
//   mkhosts DIRECTORY    writes hosts_100.inc, hosts_1000.inc, hosts_buckets.inc
#include <cstdio>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "bench/traffic/traffic.h"

namespace {

using Buckets = std::vector<std::vector<uint32_t>>;
constexpr size_t kSlots = 4;

Buckets deal(std::span<const uint32_t> hosts, uint32_t seed, int bits) {
  Buckets buckets(size_t{1} << bits);
  for (uint32_t host : hosts) buckets[host * seed >> (32 - bits)].push_back(host);
  return buckets;
}

bool fit(const Buckets& buckets) {
  for (const auto& bucket : buckets)
    if (bucket.size() > kSlots) return false;
  return true;
}

void write_buckets(std::ostream& out, std::span<const uint32_t> hosts, int bits) {
  std::mt19937 draw(1);
  uint32_t seed = draw() | 1;
  while (!fit(deal(hosts, seed, bits))) seed = draw() | 1;
  const std::string name = std::to_string(hosts.size());
  out << "enum { BITS_" << name << " = " << bits << " };\n#define SEED_" << name << " " << seed
      << "u\nstatic const uint32_t buckets_" << name << "[" << (1 << bits) << "][" << kSlots
      << "] __attribute__((aligned(64))) = {\n";
  const Buckets buckets = deal(hosts, seed, bits);
  const size_t first_home = hosts[0] * seed >> (32 - bits);
  for (size_t i = 0; i < buckets.size(); ++i) {
    uint32_t stranger = hosts[0];
    if (i == first_home)
      for (uint32_t host : hosts)
        if (host * seed >> (32 - bits) != i) stranger = host;
    out << "\t{";
    for (size_t slot = 0; slot < kSlots; ++slot)
      out << (slot < buckets[i].size() ? buckets[i][slot] : stranger) << "u, ";
    out << "},\n";
  }
  out << "};\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: mkhosts DIRECTORY\n");
    return 2;
  }
  const std::string folder = argv[1];
  std::ofstream buckets(folder + "/hosts_buckets.inc");
  for (size_t count : {size_t{100}, size_t{1000}}) {
    const std::vector<uint32_t> hosts = ipjit::bench::listed_hosts(count);
    std::ofstream cases(folder + "/hosts_" + std::to_string(count) + ".inc");
    for (uint32_t host : hosts) cases << "HOST(" << host << "u)\n";
    std::vector<uint32_t> raw;  // as a little-endian load sees them
    for (uint32_t host : hosts) raw.push_back(__builtin_bswap32(host));
    write_buckets(buckets, raw, count == 100 ? 6 : 10);
    if (!cases.flush()) buckets.setstate(std::ios::failbit);
  }
  if (buckets.flush()) return 0;
  std::fprintf(stderr, "mkhosts: cannot write to %s\n", folder.c_str());
  return 1;
}
