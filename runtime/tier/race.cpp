// SPDX-License-Identifier: BSD-2-Clause
// Timing code where it does not run: in the builder, on copies of what came lately.
//
//   heads, in the order of the traffic   | A1 ... A16 | A17 ... A32 | ... A64 | B1 ... B16 | ...
//   first, then second                      210 ns        190 ns               4,100 ns
//   second, then first behind A64           120 ns        130 ns               125 ns
//                                                                    interrupted: counts for
//                                                                    neither
//
// They take turns every four laps, and who is first alternates: a processor that slows down for
// some microseconds does so for both.
//
// Each packet is run once by each unit, in the order in which it came.  A second pass would find
// its branches known: a predictor remembers the way of hundreds of packets, and in the stream it
// has never met them.  The packets are in the first caches, which they are not where they arrive;
// that costs both alike.
//
// Why not time single packets on their way (calling_thread.cpp does that too): the two readings of
// the clock keep neighbours from overlapping, which code without branches does and code that
// mispredicts does not, so that the worse shape looks the better one.
#include "runtime/tier/race.h"

#include <algorithm>
#include <vector>

#include "ir/interpreter.h"
#include "runtime/sample.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kLap = 16;  ///< packets between two readings of the clock
constexpr size_t kTurn = 4;  ///< laps

struct Job {
  const uint8_t* data;
  uint32_t len;
  ipjit_ctx* ctx;
};

/// Times one lap after the other.
void run(const Subject& subject, std::span<const Job> jobs, std::span<Lap> laps,
         uint64_t Lap::*time) {
  const ipjit_entry_fn entry = subject.entry;
  for (const Job& job : jobs) std::ranges::copy(subject.tables, job.ctx->tables);
  const TickClock& clock = tick_clock();
  uint64_t sum = 0;
  for (size_t lap = 0; lap < laps.size(); ++lap) {
    const std::span<const Job> some = jobs.subspan(lap * kLap, kLap);
    const uint64_t start = ticks();
    for (const Job& job : some) sum += entry(job.data, job.len, job.ctx);
    laps[lap].*time = clock.without_readings(ticks() - start);
  }
  asm volatile("" : : "r"(sum));
}

std::vector<Lap> laps_of(const Subject& first, const Subject& second, std::span<const Job> jobs) {
  std::vector<Lap> laps(jobs.size() / kLap);
  bool swapped = false;
  for (size_t at = 0; at < laps.size(); at += kTurn, swapped = !swapped) {
    const size_t count = std::min(kTurn, laps.size() - at);
    const std::span<const Job> some = jobs.subspan(at * kLap, count * kLap);
    const std::span<Lap> turn = std::span(laps).subspan(at, count);
    if (swapped) run(second, some, turn, &Lap::ours);
    run(first, some, turn, &Lap::rival);
    if (!swapped) run(second, some, turn, &Lap::ours);
  }
  return laps;
}

}  // namespace

Race race(const Subject& first, const Subject& second, std::span<const Head> heads) {
  if (heads.size() < kRaceHeads || !first.entry || !second.entry) return {};
  uint64_t counters[IPJIT_MAX_COUNTERS] = {};
  std::vector<ipjit_ctx> contexts(heads.size());
  std::vector<Job> jobs(heads.size());
  for (size_t i = 0; i < heads.size(); ++i) {
    contexts[i].counters = counters;
    for (size_t field = 0; field < heads[i].fields.size(); ++field)
      contexts[i].*ir::kCtxFields[field] = heads[i].fields[field];
    jobs[i] = {heads[i].bytes.data(), heads[i].copied, &contexts[i]};
  }
  // Whatever is cold at first is cold for one lap that does not count, and then for neither.
  laps_of(first, second, std::span(jobs).first(kLap));
  const RaceTimes times =
      times_of(laps_of(first, second, std::span<const Job>(jobs).subspan(kLap)));
  if (!times.ratio.known()) return {};
  const auto ps = [&](uint64_t sum) {
    const auto all = static_cast<uint64_t>(tick_clock().picoseconds(static_cast<int64_t>(sum)));
    return std::max<uint64_t>(all / (times.laps * kLap), 1);
  };
  return {ps(times.rival), ps(times.ours), times.ratio};
}

}  // namespace ipjit::runtime
