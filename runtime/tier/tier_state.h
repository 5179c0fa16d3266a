// SPDX-License-Identifier: BSD-2-Clause
// What a filter has to do with tiering: shared by its packet path, its owner and the thread that
// builds.
//
//                        who touches it                      how
//   watches, measured    threads that run packets            relaxed atomics
//   slot, facts          whoever holds runtime_lock()        plain
//   serial               the same; others may look at it     relaxed atomic
//   work                 the thread that builds              plain
//
// It outlives its filter while the builder has it in hand: `slot` is null then, and nothing is
// published any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "ir/special/specialise.h"
#include "runtime/pipeline.h"
#include "runtime/tier/evidence.h"
#include "runtime/tier/numbers.h"
#include "runtime/tier/trial.h"
#include "runtime/tier/watch.h"

namespace ipjit::runtime {

class FilterSlot;

/// Times of windows of packets, without a lock: a lost update is a lost window.
/// Signal: add() and windows() may be called from a handler.
class Measured {
 public:
  /// Takes: a window's mean per packet.
  void add(double ps) {
    sum_.fetch_add(ps, std::memory_order_relaxed);
    squares_.fetch_add(ps * ps, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  void reset() {
    count_.store(0, std::memory_order_relaxed);
    sum_.store(0, std::memory_order_relaxed);
    squares_.store(0, std::memory_order_relaxed);
  }
  Windows windows() const {
    return {count_.load(std::memory_order_relaxed), sum_.load(std::memory_order_relaxed),
            squares_.load(std::memory_order_relaxed)};
  }
  /// 0 where nothing was measured.
  double mean_ps() const {
    const Windows all = windows();
    return all.count ? all.sum / static_cast<double>(all.count) : 0;
  }

 private:
  std::atomic<uint64_t> count_{0};
  std::atomic<double> sum_{0}, squares_{0};
};

/// Why specialised code was given up.
enum class Retreat : uint8_t { kNone, kGuards, kSlower, kTrial, kDoubt, kDrift, kFact, kReplaced };
const char* sentence_of(Retreat why);

struct TierWork;  ///< tiering.h

struct TierState {
  static constexpr uint64_t kFirstWanted = 8;
  static constexpr uint64_t kMostWanted = 8192;

  /// Takes: where to count; it outlives the filter's slot, and is not used after close().
  TierState(TierNumbers& numbers, const arch::Target& target);
  ~TierState();
  TierState(const TierState&) = delete;
  TierState& operator=(const TierState&) = delete;

  const uint64_t id;  ///< of no other filter of this process, ever
  const arch::Target& target;
  std::unique_ptr<Watch[]> watches;  ///< one for each stripe
  /// special's mean in general's when the code was new, by the same clock; 0: not yet known.
  std::atomic<double> calibrated{0}, calibrated_error{0};
  std::atomic<uint64_t> wanted{kFirstWanted};  ///< windows of each before a thread says anything
  Measured general, special;                   ///< first runs of fresh packets
  Trial trial;
  std::atomic<bool> hot{false};  ///< tier 2 is conceivable
  std::atomic<double> packets_per_second{0};
  std::atomic<Retreat> retreat{Retreat::kNone};  ///< the last one, until the builder has seen it
  std::atomic<uint64_t> doubted{0};    ///< what code in doubt was built for: serial + 1; 0: none is
  std::atomic<uint32_t> period_ms{0};  ///< of the policy; 0: adaptive

  // Under runtime_lock().
  FilterSlot* slot = nullptr;
  TierNumbers* numbers;
  ir::Facts facts;
  std::atomic<uint64_t> serial{0};  ///< grows with each general program and each change of facts

  std::unique_ptr<TierWork> work;
};

/// Makes one that the builder sees, until closed.
std::shared_ptr<TierState> open_tier_state(TierNumbers& numbers, const arch::Target& target);
void close_tier_state(const std::shared_ptr<TierState>& state);  ///< null is allowed

/// Changes the filter's promises and gives up code that was made for others, before it returns.
/// Null is allowed.
void change_facts(TierState* state, const std::function<void(ir::Facts&)>& change);

/// Those for which tier 2 is conceivable.
std::vector<std::shared_ptr<TierState>> hot_tier_states();

/// The caller holds runtime_lock().
bool any_tier_states();

/// No code falls in doubt any more, as nobody would let it run again, and what is in doubt does run
/// again; the reason is shown for all.
/// The caller holds runtime_lock().
void nobody_builds(const std::string& why);

void restart_tier_states_in_child();  ///< fork.cpp

}  // namespace ipjit::runtime
