// SPDX-License-Identifier: BSD-2-Clause
// All live filters that may be specialised, for the thread that builds.
#include "runtime/tier/tier_state.h"

#include <mutex>
#include <tuple>

#include "runtime/filter_slot.h"
#include "runtime/lock.h"
#include "runtime/thread_index.h"
#include "runtime/tier/tiering.h"

namespace ipjit::runtime {

namespace {

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

/// Under runtime_lock(); never destroyed: filters may be freed after the last static destructor.
std::vector<std::shared_ptr<TierState>>& all() {
  static auto* states = new std::vector<std::shared_ptr<TierState>>;
  return *states;
}

}  // namespace

const char* sentence_of(Retreat why) {
  switch (why) {
    case Retreat::kNone:
      return "nothing happened";
    case Retreat::kGuards:
      return "too many packets left by a guard";
    case Retreat::kSlower:
      return "it was measured to be slower than the general code";
    case Retreat::kTrial:
      return "packets took longer than with the general code just before";
    case Retreat::kDoubt:
      return "packets take longer than they did, or it had no trial: the general code is timed";
    case Retreat::kDrift:
      return "the traffic has drifted from what it was built for";
    case Retreat::kFact:
      return "an assumption no longer holds";
    case Retreat::kReplaced:
      return "the filter's program was replaced";
  }
  return "?";
}

TierState::TierState(TierNumbers& numbers, const arch::Target& target)
    : id(next_id()),
      target(target),
      watches(std::make_unique<Watch[]>(stripe_count())),
      numbers(&numbers) {}

TierState::~TierState() = default;

std::shared_ptr<TierState> open_tier_state(TierNumbers& numbers, const arch::Target& target) {
  auto state = std::make_shared<TierState>(numbers, target);
  std::lock_guard lock(runtime_lock());
  all().push_back(state);
  return state;
}

void close_tier_state(const std::shared_ptr<TierState>& state) {
  if (!state) return;
  std::lock_guard lock(runtime_lock());
  std::erase(all(), state);
}

void change_facts(TierState* state, const std::function<void(ir::Facts&)>& change) {
  if (!state) return;
  std::lock_guard lock(runtime_lock());
  ir::Facts facts = state->facts;
  change(facts);
  if (facts == state->facts) return;
  state->facts = std::move(facts);
  ++state->serial;  // whatever is being built is too late
  if (state->slot && state->slot->advanced())
    state->slot->retreat(*state->slot->special(), Retreat::kFact);
}

std::vector<std::shared_ptr<TierState>> hot_tier_states() {
  std::vector<std::shared_ptr<TierState>> hot;
  std::lock_guard lock(runtime_lock());
  for (const std::shared_ptr<TierState>& state : all())
    if (state->hot.load(std::memory_order_relaxed)) hot.push_back(state);
  return hot;
}

bool any_tier_states() { return !all().empty(); }

void nobody_builds(const std::string& why) {
  for (const std::shared_ptr<TierState>& state : all()) {
    if (state->slot) {
      if (state->doubted == state->serial + 1) state->slot->advance_again();
      state->slot->explain(why);
    }
    state->trial.forget();
  }
}

void restart_tier_states_in_child() {
  // What the parent's builder had in hand may be half changed: left as it is, and begun anew.
  for (const std::shared_ptr<TierState>& state : all()) {
    std::ignore = state->work.release();
    // Packets are counted from zero now.
    for (uint32_t i = 0; i < stripe_count(); ++i) state->watches[i].restart();
  }
}

}  // namespace ipjit::runtime
