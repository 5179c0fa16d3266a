// SPDX-License-Identifier: BSD-2-Clause
// What happens to a filter in a policy period:
//
//   a thread has retreated?     remember the failure, forget most of the old traffic
//   samples -> profile          what is older than some seconds weighs less and less
//   specialise()                only where tier 2 may be built: a candidate, microseconds
//   decide()                    stay | build | retreat, and why
//   build                       tier_build.cpp
//   show                        numbers and sentences for `ipjit stats --why`
//
// A period is 50 ms where something has just happened or specialised code runs, whose traffic may
// change at any time, and doubles to 250 ms where neither is so.
//
// What a model expects may be wrong, so what runs is raced against the general code in each period,
// on the packets of late (race.h); and a thread that retreats because packets take long is not
// believed without a race or a trial: traffic that is dearer for both looks like that to it.
#include "runtime/tier/tiering.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "runtime/filter_slot.h"
#include "runtime/lock.h"
#include "runtime/stats_file.h"

namespace ipjit::runtime {

namespace {

uint64_t ps_of(double ns) { return static_cast<uint64_t>(std::max(ns, 0.0) * 1e3); }

}  // namespace

/// A period's findings.
struct Tiering::Judged {
  ir::Situation situation;
  ir::Decision decision;
};

namespace {

/// A copy whose sites a profile can tell apart; null where there is no native code.
std::unique_ptr<Unit> watchable(const Unit& from) {
  if (from.engine != Engine::kTier1 || !from.program) return nullptr;
  auto general = std::make_unique<Unit>();
  general->dialect = from.dialect;
  general->source = from.source;
  general->head_bytes = from.head_bytes;
  general->program = numbered(*from.program);
  return general;
}

}  // namespace

TierWork::TierWork(uint64_t serial, std::shared_ptr<const Unit> unit, const ir::Facts& facts)
    : serial(serial),
      published(std::move(unit)),
      general(watchable(*published)),
      study(general ? &*general->program : nullptr, facts) {}

void TierWork::inherit(TierWork& from) {
  study.events = std::move(from.study.events);
  counted_ns = from.counted_ns;
  busy_ns = from.busy_ns;
  counted_packets = from.counted_packets;
  packets_per_second = from.packets_per_second;
  if (published != from.published) return;
  study.fresh = std::move(from.study.fresh);
  study.recent = std::move(from.study.recent);
  study.failures = from.study.failures;
  study.last_failure_ns = from.study.last_failure_ns;
}

uint64_t Tiering::round(std::span<const std::shared_ptr<TierState>> states) {
  uint64_t pause_ns = kLongestPeriodNs;
  for (const std::shared_ptr<TierState>& state : states) (void)sync(*state);
  drain(states);
  for (const std::shared_ptr<TierState>& state : states)
    if (state->work && state->work->general) pause_ns = std::min(pause_ns, step(*state));
  return pause_ns;
}

/// Brings the work up to the filter's program and facts; false where the filter is gone.
bool Tiering::sync(TierState& state) {
  std::lock_guard lock(runtime_lock());
  if (!state.slot) return false;
  if (!state.work || state.work->serial != state.serial) {
    auto work = std::make_unique<TierWork>(state.serial, state.slot->general(), state.facts);
    if (state.work) work->inherit(*state.work);
    state.work = std::move(work);
  }
  state.numbers->tier.store(state.slot->advanced() ? 2
                            : state.work->general  ? 1
                                                   : 0,
                            std::memory_order_relaxed);
  count(state);
  return true;
}

/// Rate and guard failures since the last look, over all threads.  The caller holds runtime_lock().
void Tiering::count(TierState& state) {
  TierWork& work = *state.work;
  const uint64_t now = tools_.now_ns();
  if (now < work.counted_ns + kShortestPeriodNs / 2) return;
  const uint64_t packets = state.slot->packets();
  const Unit* special = state.slot->advanced() ? state.slot->special().get() : nullptr;
  const uint64_t failures = special ? special->counted(0) : 0;
  const bool first = work.counted_ns == 0 || work.counted_special != special;
  const double since = static_cast<double>(packets - work.counted_packets);
  if (work.counted_ns)
    work.packets_per_second = since * 1e9 / static_cast<double>(now - work.counted_ns);
  work.guard_failures =
      first || since < 1 ? 0 : static_cast<double>(failures - work.counted_failures) / since;
  if (work.counted_ns == 0 || since > 0) work.busy_ns = now;
  if (now > work.busy_ns + kColdNs) state.hot.store(false, std::memory_order_relaxed);
  work.counted_ns = now;
  work.counted_packets = packets;
  work.counted_failures = failures;
  work.counted_special = special;
}

/// A packet came that was promised not to come: nothing of what was promised is believed any more.
/// What has been promised since then is not touched: it was not said of this packet.
void Tiering::drop_facts(TierState& state, const Head& head) {
  change_facts(&state, [&](ir::Facts& facts) {
    if (state.serial == head.serial) facts = {};
  });
  state.work->study.facts = {};
  state.work->study.note("a packet of " + std::to_string(head.cap_len) +
                         " bytes broke an assumption: all are dropped");
}

void Tiering::drain(std::span<const std::shared_ptr<TierState>> states) {
  std::map<uint64_t, TierState*> by_id;
  for (const std::shared_ptr<TierState>& state : states) by_id[state->id] = state.get();
  std::vector<Head> heads;
  Head head;
  while (heads.size() < SampleRing::kSlots && sample_ring().pop(head)) heads.push_back(head);
  // Threads take turns in the ring; a predictor's history is one thread's.
  std::stable_sort(heads.begin(), heads.end(), [](const Head& a, const Head& b) {
    return std::pair(a.filter, a.stripe) < std::pair(b.filter, b.stripe);
  });
  const Head* last = nullptr;
  for (const Head& one : heads) {
    const auto found = by_id.find(one.filter);
    TierWork* work = found == by_id.end() ? nullptr : found->second->work.get();
    // A packet of before another promise or program may break what is promised now.
    if (!work || !work->general || one.serial != work->serial) continue;
    const bool follows = last && last->filter == one.filter && last->stripe == one.stripe &&
                         last->ordinal + 1 == one.ordinal;
    last = &one;
    if (!work->study.watch(one, follows)) drop_facts(*found->second, one);
  }
}

uint64_t Tiering::step(TierState& state) {
  TierWork& work = *state.work;
  heed_retreat(state);
  const uint64_t now = tools_.now_ns();
  if (now < work.next_ns) return work.next_ns - now;

  work.study.take_profile(tools_.policy.max_drift);
  run_race(state);
  bool eventful = settle_suspicion(state);
  if (!settle_doubt(state)) return wait(work, kShortestPeriodNs);
  Judged judged = judge(state);
  switch (judged.decision.what) {
    case ir::Decision::Do::kBuild:
      eventful = true;
      build(state, ir::Specialised(*work.study.candidate));
      break;
    case ir::Decision::Do::kRetreat: {
      std::lock_guard lock(runtime_lock());
      if (state.slot && state.slot->advanced()) {
        state.slot->retreat(*state.slot->special(), reason_of(judged.situation));
      }
      eventful = true;
      break;
    }
    case ir::Decision::Do::kStay:
      break;
  }
  upgrade(state);
  show(state, judged);

  eventful |= judged.situation.tier == 2;
  work.period_ns = eventful ? kShortestPeriodNs
                            : std::clamp(work.period_ns * 2, kShortestPeriodNs, kLongestPeriodNs);
  if (const uint64_t ms = state.period_ms.load(std::memory_order_relaxed))
    work.period_ns = ms * 1'000'000;
  return wait(work, work.period_ns);
}

uint64_t Tiering::wait(TierWork& work, uint64_t ns) const {
  work.next_ns = tools_.now_ns() + ns;
  return ns;
}

/// Which of decide()'s reasons it was.
Retreat Tiering::reason_of(const ir::Situation& now) const {
  if (now.guard_failures > tools_.policy.max_guard_failures) return Retreat::kGuards;
  if (now.drift > tools_.policy.max_drift) return Retreat::kDrift;
  return Retreat::kSlower;
}

/// What a thread, or step() itself, did since the last period.
void Tiering::heed_retreat(TierState& state) {
  TierWork& work = *state.work;
  const Retreat why = state.retreat.exchange(Retreat::kNone, std::memory_order_acquire);
  if (why == Retreat::kNone || why == Retreat::kReplaced) return;
  work.study.note(std::string("retreated: ") + sentence_of(why));
  work.next_ns = 0;
  work.suspect = why == Retreat::kSlower;
  work.doubt_until_ns = why == Retreat::kDoubt ? tools_.now_ns() + kLongestDoubtNs : 0;
  if (why == Retreat::kFact || why == Retreat::kSlower || why == Retreat::kDoubt) return;
  work.study.failed(tools_.now_ns());
  if (why != Retreat::kTrial) work.study.forget();  // else it was built for this very traffic
}

/// Measures specialised against general code on the samples of late.
void Tiering::run_race(TierState& state) {
  std::shared_ptr<const Unit> general, special;
  {
    std::lock_guard lock(runtime_lock());
    if (!state.slot) return;
    general = state.slot->general();
    special = state.slot->special();
  }
  if (!special || !tools_.race) return;
  state.work->study.raced(tools_.race(*general, *special, state.work->study.recent));
}

/// Judges code that a thread found slow by timing single packets: what loses the races is not tried
/// again.  A race does not know what memory costs, so what wins them is in doubt.
bool Tiering::settle_suspicion(TierState& state) {
  TierWork& work = *state.work;
  if (!std::exchange(work.suspect, false)) return false;
  const Ratio& standing = work.study.standing.now();
  if (standing.known() && standing.value < 1) {
    const uint64_t wanted = state.wanted.load(std::memory_order_relaxed);
    state.wanted.store(std::min(2 * wanted, TierState::kMostWanted), std::memory_order_relaxed);
    work.study.note("the general code is no faster on this traffic");
    work.doubt_until_ns = tools_.now_ns() + kLongestDoubtNs;
    return true;
  }
  // Perhaps no fault of the shape: the quicker compiler's code may be faster.
  if (work.backend > 0) work.last_backend = work.backend - 1;
  work.study.failed(tools_.now_ns());
  return true;
}

/// Lets code run again, on trial where the general code is known on the traffic of now.
/// Gives: false as long as that is to be waited for.
bool Tiering::settle_doubt(TierState& state) {
  TierWork& work = *state.work;
  if (work.doubt_until_ns == 0) return true;
  std::lock_guard lock(runtime_lock());
  const bool can_run_again =
      state.slot && !state.slot->advanced() && state.serial == work.serial && work.study.special;
  if (can_run_again && !state.trial.knows_general() && tools_.now_ns() < work.doubt_until_ns)
    return false;
  work.doubt_until_ns = 0;
  if (can_run_again) {
    state.slot->advance_again();
    work.study.note("the specialised code runs again");
  }
  return true;
}

Tiering::Judged Tiering::judge(TierState& state) {
  TierWork& work = *state.work;
  Judged judged;
  ir::Situation& now = judged.situation;
  now.now_ns = tools_.now_ns();
  now.packets_per_second = work.packets_per_second;
  now.available = !tools_.backends.empty();
  now.unavailable = "no compiler is built in";
  {
    std::lock_guard lock(runtime_lock());
    now.tier = state.slot && state.slot->advanced() ? 2 : 1;
  }
  work.study.judge(now);
  now.guard_failures = work.guard_failures;
  const Backend* quickest = tools_.backends.empty() ? nullptr : &tools_.backends.front();
  work.study.seek(now, {tools_.policy, tools_.choices, tools_.specialise, quickest});
  judged.decision = ir::decide(now, tools_.policy);
  return judged;
}

void Tiering::show(TierState& state, const Judged& judged) {
  TierWork& work = *state.work;
  std::string why;
  for (const std::string& line : work.study.why(judged.decision)) why += line + "\n";
  if (!why.empty()) why.pop_back();
  std::lock_guard lock(runtime_lock());
  if (!state.slot) return;
  TierNumbers& numbers = *state.numbers;
  const auto set = [](std::atomic<uint64_t>& number, uint64_t value) {
    number.store(value, std::memory_order_relaxed);
  };
  set(numbers.general_ps, ps_of(judged.situation.general_ns));
  set(numbers.current_ps, ps_of(judged.situation.current_ns));
  set(numbers.candidate_ps, ps_of(judged.situation.candidate_ns));
  numbers.heads.fetch_add(std::exchange(work.study.heads, 0), std::memory_order_relaxed);
  numbers.heads_short.fetch_add(std::exchange(work.study.heads_short, 0),
                                std::memory_order_relaxed);
  set(numbers.decided_ns, realtime_ns());
  set(numbers.imprecision_ppm, imprecision_ppm(work.study.fresh));
  if (work.study.race.run()) {
    set(numbers.measured_general_ps, work.study.race.first_ps);
    set(numbers.measured_special_ps, work.study.race.second_ps);
  }
  state.slot->explain(why);
}

}  // namespace ipjit::runtime
