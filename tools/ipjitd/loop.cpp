// SPDX-License-Identifier: BSD-2-Clause
// Two threads: one hears events and compiles tier 1, which must not wait for anything; the other
// tunes, at idle priority, and may wait ten seconds for the compile server.  They share the table.
//
// Each has an allowance of processor time and pauses when it is used up; what the compile server
// takes for us is charged to the thread that asked.  Whatever happens to this process, the kernel's
// filters run what they run.
#include "tools/ipjitd/loop.h"

#include <poll.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <thread>

#include "runtime/ticks.h"
#include "runtime/tier/allowance.h"
#include "runtime/tier/replay_check.h"
#include "tier1-asmjit/tier1.h"
#include "tier2-llvm/remote/fd.h"
#include "tier2-llvm/remote/remote_tier2.h"
#include "tools/ipjitd/tuner.h"
#include "tools/tier2/confine.h"

namespace ipjit::daemon {

namespace {

constexpr double kBurstNs = 500e6;
constexpr uint64_t kStatusNs = 1'000'000'000;      ///< between two status files
constexpr uint64_t kBusyStatusNs = 5'000'000'000;  ///< while events come
constexpr uint64_t kQuietNs = 50'000'000;          ///< without an event: there is time for one

// As for filters of a process (runtime/tier/builder_thread.cpp); an INSTALL is verified again and
// stops every CPU for a moment.
constexpr double kLlvmShare = 0.9;
constexpr double kLlvmCompileNs = 5.2e6;
constexpr double kLlvmNsPerInsn = 20e3;
constexpr double kTier1CompileNs = 300e3;
constexpr double kTier1NsPerInsn = 400;

/// The kernel samples one packet in 1,024: at 10,000 packets a second this is half a minute.
constexpr uint64_t kMinSamples = 300;

uint64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t unforeseeable() {
  uint64_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

/// Charges the compile server's time to whoever waits for it.  Of a compile that came to nothing
/// the server says no time: then all the time that we waited, so that a program on which the
/// compiler runs out of its budget again and again costs its share too.
class Charged final : public ir::Compiler {
 public:
  explicit Charged(tier2::RemoteTier2& remote) : remote_(remote) {}
  Result<ir::MachineCode> compile(const ir::Program& program, const arch::Target& target) override {
    const uint64_t start_ns = runtime::monotonic_ns();
    Result<ir::MachineCode> code = remote_.compile(program, target);
    if (code)
      cpu_ns += remote_.last().compile_us * 1000;
    else if (code.error().code != Code::kUnavailable)
      cpu_ns += runtime::monotonic_ns() - start_ns;
    return code;
  }

  uint64_t cpu_ns = 0;

 private:
  tier2::RemoteTier2& remote_;
};

/// The thread that tunes, until it is destroyed.
class TuningThread {
 public:
  TuningThread(kernel::Device& device, Table& table, Log& log, const LoopOptions& chosen)
      : remote_(options()),
        charged_(remote_),
        tuner_(device, table, log, tools(chosen.race), unforeseeable),
        share_(chosen.tier2_share) {}
  ~TuningThread() {
    stop_ = true;
    { std::lock_guard between(mutex_); }  // it either sees `stop_` or already waits
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Status start() {
    if (Status started = tuner_.start(); !started) return started;
    thread_ = std::thread([this] { work(); });
    return ok();
  }

  TuneCounts counts() const {
    TuneCounts counts = tuner_.counts();
    counts.cpu_ms = cpu_ms_;
    return counts;
  }

 private:
  tier2::RemoteOptions options() {
    tier2::RemoteOptions options;
    options.stop = &stop_;
    return options;
  }

  runtime::TieringTools tools(bool race) {
    runtime::TieringTools tools;
    if (!race) tools.race = nullptr;
    tools.now_ns = runtime::monotonic_ns;
    tools.policy.min_samples = kMinSamples;
    tools.backends = {{.name = "asmjit",
                       .compiler = &tier1_,
                       .share = 1,
                       .compile_ns = kTier1CompileNs,
                       .compile_ns_per_insn = kTier1NsPerInsn},
                      {.name = "llvm",
                       .compiler = &charged_,
                       .share = kLlvmShare,
                       .compile_ns = kLlvmCompileNs,
                       .compile_ns_per_insn = kLlvmNsPerInsn}};
    tools.reproducers = runtime::reproducer_directory();
    return tools;
  }

  void work() {
    const sched_param none = {};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    pthread_setname_np(pthread_self(), "ipjitd-tier2");
    runtime::Allowance allowance(share_, kBurstNs);
    std::unique_lock lock(mutex_);
    while (!stop_) {
      const uint64_t pause_ns = tuner_.round();
      const uint64_t cpu_ns = thread_cpu_ns() + charged_.cpu_ns;
      cpu_ms_ = cpu_ns / 1'000'000;
      const uint64_t rest_ns = allowance.pause_ns(runtime::monotonic_ns(), cpu_ns);
      wake_.wait_for(lock, std::chrono::nanoseconds(std::max(pause_ns, rest_ns)),
                     [this] { return stop_.load(); });
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> cpu_ms_{0};
  tier1::Tier1 tier1_;
  tier2::RemoteTier2 remote_;
  Charged charged_;
  Tuner tuner_;
  double share_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

class StatusFile {
 public:
  StatusFile(const LoopOptions& options, Log& log)
      : path_(options.status_path),
        log_(log),
        cpu_{.tier1_percent = std::lround(options.tier1_share * 100),
             .tier2_percent = std::lround(options.tier2_share * 100)} {}
  ~StatusFile() {
    if (!path_.empty()) unlink(path_.c_str());  // nobody decides any more
  }

  /// Whether something has changed that it does not show.
  bool is_old(Table& table) const {
    std::lock_guard lock(table.mutex);
    return !path_.empty() && (shown_ns_ == 0 || shown_changes_ != table.changes);
  }

  /// Not all the time, and not while there is something to do, but not for ever either.
  bool is_due(bool busy) const {
    return runtime::monotonic_ns() >= shown_ns_ + (busy ? kBusyStatusNs : kStatusNs);
  }

  void show(const Daemon& daemon, Table& table, const TuneCounts& tune) {
    {
      std::lock_guard lock(table.mutex);
      shown_changes_ = table.changes;
    }
    shown_ns_ = runtime::monotonic_ns();
    cpu_.tier1_ms = thread_cpu_ns() / 1'000'000;
    if (Status written = write_whole(path_, status_json(daemon, table, tune, cpu_)); !written)
      log_.say_seldom(Level::kWarning, "status", to_string(written.error()));
  }

 private:
  std::string path_;
  Log& log_;
  CpuBudget cpu_;
  uint64_t shown_ns_ = 0, shown_changes_ = 0;
};

/// The first compile of a process takes a hundred times as long as the next one: its code comes
/// from disk.  The first filter should not wait for that.
void warm_up(const ipjit_dev_info& info) {
  static constexpr bpf::Insn kUdpPort9[] = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, 12},
                                            {BPF_JMP | BPF_JEQ | BPF_K, 0, 11, 0x0800},
                                            {BPF_LD | BPF_W | BPF_ABS, 0, 0, 26},
                                            {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0xc0000202},
                                            {BPF_JMP | BPF_JGT | BPF_K, 0, 8, 7},
                                            {BPF_LD | BPF_B | BPF_ABS, 0, 0, 23},
                                            {BPF_JMP | BPF_JEQ | BPF_K, 0, 6, 17},
                                            {BPF_LD | BPF_H | BPF_ABS, 0, 0, 20},
                                            {BPF_JMP | BPF_JSET | BPF_K, 4, 0, 0x1fff},
                                            {BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14},
                                            {BPF_LD | BPF_H | BPF_IND, 0, 0, 16},
                                            {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 9},
                                            {BPF_RET | BPF_K, 0, 0, 65535},
                                            {BPF_RET | BPF_K, 0, 0, 0}};
  (void)kernel::compile(kUdpPort9, {.isa = info.isa, .fields = info.fields, .constant_seed = 0});
}

enum class Came : uint8_t { kTime, kEvent, kSignal };

Result<Came> wait(int events, int stop, uint64_t pause_ns) {
  pollfd fds[] = {{events, POLLIN, 0}, {stop, POLLIN, 0}};
  const timespec pause = {static_cast<time_t>(pause_ns / 1'000'000'000),
                          static_cast<long>(pause_ns % 1'000'000'000)};
  if (ppoll(fds, std::size(fds), &pause, nullptr) < 0) {
    if (errno == EINTR) return Came::kTime;
    return Error{Stage::kRuntime, Code::kIo, 0,
                 std::string("waiting for events: ") + std::strerror(errno)};
  }
  if (fds[1].revents) return Came::kSignal;
  return fds[0].revents ? Came::kEvent : Came::kTime;
}

}  // namespace

Status serve(std::unique_ptr<kernel::Device> device, Log& log, const LoopOptions& options) {
  Result<int> signals = tier2::stop_signals();
  if (!signals) return signals.error();
  const tier2::Fd stop(*signals);
  Table table;
  Daemon daemon(*device, table, log, {.now_ns = runtime::monotonic_ns, .random = unforeseeable});
  if (Status started = daemon.start(); !started) return started;
  warm_up(daemon.info());
  log.say(Level::kInfo, "serving " + std::to_string(daemon.info().filters) + " filters, mode " +
                            kernel::word_of(static_cast<ipjit_dev_mode>(daemon.info().mode)));
  std::optional<TuningThread> tuning;
  if (options.tier2) {
    tuning.emplace(*device, table, log, options);
    if (Status started = tuning->start(); !started) {
      log.say(Level::kWarning, "no tier 2: " + to_string(started.error()));
      tuning.reset();
    }
  }
  StatusFile status(options, log);
  runtime::Allowance allowance(options.tier1_share, kBurstNs);
  Came came = Came::kTime;
  while (came != Came::kSignal) {
    Result<uint64_t> pause_ns = daemon.round();
    if (!pause_ns) return pause_ns.error();
    const bool old = status.is_old(table);
    if (old && status.is_due(came == Came::kEvent || *pause_ns == 0))
      status.show(daemon, table, tuning ? tuning->counts() : TuneCounts());
    else if (old)
      *pause_ns = std::min(*pause_ns, kQuietNs);
    const uint64_t rest_ns = allowance.pause_ns(runtime::monotonic_ns(), thread_cpu_ns());
    // Nobody's packets wait: events that come while the allowance is used up are read afterwards.
    Result<Came> woken =
        rest_ns ? wait(-1, stop.get(), rest_ns) : wait(device->event_fd(), stop.get(), *pause_ns);
    if (!woken) return woken.error();
    came = *woken;
  }
  log.say(Level::kInfo, "ending; filters go on with what they run");
  return ok();
}

}  // namespace ipjit::daemon
