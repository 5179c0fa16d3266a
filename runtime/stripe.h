// SPDX-License-Identifier: BSD-2-Clause
// How a thread says "I am inside", and counts, in the same stores.
//
// Each filter has an array of stripes, one cache line each; a thread owns the stripe of its index
// (thread_index.h) in every filter.  A run is
//
//   entered += 1;  program = load(slot);  verdict = program(packet);  left += 1;
//
// so `left` is the packet counter, and `entered != left` means that the thread may be using a
// program that the slot no longer points to.  A grace period needs nothing else from readers: the
// writer replaces the pointer, makes every thread pass a full barrier (membarrier), notes each
// `entered`, and may free the old program when each `left` has come that far.
//
// Hazards:
//  - A signal handler may run the filter in the middle of its own thread's run.  The counters are
//    therefore changed by single instructions, and a run that finds itself inside another one
//    (entered != left) uses the shared line instead: were it counted here, its `left` would vouch
//    for the run that it interrupted.
//  - Threads without an index, and processes without membarrier, use the shared line: atomic adds
//    on two counters chosen by a phase, as in the kernel's SRCU.
//  - A run that is left by longjmp() out of a signal handler leaves `entered` ahead for ever: the
//    programs replaced later stay in memory, nothing waits for them.
//
// Why not liburcu-bp, which counts nothing but announces the same way: docs/measurements.md has
// both; this costs 2 stores less a packet, registers no thread (its registration allocates and
// locks, which a signal handler must not), and a thread that was killed inside a filter stalls one
// filter's garbage, not every grace period of the process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ipjit::runtime {

struct alignas(64) Stripe {
  std::atomic<uint64_t> entered;
  std::atomic<uint64_t> left;         ///< packets run to the end
  std::atomic<uint64_t> matched;      ///< verdict not 0
  std::atomic<uint64_t> next_sample;  ///< value of `left` from which a packet is timed
};

/// Threads without a stripe of their own; every change is an atomic add.
struct alignas(64) SharedStripe {
  std::atomic<uint64_t> phase;      ///< the low bit chooses the counter
  std::atomic<uint64_t> inside[2];  ///< threads inside, by the phase that they saw
  std::atomic<uint64_t> packets;
  std::atomic<uint64_t> matched;
  std::atomic<uint64_t> next_sample;
};

static_assert(sizeof(Stripe) == 64 && sizeof(SharedStripe) == 64);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

#if defined(__SANITIZE_THREAD__)
#define IPJIT_PLAIN_STRIPES 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IPJIT_PLAIN_STRIPES 0
#endif
#endif
#if !defined(IPJIT_PLAIN_STRIPES)
#if defined(__x86_64__)
#define IPJIT_PLAIN_STRIPES 1
#else
#define IPJIT_PLAIN_STRIPES 0
#endif
#endif

/// Adds to a counter that only this thread and its signal handlers change.
///
/// One instruction without a lock: atomic towards a signal handler, not towards other threads, who
/// only read.  x86 keeps stores in order and behind older loads, so as a release it is enough; the
/// barrier that `enter` needs is the writer's membarrier.  The thread sanitizer sees neither, so
/// under it, and elsewhere than on x86, it is an ordinary atomic add.
inline void own_add(std::atomic<uint64_t>& counter, uint64_t amount) {
#if IPJIT_PLAIN_STRIPES
  asm volatile("addq %1, %0" : "+m"(counter) : "er"(amount) : "memory", "cc");
#else
  counter.fetch_add(amount, std::memory_order_seq_cst);
#endif
}

}  // namespace ipjit::runtime
