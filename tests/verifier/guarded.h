// SPDX-License-Identifier: BSD-2-Clause
// Runs accepted code in a child process that notices every step outside the contract.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ipjit/abi.h"

namespace ipjit::verifier {

struct GuardedUnit {
  std::vector<uint8_t> bytes;
  uint32_t code_len = 0;
  ipjit_contract contract = {};
};

/// Runs each unit on `packets` inputs derived from `seed`, each twice with different rubbish in
/// everything that the contract does not let the code see.  A run must not fault or hang, must
/// write nothing but its frame, its action list and its counters, must restore the registers and
/// the stack, must return an allowed result, and the rubbish must not show in it.
///
/// Gives: for each unit that misbehaved, its index and what it did.
/// Cost:  one process for all, a few microseconds a run.
struct Misbehaved {
  size_t unit = 0;
  std::string what;
};
std::vector<Misbehaved> run_guarded(std::span<const GuardedUnit> units, uint32_t packets,
                                    uint64_t seed);

}  // namespace ipjit::verifier
