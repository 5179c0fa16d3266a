// SPDX-License-Identifier: BSD-2-Clause
// From a specialised program to running code, or to a counted refusal.
//
//   compile -> verify -> seal       build_special()
//   replay                          samples and edge packets, against the general program
//   race                            on the samples: no faster than what runs, no change
//   publish                         one exchange, if program and facts are still those
//
// The quickest backend that can goes first: tier 1 emits the specialised program in microseconds,
// and its code is running while the better compiler works.  That one replaces it where the rest of
// the gain pays for its time.  Where there is no better compiler, that is all, and it is most of
// it.
#include <algorithm>
#include <mutex>

#include "runtime/filter_slot.h"
#include "runtime/lock.h"
#include "runtime/ticks.h"
#include "runtime/tier/race.h"
#include "runtime/tier/replay_check.h"
#include "runtime/tier/tiering.h"

namespace ipjit::runtime {

namespace {

std::atomic<uint64_t> TierNumbers::*counter_of(const Error& error) {
  if (error.stage == Stage::kVerifier) return &TierNumbers::refused_verifier;
  if (error.stage == Stage::kRuntime) return &TierNumbers::refused_memory;
  if (error.code == Code::kUnavailable) return &TierNumbers::refused_unavailable;
  return &TierNumbers::refused_compiler;
}

std::string in_words(double ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ns", ns);
  return text;
}

}  // namespace

/// The quickest backend that gives code.
void Tiering::build(TierState& state, const ir::Specialised& candidate) {
  TierWork& work = *state.work;
  const bool same = work.study.special && work.study.special->program == candidate.program;
  if (!same) work.last_backend = SIZE_MAX;
  work.upgrade_at_ns = 0;
  work.upgrade_failures = 0;
  for (size_t i = 0; i < tools_.backends.size(); ++i) {
    if (!try_backend(state, candidate.program, i)) continue;
    work.study.adopt(candidate);
    return;
  }
  work.study.failed(tools_.now_ns());
}

bool Tiering::try_backend(TierState& state, const ir::Program& program, size_t backend) {
  TierWork& work = *state.work;
  const Backend& with = tools_.backends[backend];
  const uint64_t start_ns = monotonic_ns();
  const void* caller = nullptr;
  {
    std::lock_guard lock(runtime_lock());
    if (!state.slot) return false;
    caller = state.slot->caller();
  }
  Result<std::unique_ptr<Unit>> unit =
      build_special(*work.general, program, *with.compiler, state.target, caller);
  if (!unit) {
    refuse(state, unit.error(), backend);
    return false;
  }
  const ReplayReport report =
      replay_check(*work.general->program, **unit, work.study.recent, work.study.facts);
  if (report.disagreement) {
    const std::string kept = write_reproducer(tools_.reproducers, *work.general->program, **unit,
                                              with.name, *report.disagreement);
    work.study.note("refused " + with.name +
                    "'s code: it gives another result than the interpreter" +
                    (kept.empty() ? "" : "; kept in " + kept));
    std::lock_guard lock(runtime_lock());
    if (state.slot) state.numbers->refused_replay.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!wins(state, **unit, with.name)) return false;
  (*unit)->compile_ns = monotonic_ns() - start_ns;
  work.backend = backend;
  return publish(state, std::move(*unit), with.name);
}

/// The model proposes, the clock disposes: code that is not faster than what runs is not published.
bool Tiering::wins(TierState& state, const Unit& unit, const std::string& name) {
  std::shared_ptr<const Unit> rival;
  {
    std::lock_guard lock(runtime_lock());
    if (!state.slot) return false;
    rival = state.slot->advanced() ? state.slot->special() : state.slot->general();
  }
  TierWork& work = *state.work;
  if (!tools_.race) return true;
  const Race result = tools_.race(*rival, unit, work.study.recent);
  if (!result.run() || result.won(tools_.must_win)) return true;
  work.study.note(name + "'s code takes " + in_words(static_cast<double>(result.second_ps) / 1e3) +
                  " a packet, what runs " + in_words(static_cast<double>(result.first_ps) / 1e3) +
                  ": not published");
  std::lock_guard lock(runtime_lock());
  if (state.slot) state.numbers->refused_slower.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool Tiering::publish(TierState& state, std::unique_ptr<Unit> unit, const std::string& backend) {
  std::lock_guard lock(runtime_lock());
  if (!state.slot) return false;
  state.numbers->build_ns.fetch_add(unit->compile_ns, std::memory_order_relaxed);
  // A thread that has retreated meanwhile is heeded first.
  const bool heeded = state.retreat.load(std::memory_order_acquire) == Retreat::kNone;
  if (state.serial != state.work->serial || !heeded) {
    state.numbers->refused_stale.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  unit->general = state.slot->general().get();
  state.slot->advance(std::move(unit), backend);
  state.work->study.note("published " + backend + "'s code");
  return true;
}

/// Lets the next better backend compile what runs, where the gain pays.
void Tiering::upgrade(TierState& state) {
  TierWork& work = *state.work;
  const size_t next = work.backend + 1;
  if (!work.study.special || next >= tools_.backends.size() || next > work.last_backend) return;
  const uint64_t now = tools_.now_ns();
  if (now < work.upgrade_at_ns) return;
  {
    std::lock_guard lock(runtime_lock());
    if (!state.slot || !state.slot->advanced()) return;
  }
  const Backend& better = tools_.backends[next];
  if (!work.study.pays(better, tools_.backends[work.backend], work.packets_per_second,
                       tools_.policy))
    return;
  if (try_backend(state, work.study.special->program, next)) {
    work.upgrade_failures = 0;
    return;
  }
  work.upgrade_at_ns = ir::retry_at_ns(++work.upgrade_failures, tools_.now_ns(), tools_.policy);
}

void Tiering::refuse(TierState& state, const Error& error, size_t backend) {
  state.work->study.note(tools_.backends[backend].name + " refused: " + to_string(error));
  std::lock_guard lock(runtime_lock());
  if (state.slot) (state.numbers->*counter_of(error)).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace ipjit::runtime
