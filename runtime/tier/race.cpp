// SPDX-License-Identifier: BSD-2-Clause
// Timing code where it does not run: in the builder, on copies of what came lately.
//
//   heads, in the order of the traffic   | A1 ... A16 | B1 ... B16 | C1 ... C16 | ...
//   first                                   210 ns       190 ns      4,100 ns
//   second                                  120 ns       130 ns        125 ns
//                                                                    interrupted: counts for
//                                                                    neither
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

constexpr size_t kLap = 16;       ///< packets between two readings of the clock
constexpr uint64_t kOutlier = 4;  ///< times the median: somebody else ran

struct Job {
  const uint8_t* data;
  uint32_t len;
  ipjit_ctx* ctx;
};

std::vector<uint64_t> laps_of(const Subject& subject, std::span<const Job> jobs) {
  const ipjit_entry_fn entry = subject.entry;
  for (const Job& job : jobs) std::ranges::copy(subject.tables, job.ctx->tables);
  std::vector<uint64_t> laps(jobs.size() / kLap);
  uint64_t sum = 0;
  for (size_t lap = 0; lap < laps.size(); ++lap) {
    const std::span<const Job> some = jobs.subspan(lap * kLap, kLap);
    const uint64_t start = ticks();
    for (const Job& job : some) sum += entry(job.data, job.len, job.ctx);
    laps[lap] = ticks() - start;
  }
  asm volatile("" : : "r"(sum));
  return laps;
}

uint64_t longest_of(std::vector<uint64_t> laps) {
  std::nth_element(laps.begin(), laps.begin() + laps.size() / 2, laps.end());
  return kOutlier * laps[laps.size() / 2];
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
  laps_of(first, std::span(jobs).first(kLap));
  laps_of(second, std::span(jobs).first(kLap));
  const auto rest = std::span<const Job>(jobs).subspan(kLap);
  const std::vector<uint64_t> a = laps_of(first, rest), b = laps_of(second, rest);
  const uint64_t longest_a = longest_of(a), longest_b = longest_of(b);
  uint64_t sum_a = 0, sum_b = 0, laps = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > longest_a || b[i] > longest_b) continue;
    sum_a += a[i];
    sum_b += b[i];
    ++laps;
  }
  const auto ps = [&](uint64_t sum) {
    return std::max<uint64_t>(tick_clock().picoseconds(sum, laps) / (laps * kLap), 1);
  };
  return {ps(sum_a), ps(sum_b)};
}

}  // namespace ipjit::runtime
