// SPDX-License-Identifier: BSD-2-Clause
// A guest in somebody else's process: it must not be noticed.
//
//   started   when a filter is hot, never before: a short run of tcpdump has one thread
//   runs      SCHED_IDLE, all signals blocked, named "ipjit-tier2", within kQuota of one processor
//   ends      when nothing was hot for kIdleNs, and at exit(), which waits kExitWaitMs at most
//   fork()    the child has none, and starts its own when its packets ask
//   refused   clone() forbidden, no memory: tier 1 stays, and the refusal is kept for the
//   statistics
//
// Starting a thread takes memory with malloc(), and ipjit_filter_run() may be called in a signal
// handler that interrupted malloc().  Nothing says that one is in a handler; but while it runs its
// signal is blocked and has a handler.  A thread of which that is so starts nothing, and leaves the
// request for another call.  (SA_NODEFER hides it: such a handler would have to be the very first
// to find a filter hot.)
//
// A process that confines itself with seccomp after it has made its filters usually kills itself
// for a system call that it did not foresee; so no thread is started where the mode has changed.
//
// The library is linked with -z nodelete: dlclose() cannot take the code from under the thread.
#include "runtime/tier/builder_thread.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <tuple>

#include "runtime/ticks.h"
#include "runtime/tier/allowance.h"
#include "runtime/tier/replay_check.h"
#include "runtime/tier/tiering.h"
#include "tier1-asmjit/tier1.h"
#include "tier2-llvm/remote/remote_tier2.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kStackBytes = 1 << 20;  ///< address space; a few pages of it are touched
constexpr double kQuota = 0.02;          ///< of one processor, in the long run
constexpr double kBurstNs = 200e6;       ///< that may be used at once
constexpr uint64_t kIdleNs = 20'000'000'000;
constexpr uint64_t kExitWaitMs = 200;

// What LLVM's code costs beside tier 1's of the same program, and what it takes to make it; found
// with bench/ (docs/measurements.md).
constexpr double kLlvmShare = 0.9;
constexpr double kLlvmCompileNs = 5e6;
constexpr double kLlvmNsPerInsn = 20e3;
constexpr double kTier1CompileNs = 100e3;  ///< with the replay check
constexpr double kTier1NsPerInsn = 200;

enum class Run : uint32_t { kNone, kStarting, kRunning };

struct Shared {
  std::atomic<Run> run{Run::kNone};
  std::atomic<bool> allowed{true};
  std::atomic<bool> wanted{false};  ///< by a thread that may not start one
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};  ///< errno of pthread_create(); -1: seccomp
  std::atomic<int> sandbox{0};  ///< mode when the first filter was made
  std::atomic<const tier2::RemoteTier2*> remote{nullptr};  ///< copied, never used
  std::atomic<const std::string*> reproducers{nullptr};
  sem_t wake;

  Shared() { sem_init(&wake, 0, 0); }

  // Never destroyed: the thread may outlive static destructors.
  static Shared& get() {
    static Shared* shared = new Shared;
    return *shared;
  }
};

