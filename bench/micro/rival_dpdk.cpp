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
//   put
//                right before loading: what DPDK would be if it were right.
//
// Counts of matches stand beside the times; ratios are taken to the shipped one where it agrees
// with libpcap, to the repaired one otherwise.
#include <algorithm>
#include <cstring>
#include <memory>

#include "bench/micro/engines.h"
#include "bench/micro/measure.h"

#ifdef IPJIT_WITH_DPDK
#define ALLOW_EXPERIMENTAL_API  // rte_bpf_convert()
#include <pcap/pcap.h>
#include <sys/wait.h>
#include <unistd.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvolatile"  // DPDK's inline locks
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_version.h>
#pragma GCC diagnostic pop
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

struct Loaded {
  rte_bpf* bpf = nullptr;
  rte_bpf_jit jit = {};
  ~Loaded() { rte_bpf_destroy(bpf); }
};

enum class Variant { kShipped, kRepaired };

// The conversion's registers: A is R0, X is R7, R8 is free between instructions.
constexpr uint8_t kX = EBPF_REG_7;
constexpr uint8_t kScratch = EBPF_REG_8;

bool is_indirect_load(const ebpf_insn& insn) {
  return BPF_CLASS(insn.code) == BPF_LD && BPF_MODE(insn.code) == BPF_IND;
}

bool is_small_jset(const ebpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_JSET | BPF_K) && insn.imm >= -128 && insn.imm < 128;
}

std::vector<ebpf_insn> repair(std::span<const ebpf_insn> insns) {
  std::vector<int> place(insns.size() + 1);  // of each old instruction in the new program
  for (size_t i = 0; i < insns.size(); ++i) place[i + 1] = place[i] + 1 + is_small_jset(insns[i]);
  std::vector<ebpf_insn> repaired;
  for (size_t i = 0; i < insns.size(); ++i) {
    ebpf_insn insn = insns[i];
    if (is_indirect_load(insn)) insn.src_reg = kX;
    const bool jumps = BPF_CLASS(insn.code) == BPF_JMP && insn.code != (BPF_JMP | EBPF_EXIT);
    if (jumps) {
      const size_t target = i + 1 + static_cast<size_t>(insn.off);
      insn.off = static_cast<int16_t>(place[target] - place[i + 1]);
    }
    if (is_small_jset(insn)) {
      repaired.push_back({BPF_ALU | EBPF_MOV | BPF_K, kScratch, 0, 0, insn.imm});
      insn.code = BPF_JMP | BPF_JSET | BPF_X;
      insn.src_reg = kScratch;
      insn.imm = 0;
    }
    repaired.push_back(insn);
  }
  return repaired;
}

Result<std::shared_ptr<Loaded>> load(std::span<const bpf::Insn> insns, Variant variant) {
  if (!eal_runs())
    return Error{Stage::kRuntime, Code::kUnavailable, 0, "EAL does not start on this machine"};
  std::vector<bpf_insn> words(insns.size());
  std::memcpy(words.data(), insns.data(), insns.size_bytes());
  const bpf_program program{static_cast<u_int>(words.size()), words.data()};
  rte_bpf_prm* parameters = rte_bpf_convert(&program);
  if (!parameters) return refused("rte_bpf_convert");
  std::vector<ebpf_insn> repaired;
  if (variant == Variant::kRepaired) {
    repaired = repair({parameters->ins, parameters->nb_ins});
    parameters->ins = repaired.data();
    parameters->nb_ins = static_cast<uint32_t>(repaired.size());
  }
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

namespace {

uint64_t matches_of(const Loaded& loaded, std::vector<rte_mbuf>& mbufs, size_t count,
                    size_t rounds) {
  uint64_t (*const run)(void*) = loaded.jit.func;
  uint64_t matches = 0;
  for (size_t round = 0; round < rounds; ++round)
    for (size_t i = 0; i < count; ++i) matches += run(&mbufs[i]) != 0;
  return matches;
}

// Code that was encoded wrongly may do anything: it runs once where it can do no harm.
Status survives(const Loaded& loaded, std::vector<rte_mbuf>& mbufs) {
  const pid_t child = fork();
  if (child == 0) {
    matches_of(loaded, mbufs, mbufs.size(), 1);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return ok();
  return Error{Stage::kRuntime, Code::kRefused, 0,
               "jset with a small constant is encoded wrongly: a trial run died of signal " +
                   std::to_string(WTERMSIG(status))};
}

Result<Runner> runner(const char* name, std::span<const bpf::Insn> insns,
                      std::span<const ipjit_packet> packets, Variant variant) {
  Result<std::shared_ptr<Loaded>> loaded = load(insns, variant);
  if (!loaded) return loaded.error();
  const auto mbufs = mbufs_of(packets);
  const bool suspect = std::any_of(insns.begin(), insns.end(), [](const bpf::Insn& insn) {
    return insn.code == (BPF_JMP | BPF_JSET | BPF_K) && insn.k < 128;
  });
  if (suspect && variant == Variant::kShipped)
    if (const Status alive = survives(**loaded, *mbufs); !alive) return alive.error();
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

std::string dpdk_version() { return rte_version(); }

Result<double> dpdk_compile_s(std::span<const bpf::Insn> insns) {
  if (!eal_runs()) return Error{Stage::kRuntime, Code::kUnavailable, 0, "no EAL"};
  const uint64_t start = cpu_ns();
  Result<std::shared_ptr<Loaded>> loaded = load(insns, Variant::kShipped);
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
std::string dpdk_version() { return no_dpdk().why; }
Result<double> dpdk_compile_s(std::span<const bpf::Insn>) { return no_dpdk(); }

#endif

}  // namespace ipjit::bench
