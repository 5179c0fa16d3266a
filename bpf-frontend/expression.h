// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>
#include <string>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

struct bpf_program;
struct pcap;

namespace ipjit::bpf {

/// What libpcap needs to know about the capture that an expression is for.
struct Link {
  int dlt = 1;                    ///< DLT_*, 1: Ethernet
  uint32_t snaplen = 262144;      ///< bytes kept of a packet; the value an accepting filter returns
  uint32_t netmask = 0xffffffff;  ///< of the capture's network; PCAP_NETMASK_UNKNOWN
  bool optimize = true;
  /// The open savefile that the expression is for, which outlives this; null: none, so libpcap
  /// assumes a live capture.  Of a savefile it refuses other terms, looks for the address families
  /// of other systems, and knows the byte order.  `dlt` is then the file's.
  ::pcap* savefile = nullptr;
};

/// The part of libpcap that compiles.  A library that stands in for libpcap passes the functions
/// behind its own, so that nothing here calls back into it.
struct PcapApi {
  ::pcap* (*open_dead)(int dlt, int snaplen);
  int (*compile)(::pcap* handle, bpf_program* program, const char* expression, int optimize,
                 unsigned netmask);
  void (*freecode)(bpf_program* program);
  void (*close)(::pcap* handle);
  char* (*geterr)(::pcap* handle);

  static const PcapApi& linked();  ///< the libpcap that this library is linked with
};

/// Compiles a pcap expression through libpcap; long disjunctions of hosts by compile_host_list().
///
/// Fails: kSyntax with libpcap's message; kBadOption for a link type it does not know.
/// Thread: any: libpcap's compiler is reentrant since 1.8, and a lock could be held at a fork().
Result<InsnList> compile_expression(const std::string& expression, const Link& link,
                                    const PcapApi& api = PcapApi::linked());

/// Compiles `host a or src host b or net c or port d ...`, 16 terms and more, in linear time:
/// libpcap's own optimiser is cubic there.
///
/// Gives: a program with the same result as libpcap's optimised one on every packet, truncated ones
///        too, and hardly longer; nothing if the expression is anything else, or link.optimize is
///        off: then compile_expression() is the way.
/// Thread: as compile_expression().
std::optional<InsnList> compile_host_list(const std::string& expression, const Link& link,
                                          const PcapApi& api = PcapApi::linked());

}  // namespace ipjit::bpf