uint64_t cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void sleep_ns(Shared& shared, uint64_t pause_ns) {
  const uint64_t until = monotonic_ns() + pause_ns;
  const timespec at = {static_cast<time_t>(until / 1'000'000'000),
                       static_cast<long>(until % 1'000'000'000)};
  while (sem_clockwait(&shared.wake, CLOCK_MONOTONIC, &at) == -1 && errno == EINTR) {
  }
}

/// Where the thread that asked is pinned to one processor, it polls there.
void leave_a_pinned_processor() {
  cpu_set_t set;
  if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) != 0 || CPU_COUNT(&set) != 1) return;
  for (int i = 0; i < CPU_SETSIZE; ++i) CPU_SET(i, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

TieringTools tools_of(tier1::Tier1& tier1, tier2::RemoteTier2& remote, const Shared& shared) {
  TieringTools tools;
  tools.now_ns = monotonic_ns;
  tools.backends = {{.name = "asmjit",
                     .compiler = &tier1,
                     .share = 1,
                     .compile_ns = kTier1CompileNs,
                     .compile_ns_per_insn = kTier1NsPerInsn},
                    {.name = "llvm",
                     .compiler = &remote,
                     .share = kLlvmShare,
                     .compile_ns = kLlvmCompileNs,
                     .compile_ns_per_insn = kLlvmNsPerInsn}};
  if (const std::string* directory = shared.reproducers) tools.reproducers = *directory;
  return tools;
}

void work(Shared& shared) {
  tier1::Tier1 tier1;
  tier2::RemoteTier2 remote(*shared.remote.load());
  Tiering tiering(tools_of(tier1, remote, shared));
  Allowance allowance(kQuota, kBurstNs);
  uint64_t hot_ns = monotonic_ns();
  allowance.pause_ns(hot_ns, cpu_ns());
  while (!shared.stop) {
    uint64_t pause_ns = tiering.round(hot_tier_states());
    const uint64_t now = monotonic_ns(), cpu = cpu_ns();
    if (!hot_tier_states().empty()) hot_ns = now;
    if (now - hot_ns > kIdleNs) return;
    pause_ns = std::max(pause_ns, allowance.pause_ns(now, cpu));
    if (!shared.stop) sleep_ns(shared, pause_ns);
  }
}

void* thread_main(void*) {
  Shared& shared = Shared::get();
  pthread_setname_np(pthread_self(), "ipjit-tier2");
  sched_param none = {};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
  leave_a_pinned_processor();
  shared.run = Run::kRunning;
  work(shared);
  shared.run = Run::kNone;
  return nullptr;
}

/// Lets exit() go on as soon as the thread is between two steps.
void stop_at_exit() {
  Shared& shared = Shared::get();
  shared.stop = true;
  shared.allowed = false;
  sem_post(&shared.wake);
  for (uint64_t ms = 0; ms < kExitWaitMs && shared.run != Run::kNone; ++ms) {
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

void start(Shared& shared) {
  Run none = Run::kNone;
  if (!shared.run.compare_exchange_strong(none, Run::kStarting)) return;
  shared.stop = false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all;
  sigfillset(&all);
  pthread_attr_setsigmask_np(&attributes, &all);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, thread_main, nullptr);
  pthread_attr_destroy(&attributes);
  shared.refused = error;
  if (error) shared.run = Run::kNone;
}

bool confined_since(const Shared& shared) { return prctl(PR_GET_SECCOMP) != shared.sandbox; }

/// True if a signal is blocked that has a handler: as far as one can tell, this is in it.
bool maybe_in_handler() {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action;
    if (sigismember(&blocked, signal) == 1 && sigaction(signal, nullptr, &action) == 0 &&
        action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
      return true;
  }
  return false;
}

bool may_start(Shared& shared) {
  if (shared.run != Run::kNone || !shared.allowed || shared.refused || !shared.remote) return false;
  if (!confined_since(shared)) return true;
  shared.refused = -1;
  return false;
}

}  // namespace

void prepare_builder() {
  Shared& shared = Shared::get();
  if (shared.remote) return;
  shared.sandbox = prctl(PR_GET_SECCOMP);
  static const std::string directory = reproducer_directory();
  shared.reproducers = &directory;
  tier2::RemoteOptions options;
  options.stop = &shared.stop;
  const tier2::RemoteTier2* none = nullptr;
  auto remote = std::make_unique<const tier2::RemoteTier2>(options);
  if (shared.remote.compare_exchange_strong(none, remote.get())) {
    std::ignore = remote.release();
    std::atexit(stop_at_exit);
  }
}

void ask_for_builder() {
  Shared& shared = Shared::get();
  if (shared.run.load(std::memory_order_relaxed) != Run::kNone || shared.refused) return;
  const int saved_errno = errno;
  if (maybe_in_handler())
    shared.wanted = true;
  else if (may_start(shared))
    start(shared);
  if (shared.refused) explain_everywhere("tier 2 cannot run: " + builder_refused());
  errno = saved_errno;
}

void ask_for_builder_outside_handlers() {
  Shared& shared = Shared::get();
  if (shared.wanted.exchange(false) && may_start(shared)) start(shared);
}

void allow_builder(bool allowed) {
  Shared& shared = Shared::get();
  shared.allowed = allowed;
  if (allowed) return;
  shared.stop = true;
  sem_post(&shared.wake);
  while (shared.run != Run::kNone) {
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

bool builder_runs() { return Shared::get().run != Run::kNone; }

std::string builder_refused() {
  const int refused = Shared::get().refused;
  if (refused == 0) return {};
  if (refused == -1) return "the process has confined itself since it made its first filter";
  return std::string("pthread_create: ") + strerrordesc_np(refused);
}

void restart_builder_in_child() {
  Shared& shared = Shared::get();
  shared.run = Run::kNone;
  shared.stop = false;
  sem_init(&shared.wake, 0, 0);
}

}  // namespace ipjit::runtime
