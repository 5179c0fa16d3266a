// SPDX-License-Identifier: BSD-2-Clause
// What `saved` in the statistics rests on.
//
//   run(packet); ticks; run(packet); ticks; run(packet); ticks          on each of the two engines
//                       ------------        ------------
//                       the smaller of these two counts
//
// The first run is called from an unusual place, so that its branches are mispredicted, and the
// replaced engine's code is cold, as it would not be if it ran for every packet.  Of the other two
// one may meet an interrupt, which lasts longer than a thousand packets; hardly both.  A function
// that does nothing is timed in the same way, and what it takes is taken off: at this packet, since
// a processor is not as fast now as it was when the process began.  By that a short program may
// take less than no time on one packet, where the counter moves in steps; the mean over many is
// right.  What this leaves out is what a fresh packet costs either engine in cache misses and
// mispredictions.
#include "runtime/sample.h"

#include <algorithm>
#include <bit>

namespace ipjit::runtime {

namespace {

constexpr uint64_t kMinPeriod = 1024;
constexpr uint64_t kMaxPeriod = uint64_t{1} << 24;
constexpr uint64_t kReadingsPs = 200'000;   ///< of the clocks, about
constexpr uint64_t kTimeForSampling = 256;  ///< one part in so many

/// Ticks of an undisturbed run on a packet that the engine has just seen.
template <class Run>
int64_t warm_ticks(Run run) {
  const uint64_t t0 = ticks();
  run();
  const uint64_t t1 = ticks();
  run();
  return static_cast<int64_t>(std::min(t1 - t0, ticks() - t1));
}

int64_t warm_ticks_of_nothing() {
  const uint64_t first = ticks_of_nothing();
  return static_cast<int64_t>(std::min(first, ticks_of_nothing()));
}

}  // namespace

const TickClock& tick_clock() {
  static const TickClock clock;
  return clock;
}

Sample time_packet(const Unit& unit, std::span<const uint8_t> data, const ipjit_ctx& ctx) {
  Sample sample;
  sample.verdict = unit.run_packet(data, ctx);
  if (unit.engine == Engine::kLibpcap) return sample;
  const int64_t ours = warm_ticks([&] { unit.run_packet(data, ctx); });
  unit.run_replaced(data, ctx);
  const int64_t replaced = warm_ticks([&] { unit.run_replaced(data, ctx); });
  const int64_t nothing = warm_ticks_of_nothing();
  const TickClock& clock = tick_clock();
  sample.valid = true;
  sample.ours_ps = clock.picoseconds(ours - nothing);
  sample.replaced_ps = clock.picoseconds(replaced - nothing);
  sample.cost_ps = kReadingsPs + 3 * (std::max<int64_t>(sample.ours_ps, 0) +
                                      std::max<int64_t>(sample.replaced_ps, 0));
  return sample;
}

uint64_t period_after(const Sample& sample) {
  const int64_t ours_ps = std::max<int64_t>(sample.ours_ps, 1000);
  const auto period = static_cast<uint64_t>(sample.cost_ps / ours_ps) * kTimeForSampling;
  return std::bit_ceil(std::clamp(period, kMinPeriod, kMaxPeriod));
}

}  // namespace ipjit::runtime
