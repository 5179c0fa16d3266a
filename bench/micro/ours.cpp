// SPDX-License-Identifier: BSD-2-Clause
// Our engines: through the C API as a program calls it, and the bare body.
#include "bench/micro/engines.h"
#include "bench/micro/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::bench {
namespace {

using Handle = std::shared_ptr<ipjit_filter>;

Result<Handle> compile(std::span<const bpf::Insn> insns, ipjit_engine engine) {
  static_assert(sizeof(ipjit_insn) == sizeof(bpf::Insn));
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = engine;
  ipjit_error error;
  ipjit_filter* filter = ipjit_compile(reinterpret_cast<const ipjit_insn*>(insns.data()),
                                       insns.size(), &options, &error);
  if (!filter) return Error{Stage::kRuntime, Code::kRefused, 0, error.text};
  return Handle(filter, ipjit_filter_free);
}

Result<Runner> through_api(const char* name, std::span<const bpf::Insn> insns,
                           std::span<const ipjit_packet> packets, ipjit_engine engine) {
  Result<Handle> filter = compile(insns, engine);
  if (!filter) return filter.error();
  return Runner{name, [filter = *filter, packets](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (const ipjit_packet& packet : packets.first(count))
                      matches += ipjit_filter_run(filter.get(), packet.data, packet.caplen,
                                                  packet.len) != 0;
                  return matches;
                }};
}

}  // namespace

Result<Runner> ipjit_interp(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return through_api("ipjit interp", compiled.insns, packets, IPJIT_ENGINE_INTERP);
}

Result<Runner> ipjit_tier1(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return through_api("ipjit tier1", compiled.insns, packets, IPJIT_ENGINE_TIER1);
}

Result<Runner> ipjit_tier1_burst(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  Result<Handle> filter = compile(compiled.insns, IPJIT_ENGINE_TIER1);
  if (!filter) return filter.error();
  return Runner{"ipjit tier1 burst 32", [filter = *filter, packets](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  uint32_t verdicts[32];
                  for (size_t round = 0; round < rounds; ++round)
                    for (size_t at = 0; at < count; at += 32) {
                      const size_t burst = std::min<size_t>(32, count - at);
                      ipjit_filter_run_burst(filter.get(), packets.data() + at, burst, verdicts);
                      for (size_t i = 0; i < burst; ++i) matches += verdicts[i] != 0;
                    }
                  return matches;
                }};
}

Result<Runner> ipjit_tier1_crowd(std::span<const Compiled> programs,
                                 std::span<const ipjit_packet> packets) {
  std::vector<Handle> filters;
  for (const Compiled& compiled : programs) {
    Result<Handle> filter = compile(compiled.insns, IPJIT_ENGINE_TIER1);
    if (!filter) return filter.error();
    filters.push_back(*filter);
  }
  return Runner{"ipjit tier1", [filters, packets](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (const ipjit_packet& packet : packets.first(count))
                      for (const Handle& filter : filters)
                        matches += ipjit_filter_run(filter.get(), packet.data, packet.caplen,
                                                    packet.len) != 0;
                  return matches;
                }};
}

Result<Runner> ipjit_tier1_body(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  const Result<ir::Program> program = general_program(compiled.insns);
  if (!program) return program.error();
  tier1::Tier1 tier1;
  const Result<NativePtr> native = make_native(*program, tier1);
  if (!native) return native.error();
  return body_runner("ipjit tier1 body", *native, packets);
}

}  // namespace ipjit::bench
