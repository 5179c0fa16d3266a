// SPDX-License-Identifier: BSD-2-Clause
// The way back must not wait for the thread that builds, which runs only where a processor is idle:
// threads that poll for packets starve it.  So the thread that runs the packets looks at its own
// counter line and its own clock, and puts the general code back itself.
//
// Every other window of a specialised filter runs the general code, which gives the same verdicts:
// so both are timed on the traffic of now.  Timing single packets is unjust to code without
// branches (race.cpp), but equally so at any time: what counts is the ratio against that of the
// first windows behind a publication, when the traffic was what the code had been built for.  It is
// evidence for gross losses only, and evidence.h says when it is evidence; each time that the
// builder's race finds it was none, twice as many windows are wanted.
//
// Hazard: this may run in a signal handler of the program or in its sandbox, so nothing here
// allocates, locks or makes a system call; the builder finds out by itself what is hot.
#include "runtime/tier/calling_thread.h"

#include <algorithm>
#include <cstring>

#include "ir/interpreter.h"
#include "ir/special/decide.h"
#include "runtime/sample.h"
#include "runtime/tier/sample_ring.h"

namespace ipjit::runtime {

namespace {

constexpr uint64_t kHotPackets = 65'536;  ///< of one thread: a short run is over before it pays
/// Share of a processor that a filter takes: of less, a minute saves less than a build costs.
constexpr double kHotShare = 1.0 / 3000;
constexpr uint64_t kFailuresFrom = 64;  ///< guard failures before a share means anything
constexpr uint64_t kWholeWindow = 8;    ///< packets: fewer are too few for a mean
constexpr uint64_t kNewWindows = 16;    ///< of each, to know the ratio when the code is new
/// Error of that ratio in its value: every later comparison bears it, so one that a neighbour on
/// the processor has spoilt would hide any loss for as long as the code runs.
constexpr double kVague = 0.1;

/// What a window takes beyond the clock's own time may be nothing, or noise around it; of nothing
/// there is no ratio, and the code would never be judged.
Windows at_least_a_nanosecond(const Windows& windows) {
  constexpr double kLeastPs = 1000;
  const double sum = kLeastPs * static_cast<double>(windows.count);
  return windows.sum < sum ? Windows{windows.count, sum, kLeastPs * sum} : windows;
}

/// Picoseconds that a packet takes the slower code alone; 0: not known.
double code_ps(const TierState& tier) {
  double slower = 0;
  for (const Measured* measured : {&tier.general, &tier.special}) {
    const Windows windows = at_least_a_nanosecond(measured->windows());
    if (windows.count) slower = std::max(slower, windows.sum / static_cast<double>(windows.count));
  }
  return slower;
}

uint32_t field_of(const ipjit_ctx& ctx, size_t field) { return ctx.*ir::kCtxFields[field]; }

}  // namespace

WatchedPacket::WatchedPacket(TierState& tier, Watch& watch, const Unit& unit, uint64_t left)
    : tier_(tier),
      watch_(watch),
      unit_(unit),
      left_(left),
      serial_(tier.serial.load(std::memory_order_relaxed)),
      due_(watch.visit(left, &unit, unit.general != nullptr, unit.general && unit.counters)) {}

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
    head.serial = serial_;
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

Retreat WatchedPacket::judge() {
  if (!due_.sample) return Retreat::kNone;
  const Watch::Window window = watch_.sampled(left_ + 1, ticks_, monotonic_ns);
  if (!window.over || window.packets == 0 || !unit_.code) return Retreat::kNone;
  Measured& measured = unit_.general && !rival_ ? tier_.special : tier_.general;
  if (window.packets >= kWholeWindow) {
    const TickClock& clock = tick_clock();
    const uint64_t taken = clock.without_readings(window.ticks, window.packets);
    const int64_t ps = clock.picoseconds(static_cast<int64_t>(taken));
    measured.add(static_cast<double>(ps) / static_cast<double>(window.packets));
  }
  if (window.packets_per_second > 0) {
    tier_.packets_per_second.store(window.packets_per_second, std::memory_order_relaxed);
    const double mean_s = measured.mean_ps() * 1e-12;
    if (left_ >= kHotPackets && window.packets_per_second * mean_s > kHotShare)
      tier_.hot.store(true, std::memory_order_relaxed);
  }
  if (const Retreat why = judge_rate(window); why != Retreat::kNone) return why;
  return unit_.general && compare() ? Retreat::kSlower : Retreat::kNone;
}

Retreat WatchedPacket::judge_rate(const Watch::Window& window) const {
  if (window.packets_per_second <= 0 || !window.of_one_program) return Retreat::kNone;
  const double ps = 1e12 / window.packets_per_second;
  Trial& trial = tier_.trial;
  if (!unit_.general) {
    trial.general_took(ps);
    return Retreat::kNone;
  }
  if (trial.falls_in_doubt(ps, window.now_ns, code_ps(tier_))) return Retreat::kDoubt;
  const bool lost = trial.special_took(ps, window.now_ns) == Verdict::kSlower;
  return lost ? Retreat::kTrial : Retreat::kNone;
}

/// Has specialised code become slower, against general code on the same traffic, than it was when
/// it was new?
bool WatchedPacket::compare() const {
  const Windows general = at_least_a_nanosecond(tier_.general.windows());
  const Windows special = at_least_a_nanosecond(tier_.special.windows());
  const uint64_t windows = std::min(general.count, special.count);
  const Ratio now = ratio_of(general, special);
  const Ratio when_new = {tier_.calibrated.load(std::memory_order_acquire),
                          tier_.calibrated_error.load(std::memory_order_relaxed)};
  const auto begin_anew = [&] {
    tier_.general.reset();
    tier_.special.reset();
  };
  if (!when_new.known()) {
    if (windows < kNewWindows || !now.known()) return false;
    if (now.error > kVague * now.value) {
      if (windows >= 4 * kNewWindows) begin_anew();
      return false;
    }
    tier_.calibrated_error.store(now.error, std::memory_order_relaxed);
    tier_.calibrated.store(now.value, std::memory_order_release);  // its error is there
    begin_anew();
    return false;
  }
  const Verdict verdict =
      judge_windows(when_new, now, windows, tier_.wanted.load(std::memory_order_relaxed));
  if (verdict != Verdict::kMore) begin_anew();
  return verdict == Verdict::kSlower;
}

void general_changed(TierState& tier, bool was_advanced) {
  ++tier.serial;
  tier.general.reset();
  tier.special.reset();
  tier.trial.end();
  tier.trial.forget();
  if (was_advanced) tier.numbers->changes.fetch_add(1, std::memory_order_relaxed);
  tier.retreat.store(Retreat::kReplaced, std::memory_order_relaxed);
}

void advanced_to_special(TierState& tier, bool from_general) {
  if (from_general)
    tier.trial.begin(code_ps(tier));
  else
    tier.trial.begin_anew();
  tier.general.reset();
  tier.special.reset();
  tier.calibrated.store(0, std::memory_order_relaxed);
  tier.retreat.store(Retreat::kNone, std::memory_order_relaxed);
  tier.doubted.store(0, std::memory_order_relaxed);
  tier.numbers->changes.fetch_add(from_general, std::memory_order_relaxed);
}

void retreated(TierState& tier, Retreat why) {
  tier.general.reset();  // the traffic has changed, or what was measured of it is in doubt
  tier.trial.end();
  tier.doubted.store(why == Retreat::kDoubt ? tier.serial + 1 : 0, std::memory_order_relaxed);
  tier.numbers->tier.store(1, std::memory_order_relaxed);
  tier.numbers->retreats.fetch_add(1, std::memory_order_relaxed);
  tier.numbers->changes.fetch_add(1, std::memory_order_relaxed);
  tier.retreat.store(why, std::memory_order_release);  // last: the builder finds all of it
}

}  // namespace ipjit::runtime
