// SPDX-License-Identifier: BSD-2-Clause
// What the daemon knows of the kernel's filters.
//
//                       who writes              who reads
//   Known               the thread of events    both, under the table's lock
//   Known::tuning       the thread that tunes   both, under the table's lock
//   Prepared            nobody once it is made  both, without a lock
//
// All of it can be lost at any moment and found again: the kernel's list is the truth.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "kernel-glue/uapi/ipjit.h"
#include "runtime/kernel/compile.h"

namespace ipjit::daemon {

/// Where a filter stands with us.
enum class Standing : uint8_t {
  kWaiting,  ///< runs the kernel's own code; its turn will come
  kRuns,     ///< runs code of ours (seen.tier says which)
  kRefused,  ///< somebody refused its code; tried again at `retry_ns`
  kLeft,     ///< stays with the kernel's own code: evicted, wrong once, or no engine of ours
             ///< can run it
};

const char* word_of(Standing standing);

/// A filter's program as tier 1 compiled it: what tier 2 begins with.
struct Prepared {
  bpf::InsnList insns;
  kernel::Machine machine;
  kernel::Unit unit;
};

/// What tier 2 says of a filter.
struct Tuning {
  uint64_t version = 0;          ///< of the specialised code that was installed last; 0: none
  std::string backend;           ///< that made it
  uint64_t samples = 0;          ///< of the profile
  uint64_t builds = 0;           ///< specialised versions installed
  uint64_t refusals = 0;         ///< by a compiler, a verifier, the replay, the race
  uint64_t disagreed = 0;        ///< sampled packets whose verdict was not the interpreter's
  double general_ns = 0;         ///< expected for a packet: the general code
  double current_ns = 0;         ///< what runs
  double candidate_ns = 0;       ///< the best candidate; 0: none was made
  std::vector<std::string> why;  ///< what was done and decided, a sentence each
};

struct Known {
  ipjit_dev_filter seen = {};  ///< as the kernel told it last
  Standing standing = Standing::kWaiting;
  std::string why;                           ///< the standing's reason, a sentence
  std::shared_ptr<const Prepared> prepared;  ///< null: not compiled by this process
  bool unprepared = false;                   ///< nor will it be
  bool distrusted = false;                   ///< its general code disagreed with the interpreter
  uint32_t failures = 0;                     ///< refusals in a row
  uint64_t retry_ns = 0;
  uint64_t retreated = 0;  ///< version that the kernel gave up last, by an event
  double packets_per_second = 0;
  uint64_t counted_ns = 0;  ///< when, and of how many packets
  uint64_t counted_packets = 0;
  Tuning tuning;
};

/// All filters; whoever touches them holds `mutex`.
struct Table {
  std::mutex mutex;
  std::map<uint64_t, Known> filters;  ///< by id
  uint64_t changes = 0;               ///< of what the status file shows
};

}  // namespace ipjit::daemon
