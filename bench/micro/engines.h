// SPDX-License-Identifier: BSD-2-Clause
// Everything that can run a filter, behind one function each: a loop over packets that counts
// matches. The loop is inside, so that no engine pays for another call per packet than its own.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/micro/programs.h"
#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "ipjit/ipjit.h"

namespace ipjit::bench {

struct Runner {
  std::string name;
  /// Runs the filter on the first `count` packets, `rounds` times; gives the matches.
  std::function<uint64_t(size_t count, size_t rounds)> run;
};

/// An engine loads a program and remembers the packets.
/// Fails: kRefused, kUnavailable; `why` is what a table can show.
using Engine = Result<Runner> (*)(const Compiled&, std::span<const ipjit_packet>);

Result<Runner> libpcap(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> dpdk_jit(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> dpdk_jit_repaired(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> c_plain(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> c_pgo(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> c_branch_free(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_interp(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier1(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier1_burst(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier1_body(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_specialised(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_specialised_body(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier2(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier2_burst(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier2_body(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> floor_one_byte(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> floor_two_bytes(const Compiled&, std::span<const ipjit_packet>);
Result<Runner> floor_dependent(const Compiled&, std::span<const ipjit_packet>);

/// The same for many programs: each packet goes through all of them before the next one comes.
using Crowd = Result<Runner> (*)(std::span<const Compiled>, std::span<const ipjit_packet>);

Result<Runner> libpcap_crowd(std::span<const Compiled>, std::span<const ipjit_packet>);
Result<Runner> dpdk_jit_repaired_crowd(std::span<const Compiled>, std::span<const ipjit_packet>);
Result<Runner> ipjit_tier1_crowd(std::span<const Compiled>, std::span<const ipjit_packet>);

/// "DPDK 22.11.11", or why there is none.
std::string dpdk_version();

/// Compile latency of rte_bpf for one program: convert, load, JIT; seconds, or a refusal.
Result<double> dpdk_compile_s(std::span<const bpf::Insn> insns);

}  // namespace ipjit::bench
