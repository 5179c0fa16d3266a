// SPDX-License-Identifier: BSD-2-Clause
// DPDK's rte_bpf: rte_bpf_convert() from classic BPF, rte_bpf_load(), the JIT's function.
//
// EAL starts without huge pages, PCI or files; packets sit in mbufs of our own (one segment each), as
// the JIT only reads their header.  Known to be wrong in 22.11 (and later): the conversion takes the
// base of `[x + k]` from the wrong bit for byte and word loads, and the JIT encodes `test` with a
// small constant in one byte, so the match counts of filters d and j differ from libpcap's.  It is the
// rival as its users have it: counts are shown beside the times.
#include <cstring>
#include <memory>

#include "bench/micro/engines.h"
#include "bench/micro/measure.h"

#ifdef IPJIT_WITH_DPDK
#include <pcap/pcap.h>
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_version.h>
#endif

namespace ipjit::bench {

#ifdef IPJIT_WITH_DPDK
namespace {

Error refused(const char* call) {
  return Error{Stage::kRuntime, Code::kRefused, 0,
               std::string(call) + ": " + std::strerror(rte_errno)};
}

bool eal_runs() {
  static const bool runs = [] {
    static const char* arguments[] = {"bench",          "--no-huge",      "--no-pci",
                                      "--no-telemetry", "--in-memory",    "--no-shconf",
                                      "--lcores=0",     "--log-level=lib.*:error", "-m", "128"};
    std::vector<char*> argv;
    for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  return runs;
}

struct Loaded {
  rte_bpf* bpf = nullptr;
  rte_bpf_jit jit = {};
  ~Loaded() { rte_bpf_destroy(bpf); }
};

Result<std::shared_ptr<Loaded>> load(std::span<const bpf::Insn> insns) {
  if (!eal_runs())
    return Error{Stage::kRuntime, Code::kUnavailable, 0, "EAL does not start on this machine"};
  std::vector<bpf_insn> words(insns.size());
  std::memcpy(words.data(), insns.data(), insns.size_bytes());
  const bpf_program program{static_cast<u_int>(words.size()), words.data()};
  rte_bpf_prm* parameters = rte_bpf_convert(&program);
  if (!parameters) return refused("rte_bpf_convert");
  auto loaded = std::make_shared<Loaded>();
  loaded->bpf = rte_bpf_load(parameters);
  rte_free(parameters);
  if (!loaded->bpf) return refused("rte_bpf_load");
  if (rte_bpf_get_jit(loaded->bpf, &loaded->jit) != 0 || !loaded->jit.func)
    return refused("rte_bpf_get_jit");
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

Result<Runner> dpdk_jit(std::span<const bpf::Insn> insns, std::span<const ipjit_packet> packets) {
  Result<std::shared_ptr<Loaded>> loaded = load(insns);
  if (!loaded) return loaded.error();
  return Runner{"rte_bpf JIT",
                [loaded = *loaded, mbufs = mbufs_of(packets)](size_t count, size_t rounds) {
                  uint64_t (*const run)(void*) = loaded->jit.func;
                  uint64_t matches = 0;
                  for (size_t round = 0; round < rounds; ++round)
                    for (size_t i = 0; i < count; ++i) matches += run(&(*mbufs)[i]) != 0;
                  return matches;
                }};
}

std::string dpdk_version() { return rte_version(); }

Result<double> dpdk_compile_s(std::span<const bpf::Insn> insns) {
  if (!eal_runs()) return Error{Stage::kRuntime, Code::kUnavailable, 0, "no EAL"};
  const uint64_t start = cpu_ns();
  Result<std::shared_ptr<Loaded>> loaded = load(insns);
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

Result<Runner> dpdk_jit(std::span<const bpf::Insn>, std::span<const ipjit_packet>) {
  return no_dpdk();
}
std::string dpdk_version() { return no_dpdk().why; }
Result<double> dpdk_compile_s(std::span<const bpf::Insn>) { return no_dpdk(); }

#endif

}  // namespace ipjit::bench
