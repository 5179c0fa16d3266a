// SPDX-License-Identifier: BSD-2-Clause
// The filters as libpcap compiles them.
#pragma once

#include <string>

#include "bench/filters.h"
#include "bpf-frontend/insn.h"

namespace ipjit::bench {

struct Compiled {
  Filter filter;
  bpf::InsnList insns;
  double pcap_compile_s = 0;  ///< what libpcap's own compiler took
};

/// Runs pcap_compile() with its optimiser on.
Compiled compile_with_libpcap(const Filter& filter);

/// The same for filter h, which takes about a minute: kept in `path` between runs.
Compiled compile_hosts1000(const std::string& path);

}  // namespace ipjit::bench
