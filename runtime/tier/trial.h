// SPDX-License-Identifier: BSD-2-Clause
// Do the packets of the program that calls get through more quickly with specialised code?
//
// A race (race.h) runs samples again and again: they lie in the first cache, and the branches
// before them are the race's, not the traffic's.  Windows (calling_thread.cpp) time single packets,
// which keeps neighbours from overlapping.  What counts neither sees: the time that passes between
// two packets of the thread, with filter, memory and caller.  Code that executes more instructions
// so as to guess less loses where packets come from far away, because the processor then sees fewer
// of them ahead.  Such times can only be compared before and behind a change of code:
//
//   general code               advance             specialised code, on trial
//   -------w-------w-------w------|--------w-------w-------w-------w----------> for good, or back
//      the last 32 times between two windows      32 of them
//
// Memory that was quick may become slow later, and code that guesses less then loses.  So what has
// won its trial goes on being timed, 32 at a time: where it takes clearly longer than at its
// quickest since, twice in a row, it is in doubt, and has another trial.  For all that anybody
// knows the packets have become dearer for any code; then it wins, and the next doubt waits twice
// as long.
//
//   specialised code, in doubt | general code, 16 times | specialised code, on trial
//
// A rate that changes at the same moment looks alike.  So a trial is held only where the caller
// does little else than filter, and its packets do not come slower than they are taken: a time with
// a pause in it is compared with none, and of the last 32 half must be without.  Specialised code
// that came when they were not is in doubt as soon as the caller is busy, and has its trial then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "runtime/tier/evidence.h"

namespace ipjit::runtime {

/// The last few times, without a lock: a lost one is lost.  Signal: safe.
class Times {
 public:
  static constexpr size_t kKept = 32;

  /// Takes: picoseconds of a packet.
  void add(double ps);
  void reset() { count_.store(0, std::memory_order_relaxed); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

  struct Quartiles {
    size_t count = 0;
    double lower = 0, median = 0, upper = 0;
  };
  /// Gives: of those that were added since reset(), of the last kKept, and are not longer than
  ///        `longest`; all 0 where there are none.
  Quartiles quartiles(double longest) const;

 private:
  std::atomic<uint64_t> count_{0};
  std::array<std::atomic<uint64_t>, kKept> ps_{};
};

/// Thread: threads that run packets call general_took(), special_took() and falls_in_doubt(); who
/// changes the code, the others.  Signal: all are safe.
class Trial {
 public:
  static constexpr uint64_t kTimes = Times::kKept;
  static constexpr uint64_t kFirstWaitNs = 1'000'000'000;  ///< from a trial to a doubt
  static constexpr uint64_t kLongestWaitNs = 64'000'000'000;

  void general_took(double ps) { general_.add(ps); }
  /// Enough is known of the general code for a trial.
  bool knows_general() const;

  /// Specialised code takes the general code's place.
  /// Takes: picoseconds that a packet takes the slower code alone; 0: unknown, no trial.
  void begin(double code_ps);
  /// Other specialised code takes the place of that which may be on trial.
  void begin_anew() { special_.reset(); }
  /// General code runs again: what it takes now.
  void end() { general_.reset(); }
  /// What has won, or is on trial, will not run again, or will be judged no more.
  void forget();

  /// Gives: kMore as long as the trial lasts; kSlower or kFine ends it.
  Verdict special_took(double ps, uint64_t now_ns);

  /// Takes: as special_took() and begin().
  /// Gives: whether code that has won its trial, or had none, takes clearly longer now; said once.
  bool falls_in_doubt(double ps, uint64_t now_ns, double code_ps);

 private:
  /// Gives: of the group that this time completes; none where it completes none.
  std::optional<Times::Quartiles> group_of(double ps, double longest);
  void win(const Times::Quartiles& times);
  void win_more(const Times::Quartiles& times);

  // Of the general code, when its place was taken; what is on trial loses beyond both.
  std::atomic<double> median_ps_{0};   ///< 0: no trial
  std::atomic<double> upper_ps_{0};    ///< three of four times
  std::atomic<double> longest_ps_{0};  ///< that is compared
  std::atomic<bool> seldom_paused_{false};
  // Of what has won, at its quickest since, or when it was in doubt last.
  std::atomic<double> won_median_ps_{0};  ///< 0: nothing runs that could be in doubt
  std::atomic<double> won_upper_ps_{0};
  std::atomic<bool> was_slow_{false};  ///< once may be chance
  std::atomic<uint64_t> no_doubt_until_ns_{0}, wait_ns_{kFirstWaitNs};
  Times general_, special_;
};

}  // namespace ipjit::runtime
