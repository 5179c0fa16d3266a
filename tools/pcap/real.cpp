// SPDX-License-Identifier: BSD-2-Clause
// Finds the libpcap that we stand in front of.
//
// Three ways lead here:
//   LD_PRELOAD, program linked with libpcap     RTLD_NEXT finds it
//   drop-in libpcap.so.0.8                      RTLD_NEXT finds it: it is our own dependency
//   LD_PRELOAD, libpcap opened by dlopen()      libpcap calls some of its own functions through
//                                               its PLT and so reaches us, while it is in no scope
//                                               that RTLD_NEXT searches; its soname finds it
//
// Nothing is resolved before the first call: a preloaded library is loaded into every child of the
// program, and most of them have never heard of libpcap.
#include "tools/pcap/real.h"

#include <dlfcn.h>

#include <cstdlib>

namespace ipjit::pcap {
namespace {

void* symbol(const char* name) {
  if (void* next = dlsym(RTLD_NEXT, name)) return next;
  void* library = dlopen("libpcap.so.0.8", RTLD_LAZY | RTLD_NOLOAD);
  return library ? dlsym(library, name) : nullptr;
}

Real find_all() {
  Real found{};
#define IPJIT_REAL(result, name, parameters, arguments)                               \
  found.name = reinterpret_cast<result(*) parameters>(symbol(#name));                 \
  if (!found.name) {                                                                  \
    std::fprintf(stderr, "ipjit: pcap: %s: libpcap is not in this process\n", #name); \
    std::abort();                                                                     \
  }
#include "tools/pcap/real.def"
#undef IPJIT_REAL
  return found;
}

}  // namespace

const Real& real() {
  static const Real found = find_all();
  return found;
}

bool real_is_loaded() { return symbol("pcap_loop") != nullptr; }

}  // namespace ipjit::pcap
