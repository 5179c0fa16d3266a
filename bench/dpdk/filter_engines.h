// SPDX-License-Identifier: BSD-2-Clause
// Everything that can run a classic filter on mbufs, one file each.
#pragma once

#include <span>

#include "bench/dpdk/engine.h"
#include "bpf-frontend/insn.h"
#include "ipjit/ipjit.h"

namespace ipjit::pktbench {

using Insns = std::span<const bpf::Insn>;

/// libpcap's interpreter, bpf_filter().
Candidate libpcap(Insns insns);

/// rte_bpf_exec_burst() as it is shipped.
Candidate rte_bpf_interp(Insns insns);
/// A call of the JIT's function for each packet.  `packets` try it out in a child process first
/// where it is known to be encoded wrongly.
Candidate rte_bpf_jit(Insns insns, std::span<rte_mbuf* const> packets);
/// The same with DPDK's two mistakes put right: what it would be if it were right.
Candidate rte_bpf_jit_repaired(Insns insns);

enum class Call : uint8_t { kSingle, kBurst };
/// Through ipjit/ipjit_dpdk.h.  IPJIT_ENGINE_AUTO is tier 2: it settles once specialised code runs.
Candidate ipjit_on_mbufs(Insns insns, ipjit_engine engine, Call call);

/// Names, of which some may be left out.
std::vector<std::string> filter_engine_names();

/// All whose names are in `names`, in the order of filter_engine_names().
std::vector<Candidate> filter_engines(Insns insns, std::span<rte_mbuf* const> packets,
                                      std::span<const std::string> names);

/// What libpcap says about each packet.
std::vector<uint32_t> expected_verdicts(Insns insns, std::span<const ipjit_packet> packets);

}  // namespace ipjit::pktbench
