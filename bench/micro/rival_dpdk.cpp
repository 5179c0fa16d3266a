// SPDX-License-Identifier: BSD-2-Clause
// DPDK's rte_bpf: rte_bpf_convert() from classic BPF, rte_bpf_load(), the JIT's function.
//
// EAL starts without huge pages, PCI or files; packets sit in mbufs of our own (one segment each),
// as the JIT only reads their header.  Two rows, because 22.11 (and later) is wrong for common
// filters:
//
//   as shipped   `[x + k]` byte and word loads take A for X; `jset` with a constant below 128 is
//                encoded with three bytes missing.  A filter with such a jset first runs in a child
//                process; if that dies, its row says so and has no times.
//   repaired     the same conversion and JIT, with those two instructions of the intermediate eBPF
//                put right before loading: what DPDK would be if it were right.
//
// Counts of matches stand beside the times; ratios are taken to the shipped one where it agrees
// with libpcap, to the repaired one otherwise.
#include <cstring>
#include <memory>

#include "bench/micro/engines.h"
#include "bench/micro/measure.h"

#ifdef IPJIT_WITH_DPDK
#include "bench/dpdk/dpdk.h"
#include "bench/dpdk/rte_bpf_program.h"
#endif

namespace ipjit::bench {

#ifdef IPJIT_WITH_DPDK
namespace {

bool eal_runs() {
  static const bool runs = [] {
    static const char* arguments[] = {"bench",
                                      "--no-huge",
                                      "--no-pci",
                                      "--no-telemetry",
                                      "--no-shconf",
                                      "--lcores=0",
                                      "--log-level=lib.*:critical",
                                      "-m",
                                      "128"};
    std::vector<char*> argv;
    for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  return runs;
}

Result<std::shared_ptr<RteBpf>> load(std::span<const bpf::Insn> insns, Variant variant) {
  if (!eal_runs())
    return Error{Stage::kRuntime, Code::kUnavailable, 0, "EAL does not start on this machine"};
  Result<std::shared_ptr<RteBpf>> loaded = RteBpf::load(insns, variant);
  if (loaded && !(*loaded)->jit())
    return Error{Stage::kRuntime, Code::kRefused, 0, "rte_bpf_get_jit: no code"};
  return loaded;
}

// The rows of all filters share one set of mbufs, as they share the packets.
std::shared_ptr<std::vector<rte_mbuf>> mbufs_of(std::span<const ipjit_packet> packets) {
  static std::shared_ptr<std::vector<rte_mbuf>> mbufs;
  static const ipjit_packet* of = nullptr;
  if (of == packets.data() && mbufs && mbufs->size() == packets.size()) return mbufs;
  mbufs = std::make_shared<std::vector<rte_mbuf>>(packets.size());
  of = packets.data();
  for (size_t i = 0; i < packets.size(); ++i) {
    rte_mbuf& mbuf = (*mbufs)[i];
    std::memset(static_cast<void*>(&mbuf), 0, sizeof mbuf);
    mbuf.buf_addr = const_cast<uint8_t*>(packets[i].data);
    mbuf.buf_len = mbuf.data_len = static_cast<uint16_t>(packets[i].caplen);
    mbuf.pkt_len = packets[i].caplen;
    mbuf.nb_segs = 1;
  }
  return mbufs;
}

}  // namespace

namespace {

uint64_t matches_of(const RteBpf& loaded, std::vector<rte_mbuf>& mbufs, size_t count,
                    size_t rounds) {
  uint64_t (*const run)(void*) = loaded.jit();
  uint64_t matches = 0;
  for (size_t round = 0; round < rounds; ++round)
    for (size_t i = 0; i < count; ++i) matches += run(&mbufs[i]) != 0;
  return matches;
}

Result<Runner> runner(const char* name, std::span<const bpf::Insn> insns,
                      std::span<const ipjit_packet> packets, Variant variant) {
  Result<std::shared_ptr<RteBpf>> loaded = load(insns, variant);
  if (!loaded) return loaded.error();
  const auto mbufs = mbufs_of(packets);
  if (variant == Variant::kShipped && !rte_bpf_bugs(insns, true).empty())
    if (const Status alive = survives([&] { matches_of(**loaded, *mbufs, mbufs->size(), 1); });
        !alive)
      return alive.error();
  return Runner{name, [loaded = *loaded, mbufs](size_t count, size_t rounds) {
                  return matches_of(*loaded, *mbufs, count, rounds);
                }};
}

}  // namespace

Result<Runner> dpdk_jit(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return runner("rte_bpf JIT", compiled.insns, packets, Variant::kShipped);
}

Result<Runner> dpdk_jit_repaired(const Compiled& compiled, std::span<const ipjit_packet> packets) {
  return runner("rte_bpf JIT repaired", compiled.insns, packets, Variant::kRepaired);
}

Result<Runner> dpdk_jit_repaired_crowd(std::span<const Compiled> programs,
                                       std::span<const ipjit_packet> packets) {
  std::vector<std::shared_ptr<RteBpf>> all;
  std::vector<uint64_t (*)(void*)> functions;
  for (const Compiled& compiled : programs) {
    Result<std::shared_ptr<RteBpf>> loaded = load(compiled.insns, Variant::kRepaired);
    if (!loaded) return loaded.error();
    functions.push_back((*loaded)->jit());
    all.push_back(std::move(*loaded));
  }
  return Runner{"rte_bpf JIT repaired",
                [all, functions, mbufs = mbufs_of(packets)](size_t count, size_t rounds) {
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (size_t i = 0; i < count; ++i)
                      for (const auto run : functions) matches += run(&(*mbufs)[i]) != 0;
                  return matches;
                }};
}

std::string dpdk_version() { return rte_version(); }

Result<double> dpdk_compile_s(std::span<const bpf::Insn> insns) {
  if (!eal_runs()) return Error{Stage::kRuntime, Code::kUnavailable, 0, "no EAL"};
  const uint64_t start = cpu_ns();
  Result<std::shared_ptr<RteBpf>> loaded = load(insns, Variant::kShipped);
  const uint64_t took = cpu_ns() - start;
  if (!loaded) return loaded.error();
  return static_cast<double>(took) / 1e9;
}

#else

namespace {
Error no_dpdk() {
  return Error{Stage::kRuntime, Code::kUnavailable, 0, "built without DPDK (libdpdk-dev)"};
}
}  // namespace

Result<Runner> dpdk_jit(const Compiled&, std::span<const ipjit_packet>) { return no_dpdk(); }
Result<Runner> dpdk_jit_repaired(const Compiled&, std::span<const ipjit_packet>) {
  return no_dpdk();
}
Result<Runner> dpdk_jit_repaired_crowd(std::span<const Compiled>, std::span<const ipjit_packet>) {
  return no_dpdk();
}
std::string dpdk_version() { return no_dpdk().why; }
Result<double> dpdk_compile_s(std::span<const bpf::Insn>) { return no_dpdk(); }

#endif

}  // namespace ipjit::bench
