// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 for the kernel's filters, as a function of samples and time.
//
// The same study of traffic, decision and checks as for filters of a process (runtime/tier/); what
// is different is who runs packets: the kernel samples them, watches the guard counter by itself
// and says afterwards that it has retreated.  No fact is assumed of a filter: a socket can be bound
// to another interface at any time without a word to us, so its interface is a guard like any other
// value, not a constant.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "runtime/kernel/device.h"
#include "runtime/kernel/samples.h"
#include "runtime/kernel/trial.h"
#include "runtime/tier/tiering.h"
#include "tools/ipjitd/known.h"
#include "tools/ipjitd/log.h"
#include "tools/ipjitd/status.h"

namespace ipjit::daemon {

class Tuner {
 public:
  /// Takes: `tools` as Tiering does; `random` for constants that nobody may foresee.
  Tuner(kernel::Device& device, Table& table, Log& log, runtime::TieringTools tools,
        std::function<uint64_t()> random);
  ~Tuner();

  /// Maps the samples.
  /// Fails: as the device, and where the area is none.
  Status start();

  /// Reads samples, and for filters whose policy period is over decides and acts.
  /// Thread: one at a time; the Daemon may run beside it.
  /// Gives: ns until there may be something to do.
  uint64_t round();

  /// Thread: any.
  TuneCounts counts() const;

  static constexpr size_t kStudies = 128;           ///< filters whose traffic is kept in mind
  static constexpr uint64_t kSamplesInRound = 128;  ///< of each CPU
  static constexpr uint64_t kShortestPeriodNs = 50'000'000;
  static constexpr uint64_t kLongestPeriodNs = 1'000'000'000;

 private:
  struct Filter;
  /// What the table says of a filter, copied.
  struct View {
    ipjit_dev_filter seen = {};
    std::shared_ptr<const Prepared> prepared;
    uint64_t retreated = 0;
    double packets_per_second = 0;
  };

  std::map<uint64_t, View> look() const;
  void follow(const std::map<uint64_t, View>& views);
  Filter* filter_of(uint64_t id, const std::map<uint64_t, View>& views);
  void make_room();
  void drain(const std::map<uint64_t, View>& views);
  void compare(Filter& filter, const ipjit_dev_sample& sample, uint64_t result);
  void distrust(const Filter& filter);
  uint64_t step(Filter& filter);
  void heed_retreat(Filter& filter);
  void run_race(Filter& filter);
  void count_guards(Filter& filter);
  ir::Decision judge(Filter& filter);
  void act(Filter& filter, const ir::Decision& decision);
  bool build(Filter& filter, const ir::Specialised& made, size_t backend);
  bool try_out(Filter& filter, const kernel::Trial& trial, const runtime::Backend& with);
  bool publish(Filter& filter, const kernel::Unit& unit, const runtime::Backend& with);
  void upgrade(Filter& filter);
  void refuse(Filter& filter, const std::string& who, const Error& error);
  void retreat(Filter& filter, const std::string& why);
  void show(Filter& filter, const ir::Situation& now, const ir::Decision& decision);

  kernel::Device& device_;
  Table& table_;
  Log& log_;
  runtime::TieringTools tools_;
  std::function<uint64_t()> random_;
  std::optional<kernel::SampleReader> reader_;
  bool in_a_row_ = false;  ///< every packet is sampled
  std::map<uint64_t, std::unique_ptr<Filter>> filters_;
  mutable std::mutex counts_mutex_;
  TuneCounts counts_;
};

}  // namespace ipjit::daemon
