// SPDX-License-Identifier: BSD-2-Clause
// Classic programs of any length, without waiting for libpcap, whose optimiser is cubic.
#pragma once

#include "bench/micro/programs.h"

namespace ipjit::bench {

/// Accepts IPv4 to or from one of the first `count` of listed_hosts(): two compares a host, as
/// "host A or host B ..." compiles to.  A compiler can make one table of it.
/// Takes: 1 to 1,000 hosts.
Compiled hosts_program(size_t count);

/// Accepts if one of eight words of the header, in turns, has a value under a mask of the test's
/// own: no two tests make a table, and nearly every packet goes through all of them. Takes: 1 to
/// 1,000 tests.
Compiled chain_program(size_t count);

}  // namespace ipjit::bench
