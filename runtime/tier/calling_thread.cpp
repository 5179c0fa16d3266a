// SPDX-License-Identifier: BSD-2-Clause
// The way back must not wait for the thread that builds, which runs only where a processor is idle:
// threads that poll for packets starve it.  So the thread that runs the packets looks at its own
// counter line and its own clock, and puts the general code back itself.
//
// Every other window of a specialised filter runs the general code, which gives the same verdicts:
// so both are timed on the traffic of now.  Timing single packets is unjust to code without
// branches (race.cpp), but equally so at any time: what counts is the ratio against that of the
// first comparison behind a publication, when the traffic was what the code had been built for.
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
constexpr uint64_t kTimedPackets = 240;  ///< of each engine for one comparison
constexpr uint64_t kFailuresFrom = 64;   ///< guard failures before a share means anything
/// So much worse than when it was new, and so many ps, or it is noise of the measurement.
constexpr double kWorse = 1.35;
constexpr double kWorsePs = 1'000;

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
  rival_ = unit_.general && watch_.odd_window();
  // General code outlives the run of the specialised one: it is retired together with it or later.
  const ipjit_entry_fn entry = rival_ ? unit_.general->code->entry() : unit_.code->entry();
  const uint64_t start = ticks();
  const uint64_t result = entry(data.data(), data.size(), &counting);
  ticks_ = ticks() - start;
  return ipjit_result_value(result);
}

bool WatchedPacket::is_slower() {
  if (!due_.sample) return false;
  const Watch::Window window = watch_.sampled(left_ + 1, ticks_, monotonic_ns);
  if (!window.over || window.packets == 0 || !unit_.code) return false;
  Measured& measured = unit_.general && !rival_ ? tier_.special : tier_.general;
  measured.add(tick_clock().picoseconds(window.ticks, window.packets), window.packets);
  if (window.packets_per_second > 0) {
    tier_.packets_per_second.store(window.packets_per_second, std::memory_order_relaxed);
    const double mean_s = static_cast<double>(measured.mean_ps()) * 1e-12;
    if (left_ >= kHotPackets && window.packets_per_second * mean_s > kHotShare)
      tier_.hot.store(true, std::memory_order_relaxed);
  }
  if (tier_.hot.load(std::memory_order_relaxed)) ask_for_builder();
  return unit_.general && compare();
}

bool WatchedPacket::compare() const {
  if (tier_.special.packets() < kTimedPackets || tier_.general.packets() < kTimedPackets)
    return false;
  const double general_ps = static_cast<double>(std::max<uint64_t>(tier_.general.mean_ps(), 1));
  const double special_ps = static_cast<double>(tier_.special.mean_ps());
  tier_.general.reset();
  tier_.special.reset();
  const double before = tier_.calibrated.load(std::memory_order_relaxed);
  if (before == 0) {
    tier_.calibrated.store(std::max(special_ps / general_ps, 0.01), std::memory_order_relaxed);
    return false;
  }
  const double expected_ps = before * general_ps;
  return special_ps > kWorse * expected_ps && special_ps > expected_ps + kWorsePs;
}

void general_changed(TierState& tier, bool was_advanced) {
  ++tier.serial;
  tier.general.reset();
  tier.special.reset();
  if (was_advanced) tier.numbers->changes.fetch_add(1, std::memory_order_relaxed);
  tier.retreat.store(Retreat::kReplaced, std::memory_order_relaxed);
}

void advanced_to_special(TierState& tier, bool from_general) {
  tier.general.reset();
  tier.special.reset();
  tier.calibrated.store(0, std::memory_order_relaxed);
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
