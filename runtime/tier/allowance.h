// SPDX-License-Identifier: BSD-2-Clause
// Processor time that work in the background may take.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ipjit::runtime {

/// A share of one processor in the long run, some of it at once.  Both clocks are the caller's.
class Allowance {
 public:
  /// Takes: the share; ns that may be used at once.
  Allowance(double share, double burst_ns)
      : share_(share), burst_ns_(burst_ns), credit_ns_(burst_ns) {}

  /// Takes: wall clock; processor time used so far by whoever is accounted for.
  /// Gives: ns to pause before more is used; 0: go on.
  uint64_t pause_ns(uint64_t now_ns, uint64_t cpu_ns) {
    if (last_ns_)
      credit_ns_ += static_cast<double>(now_ns - last_ns_) * share_ -
                    static_cast<double>(cpu_ns - last_cpu_ns_);
    credit_ns_ = std::min(credit_ns_, burst_ns_);
    last_ns_ = now_ns;
    last_cpu_ns_ = cpu_ns;
    return credit_ns_ < 0 ? static_cast<uint64_t>(-credit_ns_ / share_) : 0;
  }

 private:
  double share_, burst_ns_, credit_ns_;
  uint64_t last_ns_ = 0, last_cpu_ns_ = 0;
};

}  // namespace ipjit::runtime
