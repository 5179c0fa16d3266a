// SPDX-License-Identifier: BSD-2-Clause
// A guest in somebody else's process: it must not be noticed.
//
//   started   when the first filter is made that may be specialised, and asleep until one is hot
//   asleep    looks up after 10 ms, 20 ms, 40 ms ... 1 s: late by no more than it has slept already
//   works     while a filter is hot, within kQuota of one processor; asleep again kIdleNs after
//   as        all signals blocked, named "ipjit-tier2", without a descriptor of the program's.
//             SCHED_IDLE once it has worked: before, who waits for the process would wait for it
//   ends      with the last such filter, in a sandbox (below), where it is the last thread, and at
//             exit(), which waits kExitWaitMs at most, and only for one that works
//   fork()    the child starts its own in the handler of fork(): it may be daemon(), and from
//             packets it could not.  A child that goes on to exec() pays some 50 us for that
//   refused   clone() or descriptors of its own forbidden, no memory, no /proc: tier 1 stays, and
//             the statistics say why
//
// Why before it is needed?  That a filter is hot shows in the packet path, and a thread cannot be
// started there.  In a signal handler pthread_create() may meet a malloc() that was interrupted.  A
// program that has entered a seccomp sandbox in between dies of a system call that it did not
// foresee, also of the one that asks whether it is in a sandbox; there is no other way to ask.
// Who makes a filter is in no handler and expects system calls.  So packets only set
// TierState::hot, and nobody wakes the sleeper, as that would be a system call too.  The price is a
// thread, 60 KiB, the addresses of malloc()'s arena (64 MiB) and a wake-up a second for each
// process with such a filter.
//
// A sandbox is entered by a thread, and this one is then outside: harmless to the program's life,
// but a way out for whoever has taken it over.  So whenever it looks up it asks /proc about the
// first thread, and ends where that has been confined since.  Where it is in the sandbox too
// (TSYNC) even ending may be forbidden: it sleeps for ever.  Asleep it makes three system calls:
// futex(), lseek() and read().  One that works makes others, of which a sandbox with TSYNC may kill
// the process.
//
// It gives up no capability of its own accord: setuid() of a program goes through all threads, and
// the C library aborts where one may and another may not.
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
#include <mutex>
#include <tuple>

#include "runtime/lock.h"
#include "runtime/ticks.h"
#include "runtime/tier/allowance.h"
#include "runtime/tier/confinement.h"
#include "runtime/tier/replay_check.h"
#include "runtime/tier/tiering.h"
#include "tier1-asmjit/tier1.h"
#include "tier2-llvm/remote/remote_tier2.h"

namespace ipjit::runtime {

namespace {

constexpr size_t kStackBytes = 1 << 20;  ///< address space; a few pages of it are touched
constexpr double kQuota = 0.02;          ///< of one processor, in the long run
constexpr double kBurstNs = 200e6;       ///< that may be used at once
constexpr uint64_t kIdleNs = 10'000'000'000;
constexpr uint64_t kExitWaitMs = 200;
constexpr uint64_t kFirstSleepNs = 10'000'000;
constexpr uint64_t kLongestSleepNs = 1'000'000'000;

// What LLVM's code costs beside tier 1's of the same program, and what it takes to make it; found
// with bench/ (docs/measurements.md).
constexpr double kLlvmShare = 0.9;
constexpr double kLlvmCompileNs = 5e6;
constexpr double kLlvmNsPerInsn = 20e3;
constexpr double kTier1CompileNs = 100e3;  ///< with the replay check
constexpr double kTier1NsPerInsn = 200;

enum class Run : uint32_t { kNone, kAsleep, kWorks };

// What stands in Shared::refused beside errno.
constexpr int kConfined = -1;
constexpr int kNoProc = -2;

struct Shared {
  std::atomic<Run> run{Run::kNone};
  std::atomic<bool> allowed{true};
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::atomic<bool> never{false};                          ///< what was refused will be again
  std::atomic<int> sandbox{0};                             ///< mode when the first filter was made
  std::atomic<const tier2::RemoteTier2*> remote{nullptr};  ///< copied, never used
  std::atomic<const std::string*> reproducers{nullptr};
  sem_t wake;    ///< for the thread: `stop` is set
  sem_t rested;  ///< from it: it works no longer

