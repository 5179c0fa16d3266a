// SPDX-License-Identifier: BSD-2-Clause
// ipjit/ipjit_dpdk.h gives libpcap's verdict on every mbuf: alone, in bursts of any size, in
// segments, in a callback, and under rte_bpf's names.
#include "ipjit/ipjit_dpdk.h"

#include <memory>

#include "bench/filters.h"
#include "bench/traffic/traffic.h"
#include "tests/dpdk/eal_once.h"

namespace ipjit::dpdk_test {
namespace {

using FilterPtr = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;

FilterPtr filter_of(const bpf::InsnList& insns, ipjit_engine engine = IPJIT_ENGINE_AUTO) {
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = engine;
  return {ipjit_compile(reinterpret_cast<const ipjit_insn*>(insns.data()), insns.size(), &options,
                        nullptr),
          ipjit_filter_free};
}

class Adapter : public OnMbufs {
 protected:
  bench::Traffic traffic = bench::generate(2000);
};

TEST_F(Adapter, EveryVerdictIsLibpcapsAloneAndInBursts) {
  const std::vector<rte_mbuf*> all = mbufs(traffic.packets());
  for (const char id : {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'i', 'j'}) {
    const bpf::InsnList insns = compiled(bench::filter(id).expression);
    const FilterPtr filter = filter_of(insns);
    std::vector<uint32_t> burst(all.size());
    ipjit_mbuf_run_burst(filter.get(), all.data(), static_cast<uint32_t>(all.size()), burst.data());
    for (size_t i = 0; i < all.size(); ++i) {
      const uint32_t want = libpcap_says(insns, traffic.packets()[i]);
      ASSERT_EQ(ipjit_mbuf_run(filter.get(), all[i]), want) << id << ", packet " << i;
      ASSERT_EQ(burst[i], want) << id << ", packet " << i;
    }
  }
  rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(all.data()), static_cast<unsigned>(all.size()));
}

TEST_F(Adapter, BurstsOfEverySizeWriteWhatIsTheirsAndNoMore) {
  const std::vector<rte_mbuf*> all = mbufs(traffic.packets().first(200));
  const bpf::InsnList insns = compiled("tcp port 80");
  const FilterPtr filter = filter_of(insns);
  for (uint32_t size = 0; size <= 200; ++size) {
    std::vector<uint32_t> verdicts(201, 0xdead);
    ipjit_mbuf_run_burst(filter.get(), all.data(), size, verdicts.data());
    for (uint32_t i = 0; i < size; ++i)
      ASSERT_EQ(verdicts[i], libpcap_says(insns, traffic.packets()[i])) << i << " of " << size;
    ASSERT_EQ(verdicts[size], 0xdeadu) << size;
  }
  rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(all.data()), static_cast<unsigned>(all.size()));
}

TEST_F(Adapter, SegmentsAreOnePacketWhereverInTheBurst) {
  const bpf::InsnList insns = compiled("tcp port 80 and (tcp[12] & 0xf0) >> 2 >= 20");
  const FilterPtr filter = filter_of(insns);
  std::vector<rte_mbuf*> mixed;
  for (size_t i = 0; i < 300; ++i)
    mixed.push_back(mbuf(traffic.packets()[i], i % 3 == 0 ? 1 + i % 7 : 1));
  std::vector<uint32_t> burst(mixed.size());
  ipjit_mbuf_run_burst(filter.get(), mixed.data(), 300, burst.data());
  for (size_t i = 0; i < mixed.size(); ++i) {
    const uint32_t want = libpcap_says(insns, traffic.packets()[i]);
    EXPECT_EQ(burst[i], want) << i << ", segments: " << mixed[i]->nb_segs;
    EXPECT_EQ(ipjit_mbuf_run(filter.get(), mixed[i]), want) << i;
  }
  rte_pktmbuf_free_bulk(mixed.data(), 300);
}

