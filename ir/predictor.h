// SPDX-License-Identifier: BSD-2-Clause
// How often a processor would guess a branch wrong.
//
// A bias is not enough: a branch that alternates is even and is never missed, and one that follows
// from an earlier branch of the same packet costs nothing.  So outcomes go through a small
// tournament of predictors, as processors have them: by the branch's own bias, by its own last
// outcomes, and by the last outcomes of all branches at two lengths.  For each branch the one that
// has done best lately speaks.
//
// Samples have gaps.  After one nothing is known of the outcomes before; histories begin with
// length 0 and their length is part of the context, so that short ones learn for themselves.  What
// was guessed in the first packet after a gap counts only where little else is known (rate()).
//
// What it is not: a model of one processor.  Real ones see longer histories than a few thousand
// samples can fill, so rates are from above for patterns longer than 16 branches.
//
// Tested by tests/ir/predictor_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace ipjit::ir {

class Predictor {
 public:
  /// Takes: how many branches and switches there are.
  explicit Predictor(uint32_t sites);

  /// A packet begins; unless it follows the last one, what came just before it is not known.
  void packet(bool follows);

  void branch(uint32_t site, bool taken);

  /// Which of several ways a switch has gone.
  void switched(uint32_t site, uint32_t way);

  /// The share of the site's runs since forget_counts() that were guessed wrong.
  double rate(uint32_t site) const;

  /// Begins to count anew; what has been learnt stays.
  void forget_counts();

 private:
  static constexpr uint32_t kKinds = 4;  // bias, own history, 8 and 16 branches of all
  static constexpr uint32_t kOwn = 6;    // outcomes

  struct Site {
    std::array<float, kKinds> score = {};  // right guesses, of late more than of old
    uint32_t own = 0;                      // last outcomes, the last one in bit 0
    uint32_t own_length = 0;
    uint64_t gap = 0;  // own is from before this gap or from behind it
    uint64_t runs = 0, misses = 0;
    uint64_t blind_runs = 0, blind_misses = 0;  // in first packets after a gap
  };

  using Slots = std::array<uint32_t, kKinds>;

  Slots slots_of(uint32_t site);
  void count(Site& site, const std::array<bool, kKinds>& right);
  void remember(Site& site, uint32_t outcome);

  std::vector<Site> sites_;
  uint32_t mask_;
  std::vector<uint8_t> counters_[kKinds];  // 0 to 7; 4 and more: taken
  std::vector<uint32_t> ways_[kKinds];     // of switches: the way, and how sure, in the high byte
  uint64_t all_ = 0;                       // last outcomes of all branches
  uint32_t all_length_ = 0;
  uint64_t gap_ = 0;  // how many there have been
  bool blind_ = true;
};

}  // namespace ipjit::ir
