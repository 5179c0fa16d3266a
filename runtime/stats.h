// SPDX-License-Identifier: BSD-2-Clause
// What filters did, of every process on this machine: the reading end of stats_file.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/tier/numbers.h"

namespace ipjit::runtime {

/// One filter of one process, as it stands or as it ended.
struct FilterRecord {
  pid_t pid = 0;
  uid_t uid = 0;
  std::string comm;          ///< the program's short name
  bool alive = false;        ///< the process runs and has not freed the filter
  uint64_t started_ns = 0;   ///< CLOCK_REALTIME when the filter was made
  uint64_t finished_ns = 0;  ///< CLOCK_REALTIME when it was freed or last heard of; 0: alive

  std::string name;          ///< expression, or what the program called it
  std::string engine;        ///< "tier1"
  std::string dialect;       ///< "libpcap"
  std::string note;          ///< one sentence for a person; often empty
  std::string last_refusal;  ///< "verifier: 17: kRefused: ..."; empty: none

  uint64_t packets = 0;
  uint64_t matched = 0;
  uint64_t swaps = 0;     ///< programs published after the first
  uint64_t refusals = 0;  ///< compiles that a tier or the verifier refused
  uint64_t code_bytes = 0;
  uint64_t table_bytes = 0;
  uint64_t compile_ns = 0;  ///< of the current program

  uint64_t samples = 0;      ///< packets timed, on this engine and on the one it replaced
  double ns_per_packet = 0;  ///< mean over samples; 0 without
  double replaced_ns_per_packet = 0;
  double saved_seconds = 0;  ///< (replaced - ours) * packets; below 0 where ours is slower

  TierRecord tier;  ///< why this engine runs, and what else was tried

  bool operator==(const FilterRecord&) const = default;
};

inline constexpr size_t kFinishedKept = 100;  ///< finished filters kept and shown for each user

/// Every filter whose record this user may read (root: all users'), live ones first, then the
/// finished, youngest first.
///
/// Gives: an empty list where there is none, or where /dev/shm cannot be read.
/// Cost:  reads every file in the directories; no filter waits for it.
std::vector<FilterRecord> read_all_stats();

/// The same from another directory than /dev/shm, for tests.
std::vector<FilterRecord> read_all_stats(const std::string& root);

/// Every filter of processes with this pid that is still remembered, in the same order.  Other
/// processes' younger filters do not push them out, until their file is pruned.
std::vector<FilterRecord> read_stats_of(pid_t pid, const std::string& root = "/dev/shm");

/// Deletes what this user's dead processes left beyond the youngest kFinishedKept filters.
void prune_stats(const std::string& root);

}  // namespace ipjit::runtime
