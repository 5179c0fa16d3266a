// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/filter_engines.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ipjit::pktbench {
namespace {

struct Material {
  Insns insns;
  std::span<rte_mbuf* const> packets;
};

struct Maker {
  const char* name;
  Candidate (*make)(const Material&);
};

template <ipjit_engine engine, Call call>
Candidate ours(const Material& material) {
  return ipjit_on_mbufs(material.insns, engine, call);
}

constexpr Maker kMakers[] = {
    {"libpcap", [](const Material& m) { return libpcap(m.insns); }},
    {"rte_bpf interp", [](const Material& m) { return rte_bpf_interp(m.insns); }},
    {"rte_bpf JIT", [](const Material& m) { return rte_bpf_jit(m.insns, m.packets); }},
    {"rte_bpf JIT repaired", [](const Material& m) { return rte_bpf_jit_repaired(m.insns); }},
    {"ipjit interp", ours<IPJIT_ENGINE_INTERP, Call::kSingle>},
    {"ipjit interp burst", ours<IPJIT_ENGINE_INTERP, Call::kBurst>},
    {"ipjit tier1", ours<IPJIT_ENGINE_TIER1, Call::kSingle>},
    {"ipjit tier1 burst", ours<IPJIT_ENGINE_TIER1, Call::kBurst>},
    {"ipjit tier2", ours<IPJIT_ENGINE_AUTO, Call::kSingle>},
    {"ipjit tier2 burst", ours<IPJIT_ENGINE_AUTO, Call::kBurst>},
};

}  // namespace

std::vector<std::string> filter_engine_names() {
  std::vector<std::string> names;
  for (const Maker& maker : kMakers) names.emplace_back(maker.name);
  return names;
}

std::vector<Candidate> filter_engines(Insns insns, std::span<rte_mbuf* const> packets,
                                      std::span<const std::string> names) {
  std::vector<Candidate> candidates;
  for (const Maker& maker : kMakers)
    if (std::find(names.begin(), names.end(), maker.name) != names.end())
      candidates.push_back(maker.make({insns, packets}));
  return candidates;
}

}  // namespace ipjit::pktbench
