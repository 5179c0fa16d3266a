// SPDX-License-Identifier: BSD-2-Clause
// The slow ways through a slot, and replacing its program.
//
//                          counted in
//   run() in the header    the thread's own stripe, without atomic adds
//   run_sampled()          the same; the packet is timed (sample.h)
//   run_shared()           the line that all share: threads without an index, and runs inside a run
//   run_ctx(), run_burst() a Visit: own stripe if that is possible, else the shared line
//
// Publishing is one exchange; the old program goes to Retired.  A program is published whole, and a
// run loads the pointer once, so no run sees a mixture.
#include "runtime/filter_slot.h"

#include <algorithm>
#include <mutex>

#include "runtime/lock.h"
#include "runtime/sample.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kBurst = 32;  ///< packets between two looks at the program pointer

/// What run() knows of a packet, with zeros for all that it does not.
ipjit_ctx bare_ctx(uint32_t wire_len) {
  ipjit_ctx ctx = {};
  ctx.wire_len = wire_len;
  return ctx;
}

}  // namespace

/// From here to the end of the scope the thread may run the slot's program.
class FilterSlot::Visit {
 public:
  Visit(const FilterSlot& slot, bool share) : slot_(slot), shared_(slot.stats_.shared()) {
    uint32_t index = this_thread_index;
    if (index == kNoThreadIndex) index = claim_thread_index();
    if (!share && index < slot.stripe_count_) {
      Stripe& own = slot.stripes_[index];
      if (own.left.load(std::memory_order_relaxed) == own.entered.load(std::memory_order_relaxed))
        stripe_ = &own;
    }
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  Stripe* stripe() const { return stripe_; }

  const Unit& enter(uint64_t packets) {
    if (stripe_) {
      own_add(stripe_->entered, packets);
    } else {
      phase_ = shared_.phase.load(std::memory_order_seq_cst) & 1;
      shared_.inside[phase_].fetch_add(1, std::memory_order_seq_cst);
    }
    return *slot_.unit_.load(std::memory_order_seq_cst);
  }

  void leave(uint64_t packets, uint64_t matched) {
    if (stripe_) {
      own_add(stripe_->left, packets);
      own_add(stripe_->matched, matched);
    } else {
      shared_.packets.fetch_add(packets, std::memory_order_relaxed);
      shared_.matched.fetch_add(matched, std::memory_order_relaxed);
      shared_.inside[phase_].fetch_sub(1, std::memory_order_seq_cst);
    }
  }

 private:
  const FilterSlot& slot_;
  SharedStripe& shared_;
  Stripe* stripe_ = nullptr;
  uint64_t phase_ = 0;
};

FilterSlot::FilterSlot(FilterStats& stats, std::unique_ptr<const Unit> unit)
    : unit_(unit.get()),
      stripes_(stats.stripes()),
      stripe_count_(have_membarrier() ? thread_index_count() : 0),
      stats_(stats),
      retired_(stripes_, stripe_count_, &stats.shared()) {
  std::lock_guard lock(runtime_lock());
  stats_.published(*unit.release(), true);
  tick_clock();  // made here, so that no packet waits for it
}

FilterSlot::~FilterSlot() { delete unit_.load(std::memory_order_acquire); }

void FilterSlot::publish(std::unique_ptr<const Unit> unit) {
  std::lock_guard lock(runtime_lock());
  stats_.published(*unit, false);
  std::unique_ptr<const Unit> old(unit_.exchange(unit.release(), std::memory_order_seq_cst));
  retired_.add(std::move(old));
}

size_t FilterSlot::retired() const {
  std::lock_guard lock(runtime_lock());
  return retired_.size();
}

uint32_t FilterSlot::run_unindexed(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const {
  if (this_thread_index == kNoThreadIndex && claim_thread_index() < stripe_count_)
    return run(data, cap_len, wire_len);
  return run_shared(data, cap_len, wire_len);
}

uint32_t FilterSlot::run_shared(const uint8_t* data, uint32_t cap_len, uint32_t wire_len) const {
  Visit visit(*this, true);
  const uint32_t verdict = visit.enter(1).run({data, cap_len}, bare_ctx(wire_len));
  visit.leave(1, verdict != 0);
  return verdict;
}

uint32_t FilterSlot::run_sampled(Stripe& stripe, const uint8_t* data, uint32_t cap_len,
                                 uint32_t wire_len) const {
  Visit visit(*this, false);
  const Sample sample = time_packet(visit.enter(1), {data, cap_len}, bare_ctx(wire_len));
  visit.leave(1, sample.verdict != 0);
  if (sample.valid) stats_.sampled(sample.ours_ps, sample.replaced_ps);
  stats_.show();
  const uint64_t left = stripe.left.load(std::memory_order_relaxed);
  stripe.next_sample.store(left + std::min(std::max<uint64_t>(left, 1), period_after(sample)),
                           std::memory_order_relaxed);
  return sample.verdict;
}

uint32_t FilterSlot::run_indirect(const Unit& unit, const uint8_t* data, uint32_t cap_len,
                                  uint32_t wire_len) {
  return unit.run({data, cap_len}, bare_ctx(wire_len));
}

uint32_t FilterSlot::run_ctx(const uint8_t* data, uint32_t cap_len, const ipjit_ctx& ctx) const {
  Visit visit(*this, false);
  const uint32_t verdict = visit.enter(1).run({data, cap_len}, ctx);
  visit.leave(1, verdict != 0);
  return verdict;
}

void FilterSlot::run_burst(std::span<const ipjit_packet> packets, uint32_t* verdicts) const {
  Visit visit(*this, false);
  ipjit_ctx ctx = bare_ctx(0);
  while (!packets.empty()) {
    const Stripe* stripe = visit.stripe();
    if (stripe && stripe->left.load(std::memory_order_relaxed) >=
                      stripe->next_sample.load(std::memory_order_relaxed)) {
      const ipjit_packet& timed = packets.front();
      *verdicts++ = run(timed.data, timed.caplen, timed.len);
      packets = packets.subspan(1);
      continue;
    }
    const size_t count = std::min(packets.size(), kBurst);
    const Unit& unit = visit.enter(count);
    uint64_t matched = 0;
    for (const ipjit_packet& packet : packets.first(count)) {
      ctx.wire_len = packet.len;
      const uint32_t verdict =
          unit.direct
              ? ipjit_result_value(unit.direct(packet.data, packet.caplen, &ctx))
              : unit.run({packet.data, packet.caplen}, ctx);
      matched += verdict != 0;
      *verdicts++ = verdict;
    }
    visit.leave(count, matched);
    packets = packets.subspan(count);
  }
}

}  // namespace ipjit::runtime
