// SPDX-License-Identifier: BSD-2-Clause
// The loops that everything is measured in.
//
// Prefetch: DPDK's examples ask for each packet's first bytes before they look at any.  So does the
// device's side here, whatever the engine, forward only included: what is common to all is
// subtracted from all.
//
// Window: the generator has at most so many packets on the way.  A ring of that size never
// overflows, so nothing is lost where the cable carries mbufs; where it copies (packet sockets,
// cards), what is not back after kPatience is lost.
//
// Mbufs that are sent for ever: a port that copies gives an mbuf back when it has sent it, so each
// sending takes a reference first; the ring's mbufs just go round.
#include "bench/dpdk/run.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "bench/micro/measure.h"

namespace ipjit::pktbench {
namespace {

constexpr uint64_t kWindow = 512;        // where the cable carries mbufs
constexpr uint64_t kCopiedWindow = 256;  // packet sockets have 512 frames, others more
constexpr double kPatience = 0.05;       // s

uint64_t cycles_of(double seconds) {
  return static_cast<uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
}

/// The generator's side of one queue.
class Generator {
 public:
  Generator(const Bench& bench, unsigned queue, uint64_t packets)
      : bench_(bench),
        port_(*bench.cable.generator),
        queue_(static_cast<uint16_t>(queue)),
        left_(packets) {}

  void send() {
    const uint64_t window = bench_.cable.carries_mbufs ? kWindow : kCopiedWindow;
    const uint64_t room = window - std::min(window, on_the_way());
    const uint64_t most = std::min(left_, room);
    if (most == 0) return;
    const auto burst = bench_.source->next(queue_, most);
    rte_mbuf** const mbufs = const_cast<rte_mbuf**>(burst.data());
    if (!bench_.cable.carries_mbufs)
      for (rte_mbuf* mbuf : burst) rte_mbuf_refcnt_update(mbuf, 1);
    const uint16_t went =
        rte_eth_tx_burst(port_, queue_, mbufs, static_cast<uint16_t>(burst.size()));
    sent += went;
    left_ -= went;
    if (went == burst.size()) return;
    if (!bench_.cable.carries_mbufs)
      for (rte_mbuf* mbuf : burst.subspan(went)) rte_mbuf_refcnt_update(mbuf, -1);
    bench_.source->give_back(queue_, burst.size() - went);
  }

  void collect() {
    rte_mbuf* mbufs[kMostBurst];
    const uint16_t count =
        rte_eth_rx_burst(port_, queue_, mbufs, static_cast<uint16_t>(bench_.burst));
    returned += count;
    if (count && !bench_.cable.carries_mbufs) rte_pktmbuf_free_bulk(mbufs, count);
  }

  /// Nothing is left to be sent, nothing is on the way.
  bool done(uint64_t now) {
    if (on_the_way() == 0) return left_ == 0;
    if (bench_.cable.carries_mbufs) return false;
    if (returned != seen_) {
      seen_ = returned;
      seen_at_ = now;
    } else if (seen_at_ == 0) {
      seen_at_ = now;
    } else if (now - seen_at_ > cycles_of(kPatience)) {
      missing += on_the_way();
    }
    return false;
  }

  void stop_sending() { left_ = 0; }

  uint64_t sent = 0, returned = 0;
  uint64_t missing = 0;  ///< given up

 private:
  uint64_t on_the_way() const { return sent - std::min(sent, returned + missing); }

  const Bench& bench_;
  uint16_t port_, queue_;
  uint64_t left_;
  uint64_t seen_ = 0, seen_at_ = 0;
};

/// The filter's side of one queue.
struct alignas(64) Device {
  Device(const Bench& bench, unsigned queue, Engine* engine)
      : port(bench.cable.device),
        queue(static_cast<uint16_t>(queue)),
        burst(static_cast<uint16_t>(bench.burst)),
        carries_mbufs(bench.cable.carries_mbufs),
        engine(engine),
        stall_cycles(cycles_of(kStall)),
        last_end(rte_rdtsc()) {}

  /// Gives: the time when the clock was last looked at.
  uint64_t turn() {
    // Once due it stays so until packets come: an idle port looks at the clock each time.
    const bool due = ++since_timed >= kTimedEvery;
    if (due) now = rte_rdtsc();
    if (const bool any = forward(); any && due) {
      since_timed = 0;
      const uint64_t ended = rte_rdtsc(), gap = ended - last_end;
      bursts.add(ended - now);
      longest_gap = std::max(longest_gap, gap);
      stalls += gap > stall_cycles;
      now = last_end = ended;
    }
    return now;
  }

  bool forward() {
    rte_mbuf* mbufs[kMostBurst];
    const uint16_t count = rte_eth_rx_burst(port, queue, mbufs, burst);
    if (count == 0) return false;
    for (uint16_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void*));
    if (engine) matched += matches(mbufs, count);
    received += count;
    const uint16_t went = rte_eth_tx_burst(port, queue, mbufs, count);
    if (went < count) drop(mbufs + went, static_cast<uint16_t>(count - went));
    return true;
  }

