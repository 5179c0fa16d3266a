// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pcap/pcap.h>

#include <cstdio>

namespace ipjit::pcap {

/// The real libpcap, found once; every field is callable.
struct Real {
#define IPJIT_REAL(result, name, parameters, arguments) result(*name) parameters;
#include "tools/pcap/real.def"
#undef IPJIT_REAL
};

/// Takes: a process that has libpcap loaded, which is so when one of our doubles is called.
///        Without it there is nobody to call, and the process stops with one line.
/// Thread: any, also in a signal handler once the first call has returned.
const Real& real();

/// True if a libpcap other than ours is in this process.
bool real_is_loaded();

}  // namespace ipjit::pcap
