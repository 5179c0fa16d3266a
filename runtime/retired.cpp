// SPDX-License-Identifier: BSD-2-Clause
// Grace periods without waiting.
//
//   begin:  membarrier; note the stripes whose thread is inside, and their `quiescent`
//   over:   each of them was seen outside, and both shared counters were seen at 0
//
// A thread is outside if `entered == left`, or if it has reported being between two runs since the
// beginning; a thread that is busy whenever we look is asked to (pause_at), and does so before its
// next packet.
//
// The order on the reader's side is store(entered), load(program); on the writer's side it is
// store(program), load(entered).  One of them must see the other's store, which takes a full
// barrier on both sides; membarrier() puts the reader's in for it, so readers pay for none.  The
// thread sanitizer does not know that, and under it the reader's add is a full barrier itself.
//
// The shared line has no owner, so `left` says nothing about who left.  Its readers add to one of
// two counters that a phase chooses.  The idle counter is waited for first (a reader may have read
// the phase long ago), then the phase is turned and the other one is waited for; new readers always
// go where nobody waits, so both waits end although readers never pause.  Idea: the kernel's SRCU.
//
// Both conditions are looked at when the next program is retired, never waited for.
#include "runtime/retired.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/lock.h"

namespace ipjit::runtime {

namespace {

size_t bytes_of(const Unit& unit) {
  size_t bytes = sizeof unit + unit.source.size() * sizeof(bpf::Insn);
  if (unit.code) bytes += (unit.code->bytes().size() + 4095) / 4096 * 4096;
  if (unit.program)
    bytes += unit.program->insns.size() * sizeof(ir::Insn) +
             unit.program->blocks.size() * sizeof(ir::Block);
  return bytes;
}

}  // namespace

void Retired::add(std::shared_ptr<const Unit> unit) {
  young_bytes_ += bytes_of(*unit);
  young_.push_back(std::move(unit));
  CodeMemory::Together together;
  if (!waiting_.empty() && grace_period_over()) waiting_.clear();
  if (!waiting_.empty() || (young_.size() < kBatch && young_bytes_ < kBatchBytes)) return;
  waiting_.swap(young_);
  young_bytes_ = 0;
  begin_grace_period();
  if (grace_period_over()) waiting_.clear();
}

void Retired::begin_grace_period() {
  fork_generation_ = fork_generation();
  shared_phases_left_ = 2;
  inside_.reset();
  if (!have_membarrier()) return;
  // A sandbox entered meanwhile may refuse it: then nothing proves anything, and nothing is freed.
  proven_ = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
  for (uint32_t i = 1; i < stripe_count(); ++i) {
    quiescent_[i] = load(stripes_[i].quiescent);
    inside_[i] = !seen_outside(i);
  }
}

/// Left first: equal then means that at the second look nobody was inside.
bool Retired::seen_outside(uint32_t index) {
  Stripe& stripe = stripes_[index];
  const uint64_t left = load(stripe.left);
  if (load(stripe.entered) == left || load(stripe.quiescent) != quiescent_[index]) return true;
  store(stripe.pause_at, 0);
  return false;
}

bool Retired::grace_period_over() {
  if (fork_generation_ != fork_generation()) begin_grace_period();
  if (!proven_) return false;
  for (uint32_t i = 1; i < stripe_count(); ++i)
    if (inside_[i] && seen_outside(i)) inside_[i] = false;
  if (inside_.any()) return false;
  while (shared_phases_left_ > 0)
    if (!shared_left()) return false;
  return true;
}

/// Looks at the idle counter; where nobody is on it, makes it the busy one.
bool Retired::shared_left() {
  const uint64_t phase = shared_->phase.load(std::memory_order_seq_cst);
  if (shared_->inside[~phase & 1].load(std::memory_order_seq_cst) != 0) return false;
  shared_->phase.store(phase + 1, std::memory_order_seq_cst);
  --shared_phases_left_;
  return true;
}

}  // namespace ipjit::runtime
