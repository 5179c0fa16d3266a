// SPDX-License-Identifier: BSD-2-Clause
// Each packet carries what the first and the second program must say about it (hash.usr), and every
// verdict is compared with both: it may be either's, never neither's.  The programs are one filter
// with other numbers to return, 1 or 2 and 3 or 4, so that no packet gets the same from both and a
// mixture would be seen on any.
//
// Segments with and without swaps take turns; both do the comparing, and both run on tier 1, as a
// program that lives for a millisecond is never specialised.  The swapper keeps a timetable: it
// sleeps until its next swap is due and does not catch up with more than one at a time.
#include "bench/dpdk/swap.h"

#include <linux/bpf_common.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cinttypes>
#include <thread>

#include "bench/dpdk/eal.h"
#include "bench/dpdk/filter_engines.h"
#include "ipjit/ipjit_dpdk.h"

namespace ipjit::pktbench {
namespace {

struct Returns {
  uint32_t yes, no;
};
constexpr Returns kFirst{1, 2}, kSecond{3, 4};

bpf::InsnList returning(bpf::InsnList insns, const Returns& returns) {
  for (bpf::Insn& insn : insns)
    if (insn.code == (BPF_RET | BPF_K)) insn.k = insn.k ? returns.yes : returns.no;
  return insns;
}

using Handle = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;

Result<Handle> compile(const bpf::InsnList& insns) {
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = IPJIT_ENGINE_TIER1;
  options.name = "swapped under load";
  ipjit_error error;
  Handle filter(nullptr, ipjit_filter_free);
  off_lcores([&] {
    filter.reset(ipjit_compile(reinterpret_cast<const ipjit_insn*>(insns.data()), insns.size(),
                               &options, &error));
  });
  if (!filter) return Error{Stage::kRuntime, Code::kRefused, 0, error.text};
  return filter;
}

class Checked : public Engine {
 public:
  explicit Checked(const ipjit_filter* filter) : filter_(filter) {}

  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    ipjit_mbuf_run_burst(filter_, mbufs, count, verdicts);
    uint32_t wrong = 0, of_other = 0;
    for (unsigned i = 0; i < count; ++i) {
      const uint32_t carried = mbufs[i]->hash.usr;
      const bool second = verdicts[i] == carried >> 16;
      of_other += second;
      wrong += !second && verdicts[i] != (carried & 0xffff);
    }
    Counts& own = counts_[rte_lcore_id()];
    own.wrong += wrong;
    own.of_other += of_other;
  }

  void take(SwapSide& side) {
    for (Counts& counts : counts_) {
      side.wrong += std::exchange(counts.wrong, 0);
      side.of_other += std::exchange(counts.of_other, 0);
    }
  }

