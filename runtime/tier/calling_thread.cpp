// SPDX-License-Identifier: BSD-2-Clause
// The way back must not wait for the thread that builds, which runs only where a processor is idle:
// threads that poll for packets starve it.  So the thread that runs the packets looks at its own
// counter line and its own clock, and puts the general code back itself.
//
// Both engines are timed in the same way: the first run of a fresh packet, from the same place,
// among its neighbours.  (What sample.h measures are repeated runs of one packet, in which no
// branch is mispredicted: it would find code without branches slow.)
//
// Hazard: this may run in a signal handler of the program, so nothing here allocates or locks, and
// the builder is asked for, not started, where that would.
#include "runtime/tier/calling_thread.h"

#include <algorithm>
#include <cstring>

#include "ir/interpreter.h"
#include "ir/special/decide.h"
#include "runtime/sample.h"
#include "runtime/tier/builder_thread.h"
#include "runtime/tier/sample_ring.h"

namespace ipjit::runtime {

namespace {

constexpr uint64_t kHotPackets = 65'536;  ///< of one thread: a short run is over before it pays
/// Share of a processor that a filter takes: of less, a minute saves less than a build costs.
constexpr double kHotShare = 1.0 / 3000;
constexpr uint64_t kTimedPackets = 480;  ///< of each engine, before one is called slower
constexpr uint64_t kFailuresFrom = 64;   ///< guard failures before a share means anything
/// So much slower on the mean, and so many ps: this clock is unjust to code without branches
/// (race.cpp), and here is only for what goes wrong while the builder cannot run.
constexpr uint64_t kSlowerPercent = 150;
constexpr uint64_t kSlowerPs = 8'000;

uint32_t field_of(const ipjit_ctx& ctx, size_t field) { return ctx.*ir::kCtxFields[field]; }

}  // namespace

WatchedPacket::WatchedPacket(TierState& tier, Watch& watch, const Unit& unit, uint64_t left)
    : tier_(tier),
      watch_(watch),
      unit_(unit),
      left_(left),
      due_(watch.visit(left, &unit, unit.general && unit.counters)) {}

bool WatchedPacket::leaves_by_guards() {
  if (!due_.check) return false;
  const Watch::Check check = watch_.check(left_, load(ipjit_own_counters(&unit_)[0]));
  tier_.numbers->guard_failures.fetch_add(check.failures, std::memory_order_relaxed);
  static constexpr ir::Policy kPolicy;
  return check.failures >= kFailuresFrom &&
         static_cast<double>(check.failures) >
             kPolicy.max_guard_failures * static_cast<double>(check.packets);
}

void WatchedPacket::copy(std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  if (!due_.sample) return;
  sample_ring().push([&](Head& head) {
    head.filter = tier_.id;
    head.ordinal = left_;
    head.stripe = static_cast<uint32_t>(&watch_ - tier_.watches.get());
    head.cap_len = static_cast<uint32_t>(data.size());
    head.copied = static_cast<uint32_t>(
        std::min({data.size(), Head::kBytes, static_cast<size_t>(unit_.head_bytes)}));
    for (size_t i = 0; i < head.fields.size(); ++i) head.fields[i] = field_of(ctx, i);
    if (head.copied) std::memcpy(head.bytes.data(), data.data(), head.copied);
  });
}

uint32_t WatchedPacket::run(std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  if (!due_.sample || !unit_.code) return unit_.run_packet(data, ctx);
  ipjit_ctx counting = ctx;
  counting.counters = ipjit_own_counters(&unit_);
  const ipjit_entry_fn entry = unit_.code->entry();
  const uint64_t start = ticks();
  const uint64_t result = entry(data.data(), data.size(), &counting);
  ticks_ = ticks() - start;
  return ipjit_result_value(result);
}

bool WatchedPacket::is_slower() {
  if (!due_.sample) return false;
  const Watch::Window window = watch_.sampled(left_ + 1, ticks_, monotonic_ns);
  if (!window.over || window.packets == 0 || !unit_.code) return false;
  Measured& measured = unit_.general ? tier_.special : tier_.general;
  measured.add(tick_clock().picoseconds(window.ticks, window.packets), window.packets);
  if (window.packets_per_second > 0) {
    tier_.packets_per_second.store(window.packets_per_second, std::memory_order_relaxed);
    const double mean_s = static_cast<double>(measured.mean_ps()) * 1e-12;
    if (left_ >= kHotPackets && window.packets_per_second * mean_s > kHotShare)
      tier_.hot.store(true, std::memory_order_relaxed);
  }
  if (tier_.hot.load(std::memory_order_relaxed)) ask_for_builder();
  if (!unit_.general || tier_.special.packets() < kTimedPackets ||
      tier_.general.packets() < kTimedPackets)
    return false;
  const uint64_t general_ps = tier_.general.mean_ps();
  return tier_.special.mean_ps() > general_ps * kSlowerPercent / 100 + kSlowerPs;
}

void general_changed(TierState& tier, bool was_advanced) {
  ++tier.serial;
  tier.general.reset();
  tier.special.reset();
  if (was_advanced) tier.numbers->changes.fetch_add(1, std::memory_order_relaxed);
  tier.retreat.store(Retreat::kReplaced, std::memory_order_relaxed);
}

void advanced_to_special(TierState& tier, bool from_general) {
  tier.special.reset();
  tier.retreat.store(Retreat::kNone, std::memory_order_relaxed);
  tier.numbers->changes.fetch_add(from_general, std::memory_order_relaxed);
}

void retreated(TierState& tier, Retreat why) {
  tier.retreat.store(why, std::memory_order_relaxed);
  tier.general.reset();  // the traffic has changed, or what was measured of it is in doubt
  tier.numbers->tier.store(1, std::memory_order_relaxed);
  tier.numbers->retreats.fetch_add(1, std::memory_order_relaxed);
  tier.numbers->changes.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace ipjit::runtime