  uint32_t matches(rte_mbuf** mbufs, uint16_t count) {
    uint32_t verdicts[kMostBurst];
    engine->run(mbufs, count, verdicts);
    uint32_t found = 0;
    for (uint16_t i = 0; i < count; ++i) found += verdicts[i] != 0;
    return found;
  }

  void drop(rte_mbuf** mbufs, uint16_t count) {
    dropped += count;
    if (!carries_mbufs) rte_pktmbuf_free_bulk(mbufs, count);
  }

  uint16_t port, queue, burst;
  bool carries_mbufs;
  Engine* engine;
  uint64_t stall_cycles;
  uint64_t last_end, now = 0;
  uint64_t since_timed = 0, received = 0, matched = 0, dropped = 0, longest_gap = 0, stalls = 0;
  Histogram bursts;
  const std::atomic<bool>* stop = nullptr;
};

void add(Outcome& outcome, const Device& device) {
  outcome.received += device.received;
  outcome.matched += device.matched;
  outcome.dropped += device.dropped;
  outcome.longest_gap = std::max(outcome.longest_gap, device.longest_gap);
  outcome.stalls += device.stalls;
  outcome.bursts += device.bursts;
}

void add(Outcome& outcome, const Generator& generator) {
  outcome.sent += generator.sent;
  outcome.lost += generator.sent - std::min(generator.sent, generator.returned);
}

struct Limits {
  uint64_t packets, deadline;
};

Limits limits_of(const Until& until, uint64_t now) {
  return {until.packets ? until.packets : UINT64_MAX,
          until.seconds > 0 ? now + cycles_of(until.seconds) : UINT64_MAX};
}

void run_alone(const Bench& bench, Device& device, const Limits& limits, Outcome& outcome) {
  if (!bench.cable.generator) {
    while (device.received < limits.packets && device.turn() < limits.deadline) {
    }
    return;
  }
  Generator generator(bench, 0, limits.packets);
  uint64_t now = 0;
  do {
    generator.send();
    now = device.turn();
    generator.collect();
    if (now >= limits.deadline) generator.stop_sending();
  } while (!generator.done(now));
  add(outcome, generator);
}

int work(void* argument) {
  Device& device = *static_cast<Device*>(argument);
  while (!device.stop->load(std::memory_order_relaxed)) device.turn();
  return 0;
}

void feed(const Bench& bench, const Limits& limits, Outcome& outcome) {
  const unsigned queues = bench.cable.queues;
  uint64_t round = 0;
  for (unsigned queue = 0; queue < queues; ++queue) round += bench.source->round(queue);
  std::vector<Generator> generators;
  for (unsigned queue = 0; queue < queues; ++queue) {
    // Whole rounds of all queues are whole rounds of each.
    const uint64_t share = limits.packets == UINT64_MAX
                               ? UINT64_MAX
                               : limits.packets * bench.source->round(queue) / round;
    generators.emplace_back(bench, queue, share);
  }
  bool done = false;
  while (!done) {
    const uint64_t now = rte_rdtsc();
    done = true;
    for (Generator& generator : generators) {
      generator.send();
      generator.collect();
      if (now >= limits.deadline) generator.stop_sending();
      done = generator.done(now) && done;
    }
  }
  for (const Generator& generator : generators) add(outcome, generator);
}

void run_spread(const Bench& bench, std::vector<std::unique_ptr<Device>>& devices,
                const Limits& limits, Outcome& outcome) {
  std::atomic<bool> stop = false;
  unsigned lcore, queue = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) {
    if (queue == devices.size()) break;
    devices[queue]->stop = &stop;
    IPJIT_CHECK(rte_eal_remote_launch(work, devices[queue++].get(), lcore) == 0);
  }
  if (bench.cable.generator)
    feed(bench, limits, outcome);
  else
    while (rte_rdtsc() < limits.deadline) rte_pause();
  stop = true;
  rte_eal_mp_wait_lcore();
}

}  // namespace

double Outcome::wall_s() const {
  return static_cast<double>(wall_cycles) / static_cast<double>(rte_get_tsc_hz());
}

Outcome run(const Bench& bench, Engine* engine, const Until& until) {
  Outcome outcome;
  if (bench.cable.generator) bench.source->rewind();
  std::vector<std::unique_ptr<Device>> devices;
  for (unsigned queue = 0; queue < bench.cable.queues; ++queue)
    devices.push_back(std::make_unique<Device>(bench, queue, engine));
  const uint64_t cpu_begun = bench::cpu_ns();
  const uint64_t begun = rte_rdtsc();
  for (auto& device : devices) device->last_end = device->now = begun;
  const Limits limits = limits_of(until, begun);
  if (bench.alone)
    run_alone(bench, *devices[0], limits, outcome);
  else
    run_spread(bench, devices, limits, outcome);
  outcome.wall_cycles = rte_rdtsc() - begun;
  outcome.busy_s =
      bench.alone ? static_cast<double>(bench::cpu_ns() - cpu_begun) / 1e9 : outcome.wall_s();
  for (const auto& device : devices) add(outcome, *device);
  outcome.lost -= std::min(outcome.lost, outcome.dropped);
  return outcome;
}

}  // namespace ipjit::pktbench
