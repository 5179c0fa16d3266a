// SPDX-License-Identifier: BSD-2-Clause
// Tier 1 for the kernel's filters, as a function of events and time.
//
//   Daemon daemon(device, table, log, tools);
//   if (Status started = daemon.start(); !started) ...
//   while (...) { uint64_t pause_ns = *daemon.round(); poll(device.event_fd(), pause_ns); }
//
// Clock, compiler and randomness are passed in, so that every step can be tested with a device that
// is not there; loop.h is the loop above.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "ir/special/decide.h"
#include "runtime/kernel/device.h"
#include "tools/ipjitd/backlog.h"
#include "tools/ipjitd/known.h"
#include "tools/ipjitd/log.h"

namespace ipjit::daemon {

struct Tools {
  std::function<uint64_t()> now_ns;  ///< monotonic
  std::function<uint64_t()> random;  ///< for constants that nobody may foresee
  std::function<Result<kernel::Unit>(std::span<const bpf::Insn>, const kernel::Machine&)> compile =
      kernel::compile;
  ir::Policy policy = {};  ///< its back-off
};

/// Since the start.
struct Counts {
  uint64_t installs = 0;
  uint64_t refused_compile = 0;   ///< by our compiler or our verifier
  uint64_t refused_verifier = 0;  ///< by the kernel's verifier
  uint64_t refused_kernel = 0;    ///< by the module: budgets, limits, hardening
  uint64_t stale = 0;             ///< somebody was quicker
  uint64_t gone = 0;              ///< the filter went meanwhile
  uint64_t events = 0;
  uint64_t events_lost = 0;

  bool operator==(const Counts&) const = default;
};

class Daemon {
 public:
  Daemon(kernel::Device& device, Table& table, Log& log, Tools tools)
      : device_(device), table_(table), log_(log), tools_(std::move(tools)) {}

  /// Claims the device and looks what there is.
  /// Fails: kBusy: another daemon serves; as the device's calls.
  Status start();

  /// Reads events, compiles for some of those that wait, and looks at the list from time to time.
  /// Gives: ns until there may be something to do without an event; 0: more waits.
  /// Fails: as the device, where it can no longer be spoken to.
  Result<uint64_t> round();

  const Counts& counts() const { return counts_; }
  const ipjit_dev_info& info() const { return info_; }
  size_t waiting() const { return backlog_.size() + unprepared_.size(); }

  static constexpr uint32_t kInstallsInRound = 16;
  static constexpr uint64_t kLookNs = 1'000'000'000;  ///< between two lists

 private:
  Status look();
  void take_in(const ipjit_dev_filter& filter, uint64_t now);
  void hear(const ipjit_dev_event& event);
  void attached(uint64_t id);
  void refresh(uint64_t id);
  void serve(uint64_t id);
  void prepare(uint64_t id);
  Result<Prepared> compile(uint64_t id, bool hardened);
  kernel::Offer offer_of(uint64_t id, uint64_t expected, const Prepared& prepared) const;
  void installed(uint64_t id, uint64_t version, std::shared_ptr<const Prepared> prepared,
                 uint64_t compile_ns, uint64_t install_ns);
  void refused(uint64_t id, const Error& error);
  void refused_here(uint64_t id, const Error& error, bool hardened);
  void forget(uint64_t id);

  kernel::Device& device_;
  Table& table_;
  Log& log_;
  Tools tools_;
  ipjit_dev_info info_ = {};
  Backlog backlog_;     ///< run the kernel's own code
  Backlog unprepared_;  ///< run code of a daemon before us, which tier 2 cannot begin with
  Counts counts_;
  bool look_now_ = false;
  uint64_t looked_ns_ = 0;
};

}  // namespace ipjit::daemon
