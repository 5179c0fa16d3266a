// SPDX-License-Identifier: BSD-2-Clause
// How a thread says "I am inside", and counts, in the same stores.
//
// Each filter has an array of stripes, one cache line each; a thread owns the stripe of its index
// (thread_index.h) in every filter.  A run (ipjit/inline.h) is
//
//   entered += 1;  program = load(slot);  verdict = program(packet);  left += 1;
//
// so `left` is the packet counter, and `entered != left` means that the thread may be using a
// program that the slot no longer points to.  Grace periods (retired.cpp) need nothing else from a
// reader, and the writer can ask for more: with pause_at = 0 the thread's next run takes the slow
// way, where it reports that it is between two runs (`quiescent`).
//
// Hazards:
//  - A signal handler may run the filter in the middle of its own thread's run.  The counters are
//    therefore changed by single instructions, and `left` alone proves nothing: the handler's runs
//    add to it while the interrupted one goes on.  Only `entered == left` does.
//  - Threads without an index, and processes without membarrier, use the shared line: atomic adds
//    on two counters chosen by a phase.
//  - A run that is left by longjmp() out of a signal handler leaves `entered` ahead for ever: the
//    programs replaced later stay in memory; nothing waits for them.
//
// Why not liburcu: its readers announce themselves with two stores, and the packet must be counted
// besides; here the announcement is the count.  In one loop over hot packets, all inlined,
// liburcu-bp and the counters cost 0.5 to 1.3 ns above the bare program, this 0.0 to 0.4.  A
// liburcu-bp thread also registers on first use, which allocates and locks (a signal handler must
// not), and one thread that was stopped inside a filter would stall every grace period of the
// process.
#pragma once

#include <atomic>
#include <cstdint>

#include "ipjit/ipjit.h"

#ifndef IPJIT_INLINE_H
extern "C" {
#include "ipjit/inline.h"
}
#endif

namespace ipjit::runtime {

using Stripe = ipjit_stripe;
static_assert(sizeof(Stripe) == 64);

/// The stripes are plain integers, because C programs change them inline.
inline uint64_t load(const uint64_t& counter) {
  return __atomic_load_n(&counter, __ATOMIC_SEQ_CST);
}
inline void store(uint64_t& counter, uint64_t value) {
  __atomic_store_n(&counter, value, __ATOMIC_RELEASE);
}

/// Threads without a stripe of their own; every change is an atomic add.
struct alignas(64) SharedStripe {
  std::atomic<uint64_t> phase;      ///< the low bit chooses the counter
  std::atomic<uint64_t> inside[2];  ///< threads inside, by the phase that they saw
  std::atomic<uint64_t> packets;
  std::atomic<uint64_t> matched;
};

static_assert(sizeof(SharedStripe) == 64);

/// Runs on shared lines that this thread is inside of; several where a signal handler filters too.
/// A forked child asks, because the lines do not say who is inside.
inline constinit thread_local uint64_t shared_runs __attribute__((tls_model("initial-exec"))) = 0;
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace ipjit::runtime
