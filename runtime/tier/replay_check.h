// SPDX-License-Identifier: BSD-2-Clause
// Does specialised code give the general program's results?  The last question before it runs.
//
// The verifier has proved that the code is safe; this looks whether it is right: on the packets
// that were sampled, on each of them cut at every length, and on packets that are nearly what a
// guard or a compare asks for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/program.h"
#include "ir/special/specialise.h"
#include "runtime/tier/sample_ring.h"
#include "runtime/tier/subject.h"

namespace ipjit::runtime {

struct EdgePacket {
  std::vector<uint8_t> bytes;
  std::array<uint32_t, IPJIT_FIELD_COUNT> fields = {};
};

/// What the interpreter says and the code does not.
struct Disagreement {
  EdgePacket packet;
  uint64_t wanted = 0;  ///< of the general program in the interpreter; native ABI
  uint64_t got = 0;
};

struct ReplayReport {
  uint64_t runs = 0;
  std::optional<Disagreement> disagreement = {};
};

/// Takes: code that keeps `facts`; packets that break them are left out.
/// Cost:  at most `max_runs` runs of the interpreter.
ReplayReport replay_check(const ir::Program& general, const Subject& special,
                          std::span<const Head> heads, const ir::Facts& facts,
                          uint64_t max_runs = 8'000);

/// Keeps what somebody needs to find the fault: both programs as text, the code, the packet and the
/// results, in a file below `directory`, which is made; at most kMaxReproducers.
/// Gives: the path; empty where there is no place for it.
std::string write_reproducer(const std::string& directory, const ir::Program& general,
                             const Subject& special, const std::string& backend,
                             const Disagreement& disagreement);

inline constexpr size_t kMaxReproducers = 16;

/// XDG_STATE_HOME/ipjit, or HOME/.local/state/ipjit; empty without either, and in processes that
/// gained privileges.
std::string reproducer_directory();

}  // namespace ipjit::runtime