  Shared() { restart(); }
  void restart() {
    sem_init(&wake, 0, 0);
    sem_init(&rested, 0, 0);
  }

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

/// False: in vain, until that time.  One system call, futex().
bool wait_for(sem_t& semaphore, uint64_t ns) {
  const uint64_t until = monotonic_ns() + ns;
  const timespec at = {static_cast<time_t>(until / 1'000'000'000),
                       static_cast<long>(until % 1'000'000'000)};
  int result;
  while ((result = sem_clockwait(&semaphore, CLOCK_MONOTONIC, &at)) == -1 && errno == EINTR) {
  }
  return result == 0;
}

/// Where the thread that made the filter is pinned to one processor, it polls there.
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

/// Until nothing has been hot for a while, or the thread must not stay.
void work(Shared& shared, const Confinement& confinement) {
  tier1::Tier1 tier1;
  tier2::RemoteTier2 remote(*shared.remote.load());
  Tiering tiering(tools_of(tier1, remote, shared));
  Allowance allowance(kQuota, kBurstNs);
  uint64_t hot_ns = monotonic_ns();
  allowance.pause_ns(hot_ns, cpu_ns());
  sched_param none = {};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
  while (!shared.stop && confinement.of_process() == Confinement::Process::kAsBefore) {
    const std::vector<std::shared_ptr<TierState>> hot = hot_tier_states();
    uint64_t pause_ns = tiering.round(hot);
    const uint64_t now = monotonic_ns(), cpu = cpu_ns();
    if (!hot.empty()) hot_ns = now;
    if (now - hot_ns > kIdleNs) return;
    pause_ns = std::max(pause_ns, allowance.pause_ns(now, cpu));
    if (!shared.stop) wait_for(shared.wake, pause_ns);
  }
}

std::string why_refused(int refused) {
  const std::string why = "tier 2 cannot run: ";
  if (refused == kConfined)
    return why + "the process has confined itself since it made its first filter";
  if (refused == kNoProc)
    return why + "without /proc nobody can tell whether the process is confined";
  return why + strerrordesc_np(refused);
}

void refuse(Shared& shared, int refused, const std::string& why) {
  shared.refused = refused;
  std::lock_guard lock(runtime_lock());
  nobody_builds(why);
}

/// Decided under the lock, so that a filter that comes now finds either this thread or none.
bool leaves(Shared& shared) {
  std::lock_guard lock(runtime_lock());
  if (!shared.stop && !shared.refused && any_tier_states()) return false;
  shared.run = Run::kNone;
  return true;
}

/// Asleep, and at work where a filter is hot.
void serve(Shared& shared, const Confinement& confinement, const std::string& why_confined) {
  uint64_t sleep_ns = kFirstSleepNs;
  while (!leaves(shared)) {
    const Confinement::Process process = confinement.of_process();
    if (process == Confinement::Process::kEnded) {
      shared.run = Run::kNone;  // and exit() comes behind this thread's end
      return;
    }
    if (process == Confinement::Process::kConfined) {
      refuse(shared, kConfined, why_confined);
    } else if (hot_tier_states().empty()) {
      wait_for(shared.wake, sleep_ns);
      sleep_ns = std::min(2 * sleep_ns, kLongestSleepNs);
    } else {
      shared.run = Run::kWorks;
      work(shared, confinement);
      shared.run = Run::kAsleep;
      sem_post(&shared.rested);
      sleep_ns = kFirstSleepNs;
    }
  }
}

void* thread_main(void*) {
  Shared& shared = Shared::get();
  leave_a_pinned_processor();
  if (const int error = keep_to_oneself()) {
    shared.never = true;
    refuse(shared, error, why_refused(error));
    leaves(shared);
    return nullptr;
  }
  const Confinement confinement;
  if (!confinement.known()) {
    shared.never = true;
    refuse(shared, kNoProc, why_refused(kNoProc));
  }
  // In a sandbox malloc() may be forbidden what its first call in a thread does.
  const std::string why_confined = why_refused(kConfined);
  pthread_setname_np(pthread_self(), "ipjit-tier2");  // from here on it is as the essay says
  serve(shared, confinement, why_confined);
  while (shared.refused == kConfined && confinement.of_thread()) wait_for(shared.wake, kIdleNs);
  return nullptr;
}

/// Lets exit() go on as soon as the thread is between two steps.
void stop_at_exit() {
  Shared& shared = Shared::get();
  shared.allowed = false;
  shared.stop = true;
  if (shared.run == Run::kNone) return;
  sem_post(&shared.wake);
  const uint64_t until = monotonic_ns() + kExitWaitMs * 1'000'000;
  for (uint64_t now; shared.run == Run::kWorks && (now = monotonic_ns()) < until;)
    wait_for(shared.rested, until - now);
}

/// Gives: 0, or errno.
int start(Shared& shared) {
  Run none = Run::kNone;
  if (!shared.run.compare_exchange_strong(none, Run::kAsleep)) return 0;
  shared.stop = false;
  shared.refused = 0;
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
  if (error) shared.run = Run::kNone;
  return error;
}

bool confined_since(const Shared& shared) { return prctl(PR_GET_SECCOMP) != shared.sandbox; }

/// True where it is the first.  In place of a static variable, whose guard a fork() in another
/// thread would leave taken in the child.
template <class T>
bool keep_first(std::atomic<const T*>& place, std::unique_ptr<const T> made) {
  const T* none = nullptr;
  const bool first = place.compare_exchange_strong(none, made.get());
  if (first) std::ignore = made.release();
  return first;
}

void prepare(Shared& shared) {
  if (shared.remote) return;
  shared.sandbox = prctl(PR_GET_SECCOMP);
  keep_first(shared.reproducers, std::make_unique<const std::string>(reproducer_directory()));
  tier2::RemoteOptions options;
  options.stop = &shared.stop;
  if (keep_first(shared.remote, std::make_unique<const tier2::RemoteTier2>(options)))
    std::atexit(stop_at_exit);
}

}  // namespace

void prepare_builder() { Shared::get(); }

void ask_for_builder() {
  Shared& shared = Shared::get();
  prepare(shared);
  if (shared.run != Run::kNone || !shared.allowed) return;
  if (shared.never) return refuse(shared, shared.refused, why_refused(shared.refused));
  const bool confined = shared.refused == kConfined || confined_since(shared);
  if (const int refused = confined ? kConfined : start(shared))
    refuse(shared, refused, why_refused(refused));
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

bool builder_runs() { return Shared::get().run == Run::kWorks; }

void restart_builder_in_child() {
  Shared& shared = Shared::get();
  shared.stop = false;
  shared.restart();
  if (shared.run.exchange(Run::kNone) == Run::kNone || !shared.allowed || shared.never) return;
  shared.refused = confined_since(shared) ? kConfined : start(shared);
  if (shared.refused) nobody_builds(why_refused(shared.refused));
}

}  // namespace ipjit::runtime
