// SPDX-License-Identifier: BSD-2-Clause
#include "tools/pcap/notice.h"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace ipjit::pcap {
namespace {

// `ipjit exec` on a machine where ipjit is enabled: this is the drop-in, and the preload library,
// which programs find first, filters already.
bool preloaded_too() {
  Dl_info first, self;
  void* found = dlsym(RTLD_DEFAULT, "pcap_setfilter");
  if (!found || !dladdr(found, &first) ||
      !dladdr(reinterpret_cast<void*>(&standing_aside), &self) || first.dli_fbase == self.dli_fbase)
    return false;
  return std::string_view(first.dli_fname).ends_with("/libipjit-pcap.so");
}

}  // namespace

void say_refusal(const std::string& why) {
  static std::atomic<bool> said{false};
  if (said.exchange(true)) return;
  std::string line = "ipjit: " + why + "; libpcap runs instead\n";
  // write(), not stdio: the program may have unflushed text of its own there.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

bool standing_aside() {
  static const bool aside = [] {
    const char* engine = secure_getenv("IPJIT_ENGINE");
    return (engine && std::string_view(engine) == "libpcap") || preloaded_too();
  }();
  return aside;
}

}  // namespace ipjit::pcap
