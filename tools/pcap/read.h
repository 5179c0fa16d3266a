// SPDX-License-Identifier: BSD-2-Clause
// Reading packets through a handle whose filter we run: the real handle accepts all.
#pragma once

#include <pcap/pcap.h>

#include "tools/pcap/handles.h"

namespace ipjit::pcap {

/// pcap_dispatch() on such a handle, savefile or live: counts, return codes and the state of
/// pcap_breakloop() come out as libpcap's own.
/// From: libpcap 1.10 pcap_offline_read(), pcap_read_linux_mmap_v3().
int read_packets(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user);

/// pcap_loop(): read_packets() until count, end of file, error or break.
int loop_packets(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user);

/// pcap_next() and pcap_next_ex().
const u_char* next_packet(Handle& handle, pcap_t* pcap, pcap_pkthdr* header);
int next_packet_ex(Handle& handle, pcap_t* pcap, pcap_pkthdr** header, const u_char** data);

}  // namespace ipjit::pcap