 private:
  struct alignas(64) Counts {
    uint64_t wrong = 0, of_other = 0;
  };
  const ipjit_filter* filter_;
  std::array<Counts, RTE_MAX_LCORE> counts_;
};

class Swapper {
 public:
  Swapper(ipjit_filter* filter, std::array<bpf::InsnList, 2> programs, unsigned per_second)
      : filter_(filter), programs_(std::move(programs)), period_ns_(1'000'000'000 / per_second) {}

  void run(const std::atomic<bool>& stop) {
    leave_lcores();
    const uint64_t begun = bench::wall_ns();
    uint64_t due = begun;
    while (!stop.load(std::memory_order_relaxed) && failure_.empty()) {
      swap();
      due = std::max(due + period_ns_, bench::wall_ns());
      const timespec until{static_cast<time_t>(due / 1'000'000'000),
                           static_cast<long>(due % 1'000'000'000)};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
    busy_ns_ += bench::wall_ns() - begun;
  }

  void report(SwapResults& results) const {
    results.swaps = swaps_;
    results.per_second = static_cast<double>(swaps_) * 1e9 / static_cast<double>(busy_ns_);
    results.replace_us =
        static_cast<double>(replace_ns_) / 1e3 / static_cast<double>(std::max<uint64_t>(swaps_, 1));
    results.longest_replace_us = static_cast<double>(longest_ns_) / 1e3;
    results.failure = failure_;
  }

 private:
  void swap() {
    const bpf::InsnList& next = programs_[++turn_ % 2];
    ipjit_error error;
    const uint64_t begun = bench::wall_ns();
    if (ipjit_filter_replace(filter_, reinterpret_cast<const ipjit_insn*>(next.data()), next.size(),
                             &error) != 0) {
      failure_ = error.text;
      return;
    }
    const uint64_t took = bench::wall_ns() - begun;
    ++swaps_;
    replace_ns_ += took;
    longest_ns_ = std::max(longest_ns_, took);
  }

  ipjit_filter* filter_;
  std::array<bpf::InsnList, 2> programs_;
  uint64_t period_ns_;
  uint64_t turn_ = 0, swaps_ = 0, busy_ns_ = 0, replace_ns_ = 0, longest_ns_ = 0;
  std::string failure_;
};

struct Side {
  std::vector<double> mpps, busy_mpps;
  SwapSide sum;
  Histogram bursts;

  void add(const Outcome& outcome, Checked& engine) {
    const double cycles_per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
    mpps.push_back(outcome.wall_mpps());
    busy_mpps.push_back(outcome.mpps());
    bursts += outcome.bursts;
    sum.received += outcome.received;
    sum.lost += outcome.lost;
    sum.dropped += outcome.dropped;
    sum.stalls += outcome.stalls;
    sum.longest_us =
        std::max(sum.longest_us, static_cast<double>(outcome.longest_gap) / cycles_per_us);
    engine.take(sum);
  }

  SwapSide finished() {
    const double cycles_per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
    sum.mpps = bench::spread_of(mpps);
    sum.segments_mpps = mpps;
    sum.p999_us = static_cast<double>(bursts.quantile(0.999)) / cycles_per_us;
    return sum;
  }
};

void write_what_must_be_said(Load& load, const std::array<bpf::InsnList, 2>& programs) {
  const auto& packets = load.frames().packets;
  const std::vector<uint32_t> first = expected_verdicts(programs[0], packets);
  const std::vector<uint32_t> second = expected_verdicts(programs[1], packets);
  for (size_t i = 0; i < packets.size(); ++i)
    load.mbufs()[i]->hash.usr = first[i] | second[i] << 16;
  load.source().use(0);
}

}  // namespace

Result<SwapResults> swap_under_load(const Bench& bench, Load& load, const SwapWish& wish,
                                    Progress& progress) {
  if (!bench.cable.carries_mbufs)
    return Error{Stage::kUsage, Code::kBadOption, 0,
                 bench.cable.described + " does not carry what each packet must get: --port ring"};
  const std::array<bpf::InsnList, 2> programs{returning(wish.insns, kFirst),
                                              returning(wish.insns, kSecond)};
  Result<Handle> filter = compile(programs[0]);
  if (!filter) return filter.error();
  write_what_must_be_said(load, programs);
  Checked engine(filter->get());
  Swapper swapper(filter->get(), programs, wish.per_second);
  Side without, with;
  std::vector<double> ratios, busy_ratios;
  run(bench, &engine, {.seconds = std::min(0.2, wish.segment_s)});  // the first packets are timed
  SwapSide ignored;
  engine.take(ignored);
  for (double done = 0; done < wish.seconds; done += wish.segment_s) {
    progress.say("swap: " + std::to_string(static_cast<int>(done)) + " of " +
                 std::to_string(static_cast<int>(wish.seconds)) + " s with swaps");
    without.add(run(bench, &engine, {.seconds = wish.segment_s}), engine);
    std::atomic<bool> stop = false;
    std::jthread thread([&] { swapper.run(stop); });
    with.add(run(bench, &engine, {.seconds = wish.segment_s}), engine);
    stop = true;
    thread.join();
    ratios.push_back(with.mpps.back() / without.mpps.back());
    busy_ratios.push_back(with.busy_mpps.back() / without.busy_mpps.back());
  }
  progress.clear();
  SwapResults results{.wish = wish,
                      .without = without.finished(),
                      .with = with.finished(),
                      .throughput = bench::spread_of(ratios),
                      .busy_throughput = bench::spread_of(busy_ratios),
                      .failure = {}};
  swapper.report(results);
  return results;
}

}  // namespace ipjit::pktbench
