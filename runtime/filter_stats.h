// SPDX-License-Identifier: BSD-2-Clause
// One filter's numbers: where its threads count, and what others may read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ipjit/error.h"
#include "runtime/pipeline.h"
#include "runtime/stats.h"
#include "runtime/stats_file.h"
#include "runtime/thread_index.h"

namespace ipjit::runtime {

/// Thread: everything but open() and the destructor from any thread at any time.
class FilterStats {
 public:
  /// Makes a record in this process's file, or a private one where there is no file.
  static std::unique_ptr<FilterStats> open(const std::string& name, bpf::Dialect dialect);

  ~FilterStats();
  FilterStats(const FilterStats&) = delete;
  FilterStats& operator=(const FilterStats&) = delete;

  /// Where threads count, at one address until the destructor; zeros at first.
  Stripe* stripes() const { return working_->stripes(); }
  SharedStripe& shared() const { return working_->shared; }

  /// A program became the filter's.  The caller holds runtime_lock().
  void published(const Unit& unit, bool first);

  /// Specialised code took its place.  The caller holds runtime_lock().
  void specialised(const Unit& unit, const std::string& backend);

  /// Where tiering counts; until the destructor.
  TierNumbers& tier() const { return working_->tier; }

  /// The last decision's reasons: whole sentences, one a line; what does not fit is left out from
  /// the front.  The caller holds runtime_lock().
  void set_why(const std::string& why);

  /// A program did not: the filter keeps the one it had.
  void refused(const Error& error);

  void set_engine(const std::string& engine);
  void set_note(const std::string& note);

  /// One packet was timed on both engines.  Signal-safe.
  void sampled(int64_t ours_ps, int64_t replaced_ps);

  uint64_t packets() const { return totals_of(*working_, stripe_count()).packets; }

  /// What `ipjit stats` would show now.
  FilterRecord record() const;

  /// Copies the totals to the file, where threads do not count in the file itself.  Signal-safe;
  /// does nothing if the lock is taken.
  void show();

  static void show_all();
  static void restart_all_in_child();  ///< fork.cpp

 private:
  FilterStats() = default;
  void show_locked();
  void restart();

  StatsRecord* working_ = nullptr;  ///< counted in
  StatsRecord* shown_ = nullptr;    ///< in the file, where working_ is not
  bool private_ = false;            ///< working_ is not in this process's file
  bool owned_ = false;              ///< working_ came from aligned_alloc()
  FilterStats* next_ = nullptr;     ///< all live ones
  FilterStats** link_ = nullptr;
};

/// Where the files lie: /dev/shm unless a test says otherwise, before the first filter.
void set_stats_root(const std::string& root);

/// What one record says about the filter, without who wrote it.
FilterRecord read_record(const StatsRecord& record, uint32_t stripes);

}  // namespace ipjit::runtime
