// SPDX-License-Identifier: BSD-2-Clause
// The slow ways through a slot, and replacing its program.
//
//                          counted in
//   run(), ipjit/inline.h  the thread's own stripe, without atomic adds
//   run_slow()             the same, or the line that all share: threads without a stripe
//   run_timed()            the same; the packet is timed (sample.h)
//   run_watched()          the same; the packet is copied for the profile (tier/watch.h)
//   run_ctx(), run_burst() as run_slow()
//
// Specialised code stands in the general program's place and points to it, so that the way back is
// one compare-and-swap by whoever finds that it does not pay, without a lock.
//
// Publishing is one exchange; the old program goes to Retired.  A program is published whole, and a
// run loads the pointer once, so no run sees a mixture.
#include "runtime/filter_slot.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "runtime/burst.h"
#include "runtime/lock.h"
#include "runtime/sample.h"
#include "runtime/thread_index.h"
#include "runtime/tier/calling_thread.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kBurst = 64;  ///< packets between two looks at the program pointer

/// What run() knows of a packet, with zeros for all that it does not; libpcap knows that it has no
/// VLAN data, as in pcap_offline_filter().
ipjit_ctx bare_ctx(bpf::Dialect dialect, uint32_t wire_len) {
  ipjit_ctx ctx = {};
  ctx.wire_len = wire_len;
  if (dialect == bpf::Dialect::kLibpcap) ctx.vlan_present = bpf::kNoVlanData;
  return ctx;
}

/// Gives: how many verdicts are not 0.
uint64_t run_some(const Unit& unit, std::span<const ipjit_packet> packets, uint32_t* verdicts) {
  if (unit.direct) {
    ipjit_ctx ctx;  // direct code reads nothing of it but what is set here, and wire_len
    ctx.counters = ipjit_own_counters(&unit);
    return run_lanes(unit, unit.reach, ctx, packets, verdicts);
  }
  uint64_t matched = 0;
  for (const ipjit_packet& packet : packets) {
    *verdicts = unit.run_packet({packet.data, packet.caplen}, bare_ctx(unit.dialect, packet.len));
    matched += *verdicts++ != 0;
  }
  return matched;
}

}  // namespace

