// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

namespace ipjit::pcap {

/// Says on stderr, once a process, why libpcap runs a filter itself:
///   ipjit: frontend: 7: kBackwardJump: jump to 3; libpcap runs instead
void say_refusal(const std::string& why);

/// IPJIT_ENGINE=libpcap, or a second copy of us in this process: pass everything on.
/// The environment is not read in setuid and setcap programs.
bool standing_aside();

}  // namespace ipjit::pcap
