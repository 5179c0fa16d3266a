// SPDX-License-Identifier: BSD-2-Clause
// What our own libraries get when they call libpcap: the real one.
//
// The stages that are linked into this library use libpcap too (the runtime times its interpreter
// on sampled packets, the frontend compiles expressions).  Their calls must not come back in at the
// front as if the program had made them, so the linker renames them (--wrap, in CMakeLists.txt).
// Since none of them is left undefined, this library does not depend on libpcap, and preloading it
// does not pull libpcap into programs that have nothing to do with it.
#include "tools/pcap/real.h"

#define IPJIT_REAL(result, name, parameters, arguments)                              \
  extern "C" __attribute__((visibility("hidden"))) result __wrap_##name parameters { \
    return ipjit::pcap::real().name arguments;                                       \
  }
#include "tools/pcap/real.def"
#undef IPJIT_REAL
