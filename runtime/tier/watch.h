// SPDX-License-Identifier: BSD-2-Clause
// When a thread looks up from its packets, and for what.
//
//   packets ........................XXXXXXXXXXXXXXXX..............................XXXXXXXXXXXXXXXX
//                                     a window: heads copied, runs timed            4 ms later
//             ....................?.........................?.........................?.............
//                                 a check: do too many packets leave by a guard?
//
// Windows hold packets in a row, because what a branch predictor does with one packet depends on
// those before it.  Both distances are counted in packets, so that a packet in between costs one
// compare, and follow the rate, so that the cost is a share of time: a window takes about 2 us.
#pragma once

#include <atomic>
#include <cstdint>

namespace ipjit::runtime {

/// One thread's in one filter; zeroed at first.
/// Thread: its owner alone writes.  Signal: a handler's runs may change it between any two
/// statements of its owner; every value that can come of that is a valid one.
class alignas(64) Watch {
 public:
  static constexpr uint64_t kFirstWindow = 4096;  ///< packets of a thread before its first
  static constexpr uint64_t kWindow = 16;         ///< packets
  static constexpr uint64_t kFreshWindows = 64;   ///< of new code: so many come every kFreshNs
  static constexpr uint64_t kFreshNs = 1'000'000;
  static constexpr uint64_t kSteadyNs = 4'000'000;
  static constexpr uint64_t kMinPeriod = 256;  ///< packets
  static constexpr uint64_t kMaxPeriod = 1 << 22;
  static constexpr uint64_t kMaxCheck = 65'536;
  static constexpr uint64_t kFirstCheck = 1024;  ///< packets of a program before its first check

  /// Packets of this thread from which the owner must call visit().
  uint64_t next_at() const { return get(next_at_); }

  /// As at first: packets are counted anew.
  void restart();

  /// Every other window: specialised code is compared with general code in turns.
  bool odd_window() const { return get(windows_) % 2 != 0; }

  struct Visit {
    bool sample = false;  ///< copy and time this packet, then call sampled()
    bool check = false;   ///< then call check()
  };

  /// Takes: the thread's packets so far; the program that runs, to notice a new one; whether it is
  ///        specialised; whether it counts guard failures.
  Visit visit(uint64_t left, const void* program, bool special, bool counts);

  struct Check {
    uint64_t packets = 0;   ///< since the last look at this program
    uint64_t failures = 0;  ///< of these
  };

  /// Takes: what the thread's line of the program's counters says; 0 where it has none.
  Check check(uint64_t left, uint64_t failures);

  /// What a whole window says.
  struct Window {
    bool over = false;  ///< the others are set
    uint64_t packets = 0;
    uint64_t ticks = 0;             ///< all of them together, interrupted ones left out
    double packets_per_second = 0;  ///< of this thread, since its last window; 0: first
    bool of_one_program = false;    ///< all packets since the last window
    uint64_t now_ns = 0;
  };

  /// One packet of a window took so many ticks.  `clock()` gives ns, and is asked once a window.
  template <class Clock>
  Window sampled(uint64_t left, uint64_t ticks, Clock clock) {
    add(ticks);
    const uint64_t to_go = get(to_go_);
    set(to_go_, to_go - (to_go != 0));
    if (to_go > 1) {
      set(next_at_, left + 1);
      return {};
    }
    return end_window(left, clock());
  }

 private:
  // Relaxed atomics, because a thread inherits the Watch of a dead one without a word from it.
  using Word = std::atomic<uint64_t>;
  static uint64_t get(const Word& word) { return word.load(std::memory_order_relaxed); }
  static void set(Word& word, uint64_t value) { word.store(value, std::memory_order_relaxed); }

  void add(uint64_t ticks);
  Window end_window(uint64_t left, uint64_t now_ns);
  void set_next(uint64_t left);

  Word next_at_;
  Word to_go_;      ///< packets of this window still to come
  Word window_at_;  ///< packets at which the next one begins; 0: not yet known
  Word check_at_;
  Word check_period_;
  Word program_;           ///< that was seen last
  Word changed_;           ///< since the last window
  Word checked_left_;      ///< at the last check of it
  Word checked_failures_;  ///< at the last check of it
  Word ticks_;             ///< of this window, the largest left out
  Word largest_;           ///< ticks of one packet of this window
  Word taken_;             ///< packets of this window
  Word windows_;
  Word period_;   ///< packets between the last two windows
  Word last_ns_;  ///< end of the last window
  Word last_left_;
};

}  // namespace ipjit::runtime
