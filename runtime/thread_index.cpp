// SPDX-License-Identifier: BSD-2-Clause
// Thread indices, given out without a word from the thread when it ends.
//
// The table holds the kernel's thread id of each owner.  An index is taken back when it is needed
// and its owner is dead, so nothing is registered to run at thread exit: no destructor that
// dlclose() could leave dangling, no allocation, and a first call from a signal handler is like any
// other.  A thread that is born with the id of a dead owner inherits the index.
//
// Hazard: an index must not have two living owners, because stripes are changed without atomic
// adds.  A new owner only ever takes an entry that is 0 or dead, by compare-and-swap.
#include "runtime/thread_index.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "runtime/stripe.h"

extern "C" {
__thread uint64_t ipjit_thread_stripe __attribute__((tls_model("initial-exec"))) = 0;
}

namespace ipjit::runtime {

namespace {

/// Set once a thread has asked in vain: it would search the table for every packet.
__thread bool asked_in_vain __attribute__((tls_model("initial-exec"))) = false;

std::atomic<int32_t> owners[kMaxStripes];

int32_t this_thread() { return static_cast<int32_t>(syscall(SYS_gettid)); }

bool dead(int32_t thread) {
  return syscall(SYS_tgkill, getpid(), thread, 0) == -1 && errno == ESRCH;
}

/// Takes the first entry for which `free(owner)` holds.
template <class Free>
uint32_t take(int32_t self, Free free) {
  for (uint32_t i = 1; i < stripe_count(); ++i) {
    int32_t owner = owners[i].load(std::memory_order_acquire);
    if (owner == self) return i;
    if (free(owner) && owners[i].compare_exchange_strong(owner, self)) return i;
  }
  return 0;
}

}  // namespace

uint32_t stripe_count() {
  static const uint32_t count =
      static_cast<uint32_t>(std::clamp(2 * sysconf(_SC_NPROCESSORS_CONF), 16L, long{kMaxStripes}));
  return count;
}

bool have_membarrier() {
  static const bool have =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return have;
}

uint32_t thread_index() {
  if (ipjit_thread_stripe) return static_cast<uint32_t>(ipjit_thread_stripe / sizeof(Stripe));
  if (asked_in_vain || !have_membarrier()) return 0;
  const int saved_errno = errno;
  const int32_t self = this_thread();
  uint32_t index = take(self, [](int32_t owner) { return owner == 0; });
  if (index == 0) index = take(self, dead);
  if (index == 0) asked_in_vain = true;
  ipjit_thread_stripe = index * sizeof(Stripe);
  errno = saved_errno;
  return index;
}

void keep_only_this_thread_index() {
  const int32_t self = this_thread();
  for (uint32_t i = 1; i < kMaxStripes; ++i)
    owners[i].store(i * sizeof(Stripe) == ipjit_thread_stripe ? self : 0,
                    std::memory_order_relaxed);
}

}  // namespace ipjit::runtime