/// From enter() to leave() the thread may use the slot's program.
class FilterSlot::Visit {
 public:
  explicit Visit(const FilterSlot& slot) : slot_(slot), shared_(slot.stats_.shared()) {
    if (const uint32_t index = thread_index()) own_ = &slot.head_.stripes[index];
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  Stripe* own() const { return own_; }

  const Unit& enter(uint64_t packets) {
    if (own_) {
      ipjit_own_add(&own_->entered, packets);
    } else {
      ipjit_own_add(&shared_runs, 1);
      phase_ = shared_.phase.load(std::memory_order_seq_cst) & 1;
      shared_.inside[phase_].fetch_add(1, std::memory_order_seq_cst);
    }
    return static_cast<const Unit&>(*__atomic_load_n(&slot_.head_.program, __ATOMIC_SEQ_CST));
  }

  void leave(uint64_t packets, uint64_t matched) {
    if (own_) {
      ipjit_own_add(&own_->left, packets);
      ipjit_own_add(&own_->matched, matched);
    } else {
      shared_.packets.fetch_add(packets, std::memory_order_relaxed);
      shared_.matched.fetch_add(matched, std::memory_order_relaxed);
      shared_.inside[phase_].fetch_sub(1, std::memory_order_seq_cst);
      ipjit_own_add(&shared_runs, -1);
    }
  }

 private:
  const FilterSlot& slot_;
  SharedStripe& shared_;
  Stripe* own_ = nullptr;
  uint64_t phase_ = 0;
};

FilterSlot::FilterSlot(ipjit_filter& head, FilterStats& stats, std::unique_ptr<const Unit> unit,
                       TierState* tier)
    : head_(head),
      stats_(stats),
      tier_(tier),
      retired_(stats.stripes(), &stats.shared()),
      general_(std::move(unit)) {
  std::lock_guard lock(runtime_lock());
  // Worked out here, so that no packet, and no signal handler, is the first to ask; and under the
  // lock, since it takes milliseconds: a child forked meanwhile would wait for the answer for ever.
  tick_clock();
  have_membarrier();
  stats_.published(*general_, true);
  head_.stripes = stats.stripes();
  head_.program = general_.get();
  if (tier_) tier_->slot = this;
}

FilterSlot::~FilterSlot() {
  std::lock_guard lock(runtime_lock());
  if (tier_) tier_->slot = nullptr;
}

void FilterSlot::publish(std::unique_ptr<const Unit> unit) {
  std::lock_guard lock(runtime_lock());
  stats_.published(*unit, false);
  const bool was_advanced = advanced();
  __atomic_store_n(&head_.program, static_cast<const ipjit_program*>(unit.get()), __ATOMIC_SEQ_CST);
  retired_.add(std::exchange(general_, std::shared_ptr<const Unit>(std::move(unit))));
  if (special_) retired_.add(std::move(special_));
  if (tier_) general_changed(*tier_, was_advanced);
}

bool FilterSlot::advanced() const {
  return special_ && __atomic_load_n(&head_.program, __ATOMIC_SEQ_CST) == special_.get();
}

void FilterSlot::advance(std::unique_ptr<const Unit> special, const std::string& backend) {
  IPJIT_CHECK(special->general == general_.get());
  stats_.specialised(*special, backend);
  const ipjit_program* old = __atomic_exchange_n(
      &head_.program, static_cast<const ipjit_program*>(special.get()), __ATOMIC_SEQ_CST);
  std::shared_ptr<const Unit> before = std::exchange(special_, std::move(special));
  if (before) retired_.add(std::move(before));
  tier_->wanted.store(TierState::kFirstWanted, std::memory_order_relaxed);
  if (old == general_.get()) tier_->trial.forget();
  tier_->numbers->builds.fetch_add(1, std::memory_order_relaxed);
  advanced_to_special(*tier_, old == general_.get());
}

void FilterSlot::advance_again() {
  if (!special_ || advanced()) return;
  __atomic_store_n(&head_.program, static_cast<const ipjit_program*>(special_.get()),
                   __ATOMIC_SEQ_CST);
  tier_->numbers->tier.store(2, std::memory_order_relaxed);
  advanced_to_special(*tier_, true);
}

bool FilterSlot::retreat(const Unit& special, Retreat why) const {
  const ipjit_program* expected = &special;
  const ipjit_program* general = special.general;
  if (!general || !__atomic_compare_exchange_n(&head_.program, &expected, general, false,
                                               __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    return false;
  retreated(*tier_, why);
  return true;
}

uint64_t FilterSlot::packets() const { return stats_.packets(); }

size_t FilterSlot::retired() const {
  std::lock_guard lock(runtime_lock());
  return retired_.size();
}

Watch& FilterSlot::watch_of(const Stripe& own) const {
  return tier_->watches[&own - head_.stripes];
}

bool FilterSlot::wants_watch(const Stripe& own, uint64_t left) const {
  return tier_ && left >= watch_of(own).next_at();
}

void FilterSlot::set_pause(Stripe& own) const {
  const uint64_t watch_at = tier_ ? watch_of(own).next_at() : UINT64_MAX;
  store(own.pause_at, std::min(load(own.sample_at), watch_at));
}

uint32_t FilterSlot::run_slow(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const {
  Visit visit(*this);
  if (Stripe* own = visit.own()) {
    const uint64_t left = load(own->left);
    const bool between_runs = left == load(own->entered);
    if (between_runs) {
      ipjit_own_add(&own->quiescent, 1);
      if (left >= load(own->sample_at)) return run_timed(*own, data, cap_len, wire_len);
      if (wants_watch(*own, left)) return run_watched(data, cap_len, wire_len, nullptr);
    } else if (left >= load(own->sample_at)) {
      store(own->sample_at, left + 1);  // a signal handler inside a run: not a time to measure
    }
    set_pause(*own);
  }
  const Unit& unit = visit.enter(1);
  const uint32_t verdict = unit.run_packet({data, cap_len}, bare_ctx(unit.dialect, wire_len));
  visit.leave(1, verdict != 0);
  return verdict;
}

uint32_t FilterSlot::run_timed(Stripe& own, const uint8_t* data, uint32_t cap_len,
                               uint32_t wire_len) const {
  Visit visit(*this);
  const Unit& unit = visit.enter(1);
  const Sample sample = time_packet(unit, {data, cap_len}, bare_ctx(unit.dialect, wire_len));
  visit.leave(1, sample.verdict != 0);
  if (sample.valid) stats_.sampled(sample.ours_ps, sample.replaced_ps);
  stats_.show();
  const uint64_t left = load(own.left);
  store(own.sample_at, left + std::min(std::max<uint64_t>(left, 1), period_after(sample)));
  set_pause(own);
  return sample.verdict;
}

/// The thread has a stripe and is between two runs.
uint32_t FilterSlot::run_watched(const uint8_t* data, uint32_t cap_len, uint32_t wire_len,
                                 const ipjit_ctx* given) const {
  Visit visit(*this);
  Stripe& own = *visit.own();
  const Unit& unit = visit.enter(1);
  ipjit_ctx ctx = given ? *given : bare_ctx(unit.dialect, wire_len);
  WatchedPacket packet(*tier_, watch_of(own), unit, load(own.left));
  if (packet.leaves_by_guards()) retreat(unit, Retreat::kGuards);
  packet.copy({data, cap_len}, ctx);
  const uint32_t verdict = packet.run({data, cap_len}, ctx);
  if (const Retreat why = packet.judge(); why != Retreat::kNone) retreat(unit, why);
  visit.leave(1, verdict != 0);
  set_pause(own);
  return verdict;
}

uint32_t FilterSlot::run_ctx(const uint8_t* data, uint32_t cap_len, const ipjit_ctx& ctx) const {
  Visit visit(*this);
  const Stripe* own = visit.own();
  if (own && load(own->left) >= load(own->pause_at)) {
    const uint64_t left = load(own->left);
    if (left == load(own->entered) && wants_watch(*own, left))
      return run_watched(data, cap_len, ctx.wire_len, &ctx);
  }
  const uint32_t verdict = visit.enter(1).run_packet({data, cap_len}, ctx);
  visit.leave(1, verdict != 0);
  return verdict;
}

void FilterSlot::run_burst(std::span<const ipjit_packet> packets, uint32_t* verdicts) const {
  Visit visit(*this);
  while (!packets.empty()) {
    const Stripe* own = visit.own();
    if (own && load(own->left) >= load(own->pause_at)) {
      called_from(nullptr);
      const ipjit_packet& first = packets.front();
      *verdicts++ = run_slow(first.data, first.caplen, first.len);
      packets = packets.subspan(1);
      continue;
    }
    const size_t count = std::min(packets.size(), kBurst);
    const Unit& unit = visit.enter(count);
    visit.leave(count, run_some(unit, packets.first(count), verdicts));
    packets = packets.subspan(count);
    verdicts += count;
  }
}

}  // namespace ipjit::runtime
