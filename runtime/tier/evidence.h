// SPDX-License-Identifier: BSD-2-Clause
// Is this code slower than that one, or is the machine busy?
//
//   laps of a race            ratio_of()        1.08 +- 0.02
//   races, one a period       Standing          1.08 +- 0.01 over two of them: that is no chance
//   windows of a thread       judge_windows()   too few | fine | slower
//
// Times of single packets are noise with a signal in it: caches, neighbours, interrupts.  A limit
// on the mean alone makes tiers flap; so every time carries its standard error, and nobody acts on
// a difference that is not several errors beyond the limit.  A busy machine makes the errors large
// and the judges slow, not wrong.
//
// All of it is arithmetic on what is passed in.
#pragma once

#include <cstdint>
#include <span>

namespace ipjit::runtime {

/// One cost in another's.
struct Ratio {
  double value = 0;  ///< 0: unknown
  double error = 0;  ///< standard error of value

  bool known() const { return value > 0; }
};

/// Both on the same packets, one behind the other.
struct Lap {
  uint64_t rival = 0;
  uint64_t ours = 0;
};

/// What ours takes in what the rival takes; laps in which somebody else ran count for neither.
/// Gives: an unknown ratio for fewer than kFewestLaps.
struct RaceTimes {
  uint64_t rival = 0;  ///< of the laps that count
  uint64_t ours = 0;
  uint64_t laps = 0;
  Ratio ratio;
};
RaceTimes times_of(std::span<const Lap> laps);
inline constexpr uint64_t kFewestLaps = 8;

/// What races say that follow each other: their mean, in which old ones fade.  One that is far from
/// the mean shows that the traffic is another, and begins anew.
class Standing {
 public:
  void add(const Ratio& race);
  void clear() { *this = {}; }

  const Ratio& now() const { return now_; }
  /// One race may have had bad luck as a whole.
  bool settled() const { return races_ >= 2; }

 private:
  Ratio now_;
  uint64_t races_ = 0;
};

/// Sums over windows of a thread's packets; what was added is each window's mean.
struct Windows {
  uint64_t count = 0;
  double sum = 0;
  double squares = 0;

  void add(double mean) {
    ++count;
    sum += mean;
    squares += mean * mean;
  }
};
Ratio ratio_of(const Windows& rival, const Windows& ours);

enum class Verdict : uint8_t { kMore, kFine, kSlower };

/// Has the ratio become much worse than when the code was new?
/// Takes: windows of each so far; how many are wanted before anything is said.
/// Gives: kMore where further windows may bring it out, kFine where a new comparison may begin.
Verdict judge_windows(const Ratio& when_new, const Ratio& now, uint64_t windows, uint64_t wanted);

}  // namespace ipjit::runtime
