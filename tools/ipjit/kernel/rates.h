// SPDX-License-Identifier: BSD-2-Clause
// The kernel's filters in `ipjit top`: the difference between two readings.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/ipjit/kernel/table.h"

namespace ipjit::cli {

struct KernelRate {
  ipjit_dev_filter filter = {};  ///< as it stands at the end
  std::string engine = {};
  double packets_per_second = 0;
  double native_share = 0;  ///< of the interval's packets; of all packets where it has none
};

class KernelRates {
 public:
  /// Takes: a reading and its time, ns of any clock.
  /// Gives: a rate for each filter, busiest first; 0 packets a second at a filter's first reading.
  std::vector<KernelRate> next(const KernelView& view, uint64_t now_ns);

 private:
  std::map<uint64_t, ipjit_dev_filter> seen_ = {};
  uint64_t at_ns_ = 0;
};

/// A heading and a line for each filter; nothing where there are none.
std::vector<std::string> kernel_rate_lines(const std::vector<KernelRate>& rates, size_t columns,
                                           const InterfaceName& name);

nlohmann::ordered_json kernel_rates_json(const std::vector<KernelRate>& rates,
                                         const InterfaceName& name);

}  // namespace ipjit::cli
