// SPDX-License-Identifier: BSD-2-Clause
// A turn is whole rounds through the traffic, so that match counts can be compared; engines take
// turns inside each repeat with a rotating start, and ratios are formed inside a repeat.
//
// "Without what is common" takes forward-only's time of the same repeat away from both sides. Where
// an engine is as fast as forwarding, little is left and the ratio is noise: it is then not formed.
//
// Times are the lcore's CPU time (on one lcore): what else runs on the machine does not count.
// Latencies of bursts are time on the wall, as a packet would have waited.
#include "bench/dpdk/throughput.h"

#include <algorithm>
#include <numeric>

namespace ipjit::pktbench {
namespace {

constexpr char kForward[] = "forward only";
constexpr double kLeastNs = 0.2;  // below this, a subtracted time is not divided by
constexpr size_t kHexBytes = 96;

struct Runner {
  Row row;
  std::shared_ptr<Engine> engine;  // NULL: forward only
  uint64_t packets = 0;            // of a turn
  std::vector<Outcome> turns;
  Histogram bursts;
};

std::string hex_of(const rte_mbuf* mbuf) {
  std::string text;
  const uint8_t* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  for (size_t i = 0; i < std::min<size_t>(kHexBytes, rte_pktmbuf_data_len(mbuf)); ++i) {
    char byte[3];
    std::snprintf(byte, sizeof byte, "%02x", data[i]);
    text += byte;
  }
  return rte_pktmbuf_data_len(mbuf) > kHexBytes ? text + "..." : text;
}

// Every verdict of every packet, in bursts as they will come.
void check(Runner& runner, const Contest& contest, const MbufList& mbufs, unsigned burst) {
  std::vector<uint32_t> verdicts(burst);
  for (size_t at = 0; at < mbufs.size(); at += burst) {
    const auto count = static_cast<unsigned>(std::min<size_t>(burst, mbufs.size() - at));
    runner.engine->run(mbufs.data() + at, count, verdicts.data());
    for (unsigned i = 0; i < count; ++i) {
      runner.row.matches += verdicts[i] != 0;
      if (verdicts[i] == contest.expected[at + i]) continue;
      if (runner.row.wrong++ == 0)
        runner.row.first_wrong =
            WrongPacket{at + i, verdicts[i], contest.expected[at + i], hex_of(mbufs[at + i])};
    }
  }
}

void settle(const Bench& bench, Runner& runner, const Effort& effort, Progress& progress) {
  const uint64_t begun = bench::wall_ns();
  while (runner.engine && runner.engine->settling()) {
    const double waited = static_cast<double>(bench::wall_ns() - begun) / 1e9;
    if (waited > effort.patience_s) break;
    progress.say(runner.row.name + ": settles, " + std::to_string(static_cast<int>(waited)) + " s");
    run(bench, runner.engine.get(), {.seconds = 0.1});
  }
  if (runner.engine) runner.row.state = runner.engine->state();
}

// How many packets make a turn, from a first look at the speed.
void calibrate(const Bench& bench, Runner& runner, size_t round, const Effort& effort) {
  const Outcome first = run(bench, runner.engine.get(), {.packets = round});
  const double rounds = effort.turn_s / std::max(first.busy_s, 1e-9);
  runner.packets = round * std::max<uint64_t>(1, static_cast<uint64_t>(rounds));
}

void take_turns(const Bench& bench, std::vector<Runner>& runners, const Effort& effort,
                const std::string& name, Progress& progress) {
  for (unsigned repeat = 0; repeat < effort.repeats; ++repeat)
    for (size_t i = 0; i < runners.size(); ++i) {
      Runner& runner = runners[(i + repeat) % runners.size()];
      progress.say(name + ": repeat " + std::to_string(repeat + 1) + " of " +
                   std::to_string(effort.repeats) + ", " + runner.row.name);
      Outcome outcome = run(bench, runner.engine.get(), {.packets = runner.packets});
      runner.bursts += outcome.bursts;
      runner.turns.push_back(std::move(outcome));
    }
}

template <class Value>
bench::Spread spread(const Runner& runner, Value value) {
  std::vector<double> values;
  for (size_t i = 0; i < runner.turns.size(); ++i) values.push_back(value(i));
  return bench::spread_of(std::move(values));
}

void fill_row(Runner& runner, const Runner& forward, size_t round) {
  Row& row = runner.row;
  const double cycles_per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
  row.mpps = spread(runner, [&](size_t i) { return runner.turns[i].mpps(); });
  row.ns = spread(runner, [&](size_t i) { return runner.turns[i].ns(); });
  row.cycles = spread(runner, [&](size_t i) { return runner.turns[i].ns() * cycles_per_us / 1e3; });
  row.over_forward_ns =
      spread(runner, [&](size_t i) { return runner.turns[i].ns() - forward.turns[i].ns(); });
  const auto us = [&](double share) {
    return static_cast<double>(runner.bursts.quantile(share)) / cycles_per_us;
  };
  row.p50_us = us(0.5);
  row.p99_us = us(0.99);
  row.p999_us = us(0.999);
  for (const Outcome& turn : runner.turns) {
    row.dropped += turn.dropped;
    row.lost += turn.lost;
    const bool whole = turn.dropped + turn.lost == 0 && turn.received % round == 0;
    if (whole && runner.engine) row.unsteady |= turn.matched != turn.received / round * row.matches;
  }
}

void compare(Runner& runner, const Runner& forward, const Runner& other) {
  if (&runner == &other) return;
  Row::Ratio ratio{.over = other.row.name, .end_to_end = {}, .subtracted = {}};
  ratio.end_to_end =
      spread(runner, [&](size_t i) { return other.turns[i].ns() / runner.turns[i].ns(); });
  const auto left = [&](const Runner& r, size_t i) {
    return r.turns[i].ns() - forward.turns[i].ns();
  };
  bool divisible = true;
  for (size_t i = 0; i < runner.turns.size(); ++i) divisible &= left(runner, i) >= kLeastNs;
  if (divisible)
    ratio.subtracted = spread(runner, [&](size_t i) { return left(other, i) / left(runner, i); });
  runner.row.ratios.push_back(ratio);
}

// Against what everything is held: the candidates whose names begin so, where they are right.
const Runner* reference(const std::vector<Runner>& runners, const std::string& name) {
  for (const Runner& runner : runners)
    if (runner.row.name.starts_with(name) && runner.row.wrong == 0) return &runner;
  return nullptr;
}

}  // namespace

bool Results::fine() const {
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) {
    return !row.refusal.empty() || (row.explained() && !row.unsteady);
  });
}

