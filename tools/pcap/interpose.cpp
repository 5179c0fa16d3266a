// SPDX-License-Identifier: BSD-2-Clause
// The doubles: functions with libpcap's names, found before libpcap's own.
//
// Each one either passes its call on or hands it to the file that knows better.  libpcap calls some
// of these itself through its PLT (pcap_next() calls pcap_dispatch(), pcap_open_live() calls
// pcap_set_timeout()), so a double must be right for such calls too.
#include <pcap/pcap.h>

#include "tools/pcap/expressions.h"
#include "tools/pcap/handles.h"
#include "tools/pcap/notice.h"
#include "tools/pcap/offline.h"
#include "tools/pcap/read.h"
#include "tools/pcap/real.h"
#include "tools/pcap/setfilter.h"

#define IPJIT_DOUBLE extern "C" __attribute__((visibility("default")))

namespace ours = ipjit::pcap;

IPJIT_DOUBLE int pcap_compile(pcap_t* handle, bpf_program* program, const char* expression,
                              int optimize, bpf_u_int32 netmask) {
  return ours::compile_expression(handle, program, expression, optimize, netmask);
}

IPJIT_DOUBLE void pcap_freecode(bpf_program* program) {
  ours::forget_program(program->bf_insns);
  ours::real().pcap_freecode(program);
}

IPJIT_DOUBLE void bpf_dump(const bpf_program* program, int option) {
  ours::dump_program(program, option);
}

IPJIT_DOUBLE int pcap_setfilter(pcap_t* handle, bpf_program* program) {
  return ours::set_filter(handle, program);
}

IPJIT_DOUBLE int pcap_loop(pcap_t* handle, int count, pcap_handler callback, u_char* user) {
  return ours::loop_packets(ours::make_handle(handle), handle, count, callback, user);
}

IPJIT_DOUBLE int pcap_dispatch(pcap_t* handle, int count, pcap_handler callback, u_char* user) {
  return ours::read_packets(ours::make_handle(handle), handle, count, callback, user);
}

IPJIT_DOUBLE const u_char* pcap_next(pcap_t* handle, pcap_pkthdr* header) {
  ours::Handle* known = ours::filtering_handle(handle);
  return known ? ours::next_packet(*known, handle, header) : ours::real().pcap_next(handle, header);
}

IPJIT_DOUBLE int pcap_next_ex(pcap_t* handle, pcap_pkthdr** header, const u_char** data) {
  ours::Handle* known = ours::filtering_handle(handle);
  return known ? ours::next_packet_ex(*known, handle, header, data)
               : ours::real().pcap_next_ex(handle, header, data);
}

IPJIT_DOUBLE void pcap_breakloop(pcap_t* handle) {
  ours::Handle* known = ours::find_handle(handle);
  if (known && known->live) known->break_pending = true;
  ours::real().pcap_breakloop(handle);
}

IPJIT_DOUBLE int pcap_set_timeout(pcap_t* handle, int timeout_ms) {
  int result = ours::real().pcap_set_timeout(handle, timeout_ms);
  if (result == 0) ours::make_handle(handle).timeout_ms = timeout_ms;
  return result;
}

IPJIT_DOUBLE void pcap_close(pcap_t* handle) {
  ours::drop_handle(handle);
  ours::forget_savefile(handle);
  ours::real().pcap_close(handle);
}

IPJIT_DOUBLE int pcap_offline_filter(const bpf_program* program, const pcap_pkthdr* header,
                                     const u_char* data) {
  if (!program->bf_insns || ours::standing_aside())
    return ours::real().pcap_offline_filter(program, header, data);
  return static_cast<int>(
      ours::run_program_at(program->bf_insns, data, header->len, header->caplen));
}

IPJIT_DOUBLE u_int bpf_filter(const bpf_insn* insns, const u_char* data, u_int wire_len,
                              u_int cap_len) {
  if (!insns || ours::standing_aside())
    return ours::real().bpf_filter(insns, data, wire_len, cap_len);
  return ours::run_program_at(insns, data, wire_len, cap_len);
}
