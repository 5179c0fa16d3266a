// SPDX-License-Identifier: BSD-2-Clause
// pcap_compile() and what is known of the programs that it made.
#pragma once

#include <pcap/pcap.h>

#include <string>

namespace ipjit::pcap {

/// pcap_compile(): long lists of hosts by the linear path, everything else by libpcap.
int compile_expression(pcap_t* pcap, bpf_program* program, const char* expression, int optimize,
                       bpf_u_int32 netmask);

/// The expression that a program came from, for `ipjit stats`; "bpf" if it is not known.
std::string expression_of(const bpf_insn* insns, size_t count);

/// bpf_dump(): a program of the linear path is shown as libpcap would have compiled it, if a
/// savefile that it was compiled for is still open.
void dump_program(const bpf_program* program, int option);

/// The program's memory is about to be freed.
void forget_program(const bpf_insn* insns);

/// The handle is about to be closed.
void forget_savefile(const pcap_t* pcap);

}  // namespace ipjit::pcap
