// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pcap/pcap.h>

namespace ipjit::pcap {

/// pcap_setfilter(): libpcap decides first, and says what it always said; then, where it would
/// interpret the program in this process, native code takes over and libpcap accepts all.
int set_filter(pcap_t* pcap, bpf_program* program);

}  // namespace ipjit::pcap
