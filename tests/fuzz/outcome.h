// SPDX-License-Identifier: BSD-2-Clause
// What one run of a program leaves behind: two programs that mean the same leave the same.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "ipjit/abi.h"
#include "ir/interpret.h"
#include "ir/program.h"

namespace ipjit::fuzz {

struct Outcome {
  uint64_t result = 0;
  uint32_t action_count = 0;
  std::array<uint16_t, IPJIT_MAX_ACTIONS> actions = {};
  std::array<uint64_t, IPJIT_MAX_COUNTERS> counters = {};

  bool operator==(const Outcome&) const = default;
};

/// Takes: a valid program.  The transport header begins 20 bytes into the packet.
inline Outcome run(const ir::Program& program, std::span<const uint8_t> packet) {
  ipjit_ctx ctx;
  std::memset(&ctx, 7, sizeof ctx);  // every field readable and not zero
  const size_t transport = std::min<size_t>(packet.size(), 20);
  ctx.th = packet.data() + transport;
  ctx.th_len = packet.size() - transport;
  ipjit_actions actions = {};
  Outcome outcome;
  ctx.actions = &actions;
  ctx.counters = outcome.counters.data();
  outcome.result = ir::interpret(program, packet, ctx);
  outcome.action_count = actions.count;
  std::copy_n(actions.id, actions.count, outcome.actions.begin());
  return outcome;
}

}  // namespace ipjit::fuzz
