// SPDX-License-Identifier: BSD-2-Clause
// Whatever decides about received packets, a burst at a time.
//
// The packets of a burst come with their headers and first bytes asked for (run.cpp), as DPDK's
// drivers and examples do it, so that no engine has to.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/dpdk/dpdk.h"
#include "ipjit/error.h"

namespace ipjit::pktbench {

/// Where a filter of ours stands.
struct Standing {
  uint64_t tier = 0;      ///< 0 interpreter, 1 general native code, 2 specialised code
  uint64_t builds = 0;    ///< specialised programs published
  uint64_t retreats = 0;  ///< times that the general code came back
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// verdicts[i] for mbufs[i]: bytes to accept, or a rule's number; 0: no.
  /// Several lcores may call it at a time.
  virtual void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) = 0;

  virtual std::optional<Standing> standing() const { return std::nullopt; }

  /// More traffic would make it faster yet: it is not to be measured.
  virtual bool settling() const { return false; }

  /// What it is by now: "tier2 (asmjit)".  Empty: what its name says.
  virtual std::string state() const { return ""; }
};

/// An engine in a table, or why it is not there.
struct Candidate {
  std::string name;
  Result<std::shared_ptr<Engine>> engine;
  std::vector<std::string> known_bugs = {};  ///< that this program meets in it
};

/// Packets, engines that decide about them, and what the verdicts must be.
struct Contest {
  std::string name;       ///< "c"
  std::string described;  ///< "tcp port 80"
  std::vector<Candidate> candidates;
  std::vector<uint32_t> expected;  ///< by the packet's place in the traffic
};

}  // namespace ipjit::pktbench
