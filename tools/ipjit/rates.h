// SPDX-License-Identifier: BSD-2-Clause
// What filters do now: the difference between two readings of what they have done.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/stats.h"

namespace ipjit::cli {

/// One filter in one interval.
struct Rate {
  runtime::FilterRecord record;  ///< as it stands at the end
  double packets_per_second = 0;
  double matched_share = 0;  ///< of the interval's packets; of all packets where it has none
  double cpu_share = 0;      ///< of one processor, packets_per_second times ns_per_packet
};

/// A filter runs another program than at the last reading.
struct Change {
  uint64_t at_ns = 0;  ///< CLOCK_REALTIME of the reading that saw it
  std::string whose;   ///< "tcpdump 4711"
  std::string filter;
  std::string what;  ///< "tier1 -> tier2 (llvm)", "new", "finished"
  std::string why;   ///< the reason that decided; may be empty

  bool operator==(const Change&) const = default;
};

enum class SortBy : uint8_t { kRate, kCpu, kNs, kSaved, kPid };

class Rates {
 public:
  static constexpr size_t kChangesKept = 64;

  /// Takes: a reading and its time, ns of CLOCK_REALTIME.
  /// Gives: a rate for each live filter; 0 packets a second at a filter's first reading.
  std::vector<Rate> next(const std::vector<runtime::FilterRecord>& records, uint64_t now_ns);

  /// Youngest last.
  const std::deque<Change>& changes() const { return changes_; }

 private:
  using Key = std::tuple<pid_t, uint64_t, std::string>;  ///< pid, started_ns, name
  struct Seen {
    runtime::FilterRecord record;
    uint64_t at_ns = 0;
  };

  void note(const runtime::FilterRecord& record, uint64_t now_ns, const std::string& what);

  std::map<Key, Seen> seen_;
  std::deque<Change> changes_;
  bool first_ = true;
};

/// Greatest first (kPid: least); what is equal, by pid and age.
void sort_rates(std::vector<Rate>& rates, SortBy by);

}  // namespace ipjit::cli
