// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 of all filters of a process, as a function of samples and time.
//
//   Tiering tiering(tools);
//   while (...) { const uint64_t pause_ns = tiering.round(hot_tier_states()); sleep(pause_ns); }
//
// A round drains the ring of samples into the filters' profiles and, where a filter's policy period
// is over, decides (ir/special/decide.h) and acts.  Clock and compilers are passed in, so that
// every step can be tested; builder_thread.cpp is the loop above.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/special/decide.h"
#include "ir/special/specialise.h"
#include "runtime/tier/sample_ring.h"
#include "runtime/tier/study.h"
#include "runtime/tier/tier_state.h"

namespace ipjit::runtime {

using Racing = std::function<Race(const Subject&, const Subject&, std::span<const Head>)>;

struct TieringTools {
  std::vector<Backend> backends;     ///< the quickest first; each later one replaces where it pays
  std::function<uint64_t()> now_ns;  ///< monotonic
  ir::Policy policy = {};
  ir::Choices choices = {};
  Racing race = runtime::race;  ///< null: the cost model alone decides, for tests
  double must_win = 0.97;       ///< share of what runs that new code may take, measured
  Search::Specialise specialise = ir::specialise;
  std::string reproducers = {};  ///< a directory; empty: none are kept
};

/// What the builder knows of a filter; it is the builder's alone.
struct TierWork {
  TierWork(uint64_t serial, std::shared_ptr<const Unit> general, const ir::Facts& facts);

  /// What stays true of the filter when program or facts have changed.
  void inherit(TierWork& from);

  uint64_t serial;                        ///< TierState::serial of what follows
  std::shared_ptr<const Unit> published;  ///< the general unit of the slot
  std::unique_ptr<Unit> general;  ///< a copy without code, its sites numbered; null: no native code
  Study study;                    ///< of `general`
  size_t backend = 0;             ///< that made the code of study.special
  size_t last_backend = SIZE_MAX;  ///< none above is tried with this special program
  uint64_t upgrade_at_ns = 0;
  uint32_t upgrade_failures = 0;

  bool suspect = false;  ///< a thread found the specialised code slow and retreated
  /// It has become slow; until then what the general code takes is waited for.  0: no doubt.
  uint64_t doubt_until_ns = 0;
  uint64_t next_ns = 0, period_ns = 0;
  uint64_t counted_ns = 0, counted_packets = 0;
  uint64_t busy_ns = 0;  ///< a packet came last
  uint64_t counted_failures = 0;
  const void* counted_special = nullptr;  ///< of which code
  double packets_per_second = 0, guard_failures = 0;
};

class Tiering {
 public:
  explicit Tiering(TieringTools tools) : tools_(std::move(tools)) {}

  /// Thread: one at a time.
  /// Gives: ns until there may be something to do.
  uint64_t round(std::span<const std::shared_ptr<TierState>> states);

  static constexpr uint64_t kShortestPeriodNs = 50'000'000;  ///< also while specialised code runs
  static constexpr uint64_t kLongestPeriodNs = 250'000'000;
  static constexpr uint64_t kLongestDoubtNs = 1'000'000'000;
  static constexpr uint64_t kColdNs = 10'000'000'000;  ///< without a packet: a filter is not hot

 private:
  struct Judged;
  void drain(std::span<const std::shared_ptr<TierState>> states);
  void drop_facts(TierState& state, const Head& head);
  bool sync(TierState& state);
  uint64_t step(TierState& state);
  uint64_t wait(TierWork& work, uint64_t ns) const;
  Retreat reason_of(const ir::Situation& now) const;
  void heed_retreat(TierState& state);
  Judged judge(TierState& state);
  void run_race(TierState& state);
  bool settle_suspicion(TierState& state);
  bool settle_doubt(TierState& state);
  void count(TierState& state);
  void build(TierState& state, const ir::Specialised& candidate);
  bool try_backend(TierState& state, const ir::Program& program, size_t backend);
  bool wins(TierState& state, const Unit& unit, const std::string& name);
  bool publish(TierState& state, std::unique_ptr<Unit> unit, const std::string& backend);
  void upgrade(TierState& state);
  void refuse(TierState& state, const Error& error, size_t backend);
  void show(TierState& state, const Judged& judged);

  TieringTools tools_;
};

}  // namespace ipjit::runtime
