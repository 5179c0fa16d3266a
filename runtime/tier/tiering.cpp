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
// A period is 50 ms where something has just happened and doubles to 1 s while nothing does.
//
// What a model expects may be wrong, so what runs is raced against the general code in each period,
// on the packets of late (race.h); and a thread that retreats because packets take long is not
// believed without a race: traffic that is dearer for both looks like that to it.
#include "runtime/tier/tiering.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "ir/interpreter.h"
#include "ir/special/cost.h"
#include "runtime/filter_slot.h"
#include "runtime/lock.h"
#include "runtime/stats_file.h"

namespace ipjit::runtime {

namespace {

constexpr double kForget = 0.02;                 ///< weight of the traffic before a phase change
constexpr double kOld = 0.7;                     ///< weight of the races before the last one
constexpr double kLookAgain = 0.08;              ///< drift from which another candidate is made
constexpr uint64_t kPhasePackets = 128;          ///< that show a change of traffic
constexpr uint64_t kForgiveNs = 30'000'000'000;  ///< without a failure: the next is the first again

ir::Program numbered(const ir::Program& program) {
  ir::Program copy = program;
  ir::number_sources(copy);
  return copy;
}

ipjit_ctx ctx_of(const Head& head) {
  ipjit_ctx ctx = {};
  for (size_t i = 0; i < head.fields.size(); ++i) ctx.*ir::kCtxFields[i] = head.fields[i];
  return ctx;
}

bool keeps(const Head& head, const ir::Facts& facts) {
  return head.cap_len >= facts.min_len && head.cap_len <= facts.max_len &&
         std::ranges::all_of(facts.fields, [&](const auto& fact) {
           return head.fields[fact.first] == fact.second;
         });
}

void keep_last(std::vector<Head>& heads, size_t count) {
  if (heads.size() > count)
    heads.erase(heads.begin(), heads.end() - static_cast<std::ptrdiff_t>(count));
}

/// The traffic of now, and what was known of branches that only the specialised program has.
ir::Profile known_of(const ir::Specialised& made, const ir::Profile& fresh) {
  ir::Profile known = made.profile;
  if (known.packets)
    ir::scale(known, static_cast<double>(fresh.packets) / static_cast<double>(known.packets));
  const auto prefer = [](auto& to, const auto& from) {
    for (const auto& [source, counts] : from) to[source] = counts;
  };
  prefer(known.branches, fresh.branches);
  prefer(known.switches, fresh.switches);
  prefer(known.needs, fresh.needs);
  prefer(known.values, fresh.values);
  known.packets = fresh.packets;
  return known;
}

double expected_ns(const ir::Specialised& made, const ir::Profile& fresh) {
  return ir::expected_cost(made.program, known_of(made, fresh)).ns();
}

uint64_t ps_of(double ns) { return static_cast<uint64_t>(std::max(ns, 0.0) * 1e3); }

uint64_t imprecision_ppm(const ir::Profile& profile) {
  uint64_t total = 0, discarded = 0;
  for (const auto& [source, table] : profile.values) {
    total += table.total;
    discarded += table.discarded;
  }
  return total ? discarded * 1'000'000 / total : 0;
}

}  // namespace

/// A period's findings.
struct Tiering::Judged {
  ir::Situation situation;
  ir::Decision decision;
};

TierWork::TierWork(uint64_t serial, std::shared_ptr<const Unit> unit, const ir::Facts& facts)
    : serial(serial), published(std::move(unit)), facts(facts) {
  const Unit& from = *published;
  if (from.engine != Engine::kTier1 || !from.program) return;
  general = std::make_unique<Unit>();
  general->dialect = from.dialect;
  general->source = from.source;
  general->head_bytes = from.head_bytes;
  general->program = numbered(*from.program);
  replayer.emplace(*general->program);
}

void TierWork::inherit(TierWork& from) {
  events = std::move(from.events);
  counted_ns = from.counted_ns;
  counted_packets = from.counted_packets;
  packets_per_second = from.packets_per_second;
  if (published != from.published) return;
  fresh = std::move(from.fresh);
  recent = std::move(from.recent);
  failures = from.failures;
  last_failure_ns = from.last_failure_ns;
}

void TierWork::note(std::string event) {
  std::erase(events, event);
  events.push_back(std::move(event));
  if (events.size() > kEvents) events.erase(events.begin());
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
  work.counted_ns = now;
  work.counted_packets = packets;
  work.counted_failures = failures;
  work.counted_special = special;
}

/// A packet came that was promised not to come: nothing of what was promised is believed any more.
void Tiering::drop_facts(TierState& state, const Head& head) {
  change_facts(&state, [](ir::Facts& facts) { facts = {}; });
  state.work->facts = {};
  state.work->note("a packet of " + std::to_string(head.cap_len) +
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
    if (!work || !work->replayer) continue;
    const bool follows = last && last->filter == one.filter && last->stripe == one.stripe &&
                         last->ordinal + 1 == one.ordinal;
    last = &one;
    const uint64_t result = work->replayer->packet(
        {.head = {one.bytes.data(), one.copied}, .cap_len = one.cap_len, .follows = follows},
        ctx_of(one));
    if (!keeps(one, work->facts)) {
      drop_facts(*found->second, one);
      continue;
    }
    ++work->heads;
    work->heads_short += ipjit_result_status(result) == IPJIT_NEED_BYTES;
    work->recent.push_back(one);
  }
}

uint64_t Tiering::step(TierState& state) {
  TierWork& work = *state.work;
  heed_retreat(state);
  const uint64_t now = tools_.now_ns();
  if (now < work.next_ns) return work.next_ns - now;

  take_profile(state);
  run_race(state);
  bool eventful = settle_suspicion(state);
  Judged judged = judge(state);
  switch (judged.decision.what) {
    case ir::Decision::Do::kBuild:
      eventful = true;
      build(state, ir::Specialised(*work.candidate));
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

  work.period_ns = eventful ? kShortestPeriodNs
                            : std::clamp(work.period_ns * 2, kShortestPeriodNs, kLongestPeriodNs);
  if (const uint64_t ms = state.period_ms.load(std::memory_order_relaxed))
    work.period_ns = ms * 1'000'000;
  work.next_ns = tools_.now_ns() + work.period_ns;
  return work.period_ns;
}

/// Which of decide()'s reasons it was.
Retreat Tiering::reason_of(const ir::Situation& now) const {
  if (now.guard_failures > tools_.policy.max_guard_failures) return Retreat::kGuards;
  return now.current_ns > now.general_ns ? Retreat::kSlower : Retreat::kDrift;
}

/// What a thread, or step() itself, did since the last period.
void Tiering::heed_retreat(TierState& state) {
  TierWork& work = *state.work;
  const Retreat why = state.retreat.exchange(Retreat::kNone, std::memory_order_relaxed);
  if (why == Retreat::kNone || why == Retreat::kReplaced) return;
  work.note(std::string("retreated: ") + sentence_of(why));
  work.next_ns = 0;
  if (why == Retreat::kFact) return;
  if (why == Retreat::kSlower) {
    work.suspect = true;
    return;
  }
  ++work.failures;
  work.last_failure_ns = tools_.now_ns();
  work.candidate.reset();
  ir::merge(work.fresh, work.replayer->take());
  ir::scale(work.fresh, kForget);
  work.recent.clear();
}

/// The last seconds' profile.  Traffic that is quite another at once is not averaged with the old.
void Tiering::take_profile(TierState& state) {
  TierWork& work = *state.work;
  ir::Profile latest = work.replayer->take();
  if (latest.packets >= kPhasePackets && work.fresh.packets >= kPhasePackets &&
      ir::distance(work.fresh, latest).largest > tools_.policy.max_drift) {
    ir::scale(work.fresh, kForget);
    keep_last(work.recent, latest.packets);
  }
  keep_last(work.recent, TierWork::kRecent);
  ir::merge(work.fresh, latest);
  if (work.fresh.packets > TierWork::kProfilePackets) ir::scale(work.fresh, 0.5);
}

/// Measures specialised against general code on the samples of late.
void Tiering::run_race(TierState& state) {
  TierWork& work = *state.work;
  std::shared_ptr<const Unit> general, special;
  {
    std::lock_guard lock(runtime_lock());
    if (!state.slot) return;
    general = state.slot->general();
    special = state.slot->special();
  }
  if (!special || !tools_.race) return;
  const Race result = race(*general, *special, work.recent);
  if (!result.run()) return;
  const double now = static_cast<double>(result.second_ps) / static_cast<double>(result.first_ps);
  work.measured = work.measured > 0 ? kOld * work.measured + (1 - kOld) * now : now;
  work.race = result;
}

/// Judges code that a thread found slow by timing single packets.
bool Tiering::settle_suspicion(TierState& state) {
  TierWork& work = *state.work;
  if (!std::exchange(work.suspect, false)) return false;
  if (work.race.run() && work.race.second_ps < work.race.first_ps) {
    std::lock_guard lock(runtime_lock());
    if (state.slot && state.serial == work.serial && work.special) state.slot->advance_again();
    work.note("the general code is no faster on this traffic: the specialised code runs again");
    return true;
  }
  if (work.backend > 0) {
    work.last_backend = work.backend - 1;
    return true;  // not a fault of the shape: the quicker compiler's code may be faster
  }
  ++work.failures;
  work.last_failure_ns = tools_.now_ns();
  return true;
}

Tiering::Judged Tiering::judge(TierState& state) {
  TierWork& work = *state.work;
  Judged judged;
  ir::Situation& now = judged.situation;
  now.now_ns = tools_.now_ns();
  now.samples = work.fresh.packets;
  now.packets_per_second = work.packets_per_second;
  now.available = !tools_.backends.empty();
  now.unavailable = "no compiler is built in";
  now.last_failure_ns = work.last_failure_ns;
  {
    std::lock_guard lock(runtime_lock());
    now.tier = state.slot && state.slot->advanced() ? 2 : 1;
  }
  now.general_ns = ir::expected_cost(*work.general->program, work.fresh).ns();
  now.current_ns = now.general_ns;
  if (now.tier == 2 && work.special) {
    if (now.now_ns > work.last_failure_ns + kForgiveNs) work.failures = 0;
    now.current_ns = expected_ns(*work.special, work.fresh);
    if (work.measured > 0) now.current_ns = now.general_ns * work.measured;
    now.drift = ir::distance(work.built_for, work.fresh).largest;
  }
  now.guard_failures = work.guard_failures;
  find_candidate(state, now);
  now.failures = work.failures;
  judged.decision = ir::decide(now, tools_.policy);
  return judged;
}

/// Makes a candidate where the traffic is not the last one's, and says what it would cost.
void Tiering::find_candidate(TierState& state, ir::Situation& now) {
  TierWork& work = *state.work;
  const bool allowed =
      now.samples >= tools_.policy.min_samples && now.available &&
      now.now_ns >= ir::retry_at_ns(work.failures, work.last_failure_ns, tools_.policy);
  if (!allowed) return;
  if (!work.candidate || ir::distance(work.tried_with, work.fresh).largest > kLookAgain) {
    work.candidate =
        tools_.specialise(*work.general->program, work.fresh, work.facts, tools_.choices);
    work.tried_with = work.fresh;
  }
  if (!work.candidate->changed) return;
  const Backend& quickest = tools_.backends.front();
  now.candidate_ns = expected_ns(*work.candidate, work.fresh);
  now.same_as_current =
      now.tier == 2 && work.special && work.special->program == work.candidate->program;
  now.compile_ns =
      quickest.compile_ns +
      quickest.compile_ns_per_insn * static_cast<double>(work.candidate->program.insns.size());
}

void Tiering::show(TierState& state, const Judged& judged) {
  TierWork& work = *state.work;
  std::string why;
  if (work.candidate)
    for (const std::string& line : work.candidate->log) why += line + "\n";
  for (const std::string& event : work.events) why += event + "\n";
  for (const std::string& reason : judged.decision.reasons) why += reason + "\n";
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
  numbers.heads.fetch_add(std::exchange(work.heads, 0), std::memory_order_relaxed);
  numbers.heads_short.fetch_add(std::exchange(work.heads_short, 0), std::memory_order_relaxed);
  set(numbers.decided_ns, realtime_ns());
  set(numbers.imprecision_ppm, imprecision_ppm(work.fresh));
  if (work.race.run()) {
    set(numbers.measured_general_ps, work.race.first_ps);
    set(numbers.measured_special_ps, work.race.second_ps);
  }
  state.slot->explain(why);
}

}  // namespace ipjit::runtime
