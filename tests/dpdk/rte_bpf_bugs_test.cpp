// SPDX-License-Identifier: BSD-2-Clause
// What DPDK answers wrongly, and that ipjit answers right where it does.
//
// That DPDK is wrong is only expected of 22.11; a release that mends it is welcome.  Code that was
// encoded wrongly runs in a child process.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "bench/dpdk/rte_bpf_program.h"
#include "bench/filters.h"
#include "bench/traffic/traffic.h"
#include "ipjit/ipjit_dpdk.h"
#include "tests/dpdk/eal_once.h"

namespace ipjit::dpdk_test {
namespace {

constexpr bool kKnownToBeWrong = RTE_VERSION < RTE_VERSION_NUM(23, 0, 0, 0);

struct Counts {
  size_t libpcap = 0, ours = 0, ours_burst = 0;
  std::optional<size_t> rte_interp, rte_jit;  // nothing: it crashed
};

class RteBpfBugs : public OnMbufs {
 protected:
  ~RteBpfBugs() override { rte_pktmbuf_free_bulk(all_.data(), static_cast<unsigned>(all_.size())); }

  Counts count(const std::string& expression);
  bench::Traffic traffic = bench::generate(5000);

 private:
  size_t ours(const bpf::InsnList& insns, bool in_burst);
  std::vector<rte_mbuf*> all_;
};

// Matches that `run` counts in a child process; nothing if it dies.
std::optional<size_t> in_child(const std::function<size_t()>& run) {
  auto* const shared = static_cast<size_t*>(
      mmap(nullptr, sizeof(size_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  if (child == 0) {
    const rlimit seconds = {60, 60};  // wrong jumps may go round in a circle, too
    setrlimit(RLIMIT_CPU, &seconds);
    *shared = run();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const size_t matches = *shared;
  munmap(shared, sizeof(size_t));
  return WIFSIGNALED(status) ? std::nullopt : std::optional(matches);
}

size_t RteBpfBugs::ours(const bpf::InsnList& insns, bool in_burst) {
  ipjit_filter* const filter = ipjit_compile(reinterpret_cast<const ipjit_insn*>(insns.data()),
                                             insns.size(), nullptr, nullptr);
  size_t matches = 0;
  std::vector<uint32_t> verdicts(all_.size());
  if (in_burst)
    ipjit_mbuf_run_burst(filter, all_.data(), static_cast<uint32_t>(all_.size()), verdicts.data());
  for (size_t i = 0; i < all_.size(); ++i)
    matches += (in_burst ? verdicts[i] : ipjit_mbuf_run(filter, all_[i])) != 0;
  ipjit_filter_free(filter);
  return matches;
}

Counts RteBpfBugs::count(const std::string& expression) {
  Counts counts;
  const bpf::InsnList insns = compiled(expression);
  if (all_.empty()) all_ = mbufs(traffic.packets());
  for (const ipjit_packet& packet : traffic.packets())
    counts.libpcap += libpcap_says(insns, packet) != 0;
  counts.ours = ours(insns, false);
  counts.ours_burst = ours(insns, true);
  const auto bpf = bench::RteBpf::load(insns, bench::Variant::kShipped);
  EXPECT_TRUE(bpf) << expression;
  if (!bpf) return counts;
  counts.rte_interp = in_child([&] {
    size_t matches = 0;
    for (rte_mbuf* packet : all_) matches += rte_bpf_exec((*bpf)->bpf(), packet) != 0;
    return matches;
  });
  counts.rte_jit = in_child([&] {
    size_t matches = 0;
    for (rte_mbuf* packet : all_) matches += (*bpf)->jit()(packet) != 0;
    return matches;
  });
  EXPECT_EQ(counts.ours, counts.libpcap) << expression;
  EXPECT_EQ(counts.ours_burst, counts.libpcap) << expression;
  return counts;
}

TEST_F(RteBpfBugs, ConversionTakesAForXInFilterD) {
  const Counts counts = count(bench::filter('d').expression);
  EXPECT_GT(counts.libpcap, 100u);
  if (kKnownToBeWrong) {
    EXPECT_NE(counts.rte_interp, counts.libpcap);
  }
}

TEST_F(RteBpfBugs, ConversionTakesAForXInFilterJ) {
  const Counts counts = count(bench::filter('j').expression);
  EXPECT_GT(counts.libpcap, 100u);
  if (kKnownToBeWrong) {
    EXPECT_NE(counts.rte_interp, counts.libpcap);
    EXPECT_NE(counts.rte_jit, counts.libpcap);
  }
}

TEST_F(RteBpfBugs, JitOfJsetWithASmallConstantIsSilentlyWrong) {
  const Counts counts = count("ip[8] & 1 != 0");  // every packet's time to live is 64
  EXPECT_EQ(counts.libpcap, 0u);
  if (kKnownToBeWrong) {
    EXPECT_EQ(counts.rte_interp, 0u);
    EXPECT_NE(counts.rte_jit, counts.libpcap);
  }
}

TEST_F(RteBpfBugs, JitOfTwoSmallJsetsCrashes) {
  const Counts counts = count("ether[0] & 1 = 0 and ether[6] & 1 = 0");
  EXPECT_GT(counts.libpcap, 4000u);
  if (kKnownToBeWrong) {
    EXPECT_NE(counts.rte_jit, counts.libpcap);
  }
}

TEST_F(RteBpfBugs, TheRepairedProgramsAreRight) {
  const std::vector<rte_mbuf*> all = mbufs(traffic.packets());
  for (const char id : {'c', 'd', 'e', 'f', 'j'}) {
    const bpf::InsnList insns = compiled(bench::filter(id).expression);
    const auto bpf = bench::RteBpf::load(insns, bench::Variant::kRepaired);
    ASSERT_TRUE(bpf) << id;
    for (size_t i = 0; i < all.size(); ++i)
      ASSERT_EQ((*bpf)->jit()(all[i]), libpcap_says(insns, traffic.packets()[i]))
          << id << ", packet " << i;
  }
  rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(all.data()), static_cast<unsigned>(all.size()));
}

}  // namespace
}  // namespace ipjit::dpdk_test
