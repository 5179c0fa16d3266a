// SPDX-License-Identifier: BSD-2-Clause
// How long a random test may run: IPJIT_TEST_SECONDS for all of tests/verifier, 20 by default.
#pragma once

#include <chrono>
#include <cstdlib>

namespace ipjit::verifier {

class Budget {
 public:
  /// `share` of the seconds.
  explicit Budget(double share) {
    const char* text = std::getenv("IPJIT_TEST_SECONDS");
    const double seconds = (text != nullptr ? std::atof(text) : 20.0) * share;
    end_ = std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(
               std::chrono::duration<double>(seconds));
  }
  bool spent() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace ipjit::verifier
