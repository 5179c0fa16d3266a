// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pcap/pcap.h>

#include <cstdint>

namespace ipjit::pcap {

/// bpf_filter() for a program that is known by nothing but its address.
/// Thread: any; each has a cache of its own.  In a signal handler libpcap runs.
uint32_t run_program_at(const bpf_insn* insns, const u_char* data, uint32_t wire_len,
                        uint32_t cap_len);

}  // namespace ipjit::pcap
