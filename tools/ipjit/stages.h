// SPDX-License-Identifier: BSD-2-Clause
// The pipeline with every stage's product kept, for looking at; runtime::build() keeps only what
// runs.
#pragma once

#include <optional>
#include <span>

#include "arch-detect/target.h"
#include "bpf-frontend/insn.h"
#include "ipjit/engine.h"
#include "ipjit/error.h"
#include "ir/compiler.h"
#include "ir/program.h"

namespace ipjit::cli {

struct StagesRequest {
  bpf::Dialect dialect = bpf::Dialect::kLibpcap;
  Engine engine = Engine::kTier1;  ///< kInterp: no machine code
  const arch::Target* target = nullptr;
  bool optimize = true;  ///< the IR
};

struct Stages {
  ir::Program program;
  std::optional<ir::MachineCode> code = {};  ///< verified
  uint32_t machine_insns = 0;
};

/// Fails: as the stage that refuses; kUnavailable for a tier that this build lacks.
Result<Stages> compile_stages(std::span<const bpf::Insn> insns, const StagesRequest& request);

}  // namespace ipjit::cli
