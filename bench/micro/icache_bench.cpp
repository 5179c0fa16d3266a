// SPDX-License-Identifier: BSD-2-Clause
// A set of filters larger than the instruction cache, with hot blocks in a row and without.
//
//   icache_bench [--smoke] [--layout on|off]
//
// Run it under valgrind (scripts/icache.py), which simulates the cache while the filters run: no
// counter of this machine is needed.  Prints one line of JSON.  Tier 1 emits
// the code, so that LLVM's own opinions about alignment do not come into it.
#include <cstdio>
#include <cstring>

#include "bench/micro/measure.h"
#include "bench/micro/units.h"
#include "bench/traffic/traffic.h"
#include "tier1-asmjit/tier1.h"
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else  // then there is no valgrind to be asked
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace {

using namespace ipjit;
using namespace ipjit::bench;

constexpr size_t kFilters = 240;
constexpr size_t kProfiled = 150;  ///< packets: under valgrind, replaying them is what takes long

NativePtr make(size_t i, std::span<const ipjit_packet> packets, bool layout) {
  static tier1::Tier1 tier1;
  const Compiled compiled = compile_with_libpcap(one_of_many(i));
  const Result<ir::Program> general = general_program(compiled.insns);
  if (!general) return nullptr;
  ir::Choices choices;
  choices.layout = layout;
  const ir::Profile profile = profile_of(*general, packets);
  const Result<NativePtr> native =
      make_native(ir::specialise(*general, profile, {}, choices).program, tier1);
  return native ? *native : nullptr;
}

/// Each packet through every filter.
uint64_t run_all(std::span<const NativePtr> filters, std::span<const ipjit_packet> packets) {
  uint64_t matches = 0;
  for (const ipjit_packet& packet : packets)
    for (const NativePtr& filter : filters) {
      ipjit_ctx ctx;
      ctx.wire_len = packet.len;
      ctx.counters = filter->counters;
      matches += static_cast<uint32_t>(filter->entry()(packet.data, packet.caplen, &ctx)) != 0;
    }
  return matches;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--layout"});
  const bool layout = options.text("--layout", "on") == "on";
  const size_t count = options.flag("--smoke") ? 100 : 1000;
  const Traffic traffic = generate(count);
  std::vector<NativePtr> filters;
  uint64_t code_bytes = 0;
  for (size_t i = 0; i < kFilters; ++i) {
    filters.push_back(make(i, traffic.hot(kProfiled), layout));
    if (!filters.back()) {
      std::fprintf(stderr, "icache_bench: '%s' is refused\n", one_of_many(i).expression.c_str());
      return 1;
    }
    code_bytes += filters.back()->code_bytes;
  }
  CALLGRIND_START_INSTRUMENTATION;
  const uint64_t matches = run_all(filters, traffic.packets());
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("{\"filters\":%zu,\"packets\":%zu,\"code_bytes\":%lu,\"matches\":%lu}\n", kFilters,
              count, static_cast<unsigned long>(code_bytes), static_cast<unsigned long>(matches));
  return 0;
}