// The first bursts are sampled densely and go through the library; later ones do not.
TEST_F(Adapter, EveryEngineCountsEveryPacketOnce) {
  const bpf::InsnList insns = compiled("tcp port 80");
  std::vector<rte_mbuf*> mixed;
  uint64_t want = 0;
  for (size_t i = 0; i < 300; ++i) {
    mixed.push_back(mbuf(traffic.packets()[i], i % 10 == 9 ? 3 : 1));
    want += libpcap_says(insns, traffic.packets()[i]) != 0;
  }
  for (const ipjit_engine engine : {IPJIT_ENGINE_INTERP, IPJIT_ENGINE_TIER1, IPJIT_ENGINE_AUTO}) {
    const FilterPtr filter = filter_of(insns, engine);
    constexpr uint64_t kRounds = 200;
    for (uint64_t round = 0; round < kRounds; ++round) {
      std::vector<uint32_t> burst(mixed.size());
      ipjit_mbuf_run_burst(filter.get(), mixed.data(), 300, burst.data());
      for (size_t i = 0; i < mixed.size(); ++i)
        ASSERT_EQ(burst[i], libpcap_says(insns, traffic.packets()[i])) << round << ", " << i;
    }
    ipjit_stats stats = {};
    stats.size = sizeof stats;
    ASSERT_EQ(ipjit_filter_stats(filter.get(), &stats), 0);
    EXPECT_EQ(stats.packets, 300 * kRounds) << engine;
    EXPECT_EQ(stats.matched, want * kRounds) << engine;
  }
  rte_pktmbuf_free_bulk(mixed.data(), 300);
}

TEST_F(Adapter, CallbackKeepsTheAcceptedInOrderAndFreesTheOthers) {
  const unsigned before = mbufs_in_use();
  const bpf::InsnList insns = compiled("tcp port 80");
  const FilterPtr filter = filter_of(insns);
  std::vector<rte_mbuf*> burst = mbufs(traffic.packets().first(500)), wanted;
  for (size_t i = 0; i < burst.size(); ++i)
    if (libpcap_says(insns, traffic.packets()[i])) wanted.push_back(burst[i]);
  ASSERT_GT(wanted.size(), 10u);
  const uint16_t kept = ipjit_rx_filter(0, 0, burst.data(), 500, 500, filter.get());
  burst.resize(kept);
  EXPECT_EQ(burst, wanted);
  EXPECT_EQ(mbufs_in_use(), before + kept);
  rte_pktmbuf_free_bulk(burst.data(), kept);
}

TEST_F(Adapter, ShapeOfRteBpf) {
  bpf::InsnList insns = compiled("tcp port 80");
  const bpf_program program = program_of(insns);
  ipjit_bpf_prm* const prm = ipjit_bpf_convert(&program);
  ASSERT_NE(prm, nullptr);
  ipjit_filter* const filter = ipjit_bpf_load(prm);
  rte_free(prm);
  ASSERT_NE(filter, nullptr);
  rte_bpf_jit jit{[](void*) { return uint64_t{1}; }, 1};
  EXPECT_EQ(ipjit_bpf_get_jit(filter, &jit), 0);
  EXPECT_EQ(jit.func, nullptr);
  EXPECT_EQ(ipjit_bpf_get_jit(filter, nullptr), -EINVAL);
  const std::vector<rte_mbuf*> all = mbufs(traffic.packets().first(150));
  std::vector<uint64_t> rc(all.size());
  EXPECT_EQ(
      ipjit_bpf_exec_burst(filter, reinterpret_cast<void**>(const_cast<rte_mbuf**>(all.data())),
                           rc.data(), 150),
      150u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(rc[i], libpcap_says(insns, traffic.packets()[i]));
    EXPECT_EQ(ipjit_bpf_exec(filter, all[i]), rc[i]);
  }
  rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(all.data()), 150);
  ipjit_bpf_destroy(filter);
}

TEST_F(Adapter, RefusalsSayWhyInRteErrno) {
  rte_errno = 0;
  EXPECT_EQ(ipjit_bpf_convert(nullptr), nullptr);
  EXPECT_EQ(rte_errno, EINVAL);
  rte_errno = 0;
  EXPECT_EQ(ipjit_bpf_load(nullptr), nullptr);
  EXPECT_EQ(rte_errno, EINVAL);
  bpf::InsnList unknown{{0xffff, 0, 0, 0}};
  const bpf_program program = program_of(unknown);
  ipjit_bpf_prm* const prm = ipjit_bpf_convert(&program);
  rte_errno = 0;
  EXPECT_EQ(ipjit_bpf_load(prm), nullptr);
  EXPECT_EQ(rte_errno, EINVAL);
  rte_free(prm);
}

}  // namespace
}  // namespace ipjit::dpdk_test
