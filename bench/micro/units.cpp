// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/units.h"

#include <map>
#include <utility>

#include "ir/replay.h"
#include "tier1-asmjit/tier1.h"
#ifdef IPJIT_WITH_LLVM
#include "tier2-llvm/tier2.h"
#endif

namespace ipjit::bench {

ir::Profile profile_of(const ir::Program& program, std::span<const ipjit_packet> packets,
                       size_t rounds) {
  ir::Replayer replayer(program);
  bool follows = false;
  for (size_t round = 0; round < rounds; ++round)
    for (const ipjit_packet& packet : packets) {
      ipjit_ctx ctx = {};
      ctx.wire_len = packet.len;
      replayer.packet({.head = {packet.data, packet.caplen},
                       .cap_len = packet.caplen,
                       .follows = std::exchange(follows, true)},
                      ctx);
    }
  return replayer.take();
}

Result<std::unique_ptr<ir::Compiler>> llvm_compiler() {
#ifdef IPJIT_WITH_LLVM
  return std::unique_ptr<ir::Compiler>(std::make_unique<tier2::Tier2>());
#else
  return Error{Stage::kTier2, Code::kUnavailable, 0, "built without LLVM 19 (llvm-19-dev)"};
#endif
}

namespace {

Result<NativePtr> for_traffic(const ir::Program& general, std::span<const ipjit_packet> packets,
                              size_t rounds, ir::Compiler& compiler) {
  const ir::Specialised made = ir::specialise(general, profile_of(general, packets, rounds));
  return make_native(made.program, compiler);
}

Result<Pair> make_pair(const Compiled& compiled, std::span<const ipjit_packet> packets,
                       ir::Compiler& compiler) {
  const Result<ir::Program> general = general_program(compiled.insns);
  if (!general) return general.error();
  Result<NativePtr> stream = for_traffic(*general, packets, 1, compiler);
  if (!stream) return stream.error();
  const size_t hot_packets = std::min(kHotPackets, packets.size());
  const size_t rounds = std::max<size_t>(1, packets.size() / hot_packets / 2);
  Result<NativePtr> hot = for_traffic(*general, packets.first(hot_packets), rounds, compiler);
  if (!hot) return hot.error();
  return Pair{.hot = *hot, .stream = *stream};
}

}  // namespace

Result<Pair> specialised_pair(const Compiled& compiled, std::span<const ipjit_packet> packets,
                              bool with_llvm) {
  static std::map<bool, std::pair<std::string, Result<Pair>>> last;
  const std::string program(reinterpret_cast<const char*>(compiled.insns.data()),
                            compiled.insns.size() * sizeof(bpf::Insn));
  const auto kept = last.find(with_llvm);
  if (kept != last.end() && kept->second.first == program) return kept->second.second;
  tier1::Tier1 tier1;
  Result<std::unique_ptr<ir::Compiler>> llvm = llvm_compiler();
  if (with_llvm && !llvm) return llvm.error();
  Result<Pair> pair = make_pair(compiled, packets, with_llvm ? **llvm : tier1);
  last.insert_or_assign(with_llvm, std::pair{program, pair});
  return pair;
}

}  // namespace ipjit::bench
