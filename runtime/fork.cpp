// SPDX-License-Identifier: BSD-2-Clause
// What fork() must not break.
//
// Filters and their statistics live in memory that parent and child would share (stats_file.h), and
// one thread of many survives.  So fork() waits for the runtime's writers, and the child, before it
// runs anything else:
//
//   1. puts private copies in the place of the shared records: its counts are its own;
//   2. takes all other threads out of the stripes: they do not exist here;
//   3. forgets the thread that built specialised code, and what it was about, and starts another;
//   4. goes on.  Programs are ordinary private memory and keep running.
//
// Signals are blocked from before the copy until after step 2: a handler that ran a filter in
// between would count in its parent's stripes, beside the parent.
//
// The handlers are there when the library is: they run in the order opposite to that in which they
// came, so that locks of the program, with handlers of their own, are taken before the runtime's,
// as when the program makes a filter.
//
// Not covered: a child made by the bare clone() or fork system call, which no library can notice,
// must not run the filters of its parent.  vfork() and posix_spawn() children run none.
#include <pthread.h>
#include <signal.h>

#include "runtime/filter_stats.h"
#include "runtime/lock.h"
#include "runtime/thread_index.h"
#include "runtime/tier/builder_thread.h"
#include "runtime/tier/sample_ring.h"
#include "runtime/tier/tier_state.h"

namespace ipjit::runtime {

namespace {

struct ForkState {
  std::mutex lock;
  sigset_t signals;  ///< the forking thread's mask; under the lock
  unsigned generation = 0;

  ForkState() {
    prepare_builder();
    pthread_atfork(before, in_parent, in_child);
  }

  // Never destroyed: filters may be freed after the last static destructor.
  static ForkState& get() {
    static ForkState* state = new ForkState;
    return *state;
  }

  static void before() {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    get().lock.lock();
    get().signals = old;
  }

  static void in_parent() {
    const sigset_t old = get().signals;
    get().lock.unlock();
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
  }

  static void in_child() {
    ++get().generation;
    keep_only_this_thread_index();
    FilterStats::restart_all_in_child();
    sample_ring().restart_in_child();
    restart_tier_states_in_child();
    restart_builder_in_child();
    in_parent();
  }
};

__attribute__((constructor)) void be_there() { ForkState::get(); }

}  // namespace

std::mutex& runtime_lock() { return ForkState::get().lock; }

unsigned fork_generation() { return ForkState::get().generation; }

}  // namespace ipjit::runtime
