// SPDX-License-Identifier: BSD-2-Clause
// Which of two pieces of code is faster on the packets of now?
#pragma once

#include <cstdint>
#include <span>

#include "runtime/tier/evidence.h"
#include "runtime/tier/sample_ring.h"
#include "runtime/tier/subject.h"

namespace ipjit::runtime {

struct Race {
  uint64_t first_ps = 0;  ///< per packet
  uint64_t second_ps = 0;
  Ratio ratio = {};  ///< of the second to the first

  /// The second is worth having in the first's place: it takes at most so much of its time, and
  /// chance alone is not why.
  bool won(double share) const { return ratio.value <= share && ratio.value + ratio.error < 1; }

  /// False where there was too little to run.
  bool run() const { return first_ps != 0 && second_ps != 0; }
};

/// Times both on the sampled packets, in turns.
///
/// Takes: heads in the order in which they were sampled.
/// Cost:  a run of each for each head.
/// Thread: the caller keeps the code alive.
Race race(const Subject& first, const Subject& second, std::span<const Head> heads);

inline constexpr size_t kRaceHeads = 160;  ///< with fewer there is no race

}  // namespace ipjit::runtime
