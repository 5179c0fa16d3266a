// SPDX-License-Identifier: BSD-2-Clause
// Usual traffic, then only what is rare in it, then the usual one again.  In each window of time
// the engines take turns on it, so that what else the machine does hits all alike; a point is an
// engine's rate in its own turn.
#include "bench/dpdk/phase.h"

#include <algorithm>

#include "bench/micro/measure.h"

namespace ipjit::pktbench {
namespace {

constexpr const char* kPhases[] = {"usual traffic", "rare traffic", "usual traffic again"};
constexpr size_t kSets[] = {0, 1, 0};

void add_point(Series& series, double at, const Outcome& outcome, const Engine& engine) {
  series.seconds.push_back(at);
  series.mpps.push_back(outcome.mpps());
  series.engine.push_back(engine.state());
  const Standing standing = engine.standing().value_or(Standing{});
  series.builds.push_back(standing.builds);
  series.retreats.push_back(standing.retreats);
}

}  // namespace

PhaseResults phase_change(const Bench& bench, Load& load, std::vector<Candidate> candidates,
                          const PhaseWish& wish, Progress& progress) {
  PhaseResults results{wish, {}, {}};
  std::erase_if(candidates, [](const Candidate& candidate) { return !candidate.engine; });
  for (const Candidate& candidate : candidates)
    results.series.push_back({candidate.name, {}, {}, {}, {}, {}});
  if (candidates.empty()) return results;
  const uint64_t begun = bench::wall_ns();
  const auto now = [&] { return static_cast<double>(bench::wall_ns() - begun) / 1e9; };
  const double turn_s = wish.window_s / static_cast<double>(candidates.size());
  for (size_t phase = 0; phase < std::size(kPhases); ++phase) {
    load.source().use(kSets[phase]);
    results.marks.emplace_back(now(), kPhases[phase]);
    progress.say(std::string("phase: ") + kPhases[phase]);
    const double end = now() + wish.phase_s;
    for (size_t window = 0; now() < end; ++window)
      for (size_t i = 0; i < candidates.size(); ++i) {
        const size_t who = (i + window) % candidates.size();
        Engine& engine = **candidates[who].engine;
        const double at = now();
        const Outcome outcome = run(bench, &engine, {.seconds = turn_s});
        add_point(results.series[who], at, outcome, engine);
      }
  }
  load.source().use(0);
  progress.clear();
  return results;
}

nlohmann::json to_json(const PhaseResults& results) {
  nlohmann::json marks = nlohmann::json::array(), series = nlohmann::json::array();
  for (const auto& [seconds, what] : results.marks)
    marks.push_back({{"seconds", seconds}, {"what", what}});
  for (const Series& one : results.series)
    series.push_back({{"name", one.name},
                      {"seconds", one.seconds},
                      {"mpps", one.mpps},
                      {"engine", one.engine},
                      {"builds", one.builds},
                      {"retreats", one.retreats}});
  return {{"filter", results.wish.name},
          {"described", results.wish.described},
          {"marks", marks},
          {"series", series}};
}

void print(const PhaseResults& results) {
  std::printf("\nphase change: %s (%.60s)\n", results.wish.name.c_str(),
              results.wish.described.c_str());
  std::printf("  %-18s %-20s %8s %8s %8s  %s\n", "engine", "phase", "Mpps", "lowest", "highest",
              "at its end");
  for (const Series& series : results.series)
    for (size_t phase = 0; phase < results.marks.size(); ++phase) {
      const double from = results.marks[phase].first;
      const double to = phase + 1 < results.marks.size() ? results.marks[phase + 1].first : 1e18;
      std::vector<double> mpps;
      std::string last;
      for (size_t i = 0; i < series.seconds.size(); ++i) {
        if (series.seconds[i] < from || series.seconds[i] >= to) continue;
        mpps.push_back(series.mpps[i]);
        last = series.engine[i];
        if (series.builds[i])
          last += ", " + std::to_string(series.builds[i]) + " builds, " +
                  std::to_string(series.retreats[i]) + " retreats";
      }
      if (mpps.empty()) continue;
      const bench::Spread spread = bench::spread_of(mpps);
      std::printf("  %-18s %-20s %8.2f %8.2f %8.2f  %s\n", series.name.c_str(),
                  results.marks[phase].second.c_str(), spread.median, spread.min, spread.max,
                  last.c_str());
    }
  std::fflush(stdout);
}

}  // namespace ipjit::pktbench
