// SPDX-License-Identifier: BSD-2-Clause
// What `saved` in the statistics rests on.
//
//   ticks; ours(packet); ticks; theirs(packet); ticks; theirs(packet); ticks
//                 ours                                      theirs
//
// Ours comes first and pays for the packet's cache misses.  The replaced engine has not run since
// the last sample, so its first run pays for its own cold code and is not counted; the second is.
// Both errors make the saving look smaller than it is.
//
// Hazard: one timer interrupt lasts longer than a thousand packets.  Readings that no undisturbed
// run could give are thrown away, for both engines at once.
#include "runtime/sample.h"

#include <algorithm>
#include <bit>

namespace ipjit::runtime {

namespace {

constexpr uint64_t kMinPeriod = 1024;
constexpr uint64_t kMaxPeriod = uint64_t{1} << 24;
constexpr uint64_t kTimeForSampling = 256;  ///< one part in so many

/// No undisturbed run is longer: 10 us and 20 ns an instruction.
uint64_t longest_ps(const Unit& unit) { return 10'000'000 + 20'000 * unit.source.size(); }

}  // namespace

const TickClock& tick_clock() {
  static const TickClock clock;
  return clock;
}

Sample time_packet(const Unit& unit, std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  Sample sample;
  const uint64_t t0 = ticks();
  sample.verdict = unit.run(data, ctx);
  const uint64_t t1 = ticks();
  if (unit.engine == Engine::kLibpcap) return sample;
  unit.run_replaced(data, ctx);
  const uint64_t t2 = ticks();
  unit.run_replaced(data, ctx);
  const uint64_t t3 = ticks();
  const TickClock& clock = tick_clock();
  sample.ours_ps = clock.picoseconds(t1 - t0);
  sample.replaced_ps = clock.picoseconds(t3 - t2);
  sample.cost_ps = clock.picoseconds(t3 - t1);
  sample.valid = std::max(sample.ours_ps, sample.replaced_ps) <= longest_ps(unit);
  return sample;
}

uint64_t period_after(const Sample& sample) {
  const uint64_t ours_ps = std::max<uint64_t>(sample.ours_ps, 1000);
  const uint64_t period = sample.cost_ps / ours_ps * kTimeForSampling;
  return std::bit_ceil(std::clamp(period, kMinPeriod, kMaxPeriod));
}

}  // namespace ipjit::runtime
