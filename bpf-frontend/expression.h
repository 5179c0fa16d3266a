// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"

namespace ipjit::bpf {

/// What libpcap needs to know about the capture that an expression is for.
struct Link {
  int dlt = 1;                    ///< DLT_*, 1: Ethernet
  uint32_t snaplen = 262144;      ///< bytes kept of a packet; the value an accepting filter returns
  uint32_t netmask = 0xffffffff;  ///< of the capture's network; PCAP_NETMASK_UNKNOWN
  bool optimize = true;
};

/// Compiles a pcap expression through libpcap; long disjunctions of hosts by a linear path that
/// accepts exactly the same packets (libpcap's own optimiser is cubic there).
///
/// Fails: kSyntax with libpcap's message; kBadOption for a link type it does not know.
/// Thread: calls are serialised: libpcap's compiler is not reentrant in all versions.
Result<InsnList> compile_expression(const std::string& expression, const Link& link);

}  // namespace ipjit::bpf
