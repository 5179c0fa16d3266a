// SPDX-License-Identifier: BSD-2-Clause
// Tier 2 asked for by name: specialised, compiled and verified at once, without waiting for
// traffic.
#pragma once

#include <memory>
#include <span>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "runtime/pipeline.h"
#include "tools/ipjit/stages.h"

namespace ipjit::cli {

struct SpecialUnit {
  std::unique_ptr<runtime::Unit> general;
  std::unique_ptr<runtime::Unit> special;  ///< refers to `general`
};

/// Takes: what the packets are, or none: nothing is known then.
/// Fails: as runtime::build(), as RemoteTier2::compile(); there is no fallback.
Result<SpecialUnit> build_tier2(std::span<const bpf::Insn> insns, bpf::Dialect dialect,
                                const Watch& watch);

}  // namespace ipjit::cli