Results measure(const Bench& bench, Contest& contest, const MbufList& mbufs, const Effort& effort,
                Progress& progress) {
  Results results{contest.name, contest.described, mbufs.size(), {}, {}};
  std::vector<Runner> runners(1);
  runners[0].row.name = kForward;
  std::vector<Row> refused;
  for (Candidate& candidate : contest.candidates) {
    Row row;
    row.name = candidate.name;
    row.known_bugs = candidate.known_bugs;
    if (!candidate.engine) {
      row.refusal = candidate.engine.error().why;
      refused.push_back(row);
      continue;
    }
    runners.push_back({.row = row, .engine = *candidate.engine, .turns = {}, .bursts = {}});
  }
  for (Runner& runner : runners) {
    if (runner.engine) check(runner, contest, mbufs, bench.burst);
    settle(bench, runner, effort, progress);
    calibrate(bench, runner, mbufs.size(), effort);
  }
  take_turns(bench, runners, effort, contest.name, progress);
  progress.clear();
  for (Runner& runner : runners) {
    const std::string by_now = runner.engine ? runner.engine->state() : "";
    if (by_now != runner.row.state) runner.row.state += ", then " + by_now;
  }
  for (Runner& runner : runners) fill_row(runner, runners[0], mbufs.size());
  for (const char* name : {"rte_bpf JIT", "libpcap", "linear", "rte_acl"})
    if (const Runner* other = reference(runners, name)) {
      if (results.reference.empty()) results.reference = other->row.name;
      for (Runner& runner : runners)
        if (runner.engine) compare(runner, runners[0], *other);
    }
  for (Runner& runner : runners) results.rows.push_back(std::move(runner.row));
  results.rows.insert(results.rows.end(), refused.begin(), refused.end());
  return results;
}

}  // namespace ipjit::pktbench
