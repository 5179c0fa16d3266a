// SPDX-License-Identifier: BSD-2-Clause
// The pipeline with every stage's product kept, for looking at; runtime::build() keeps only what
// runs.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch-detect/target.h"
#include "bpf-frontend/insn.h"
#include "ipjit/engine.h"
#include "ipjit/error.h"
#include "ir/compiler.h"
#include "ir/profile.h"
#include "ir/program.h"
#include "ir/special/specialise.h"

namespace ipjit::cli {

/// Gives the profile of a program whose sites are numbered: of a file, of a capture.
using Watch = std::function<Result<ir::Profile>(const ir::Program& general)>;

struct StagesRequest {
  bpf::Dialect dialect = bpf::Dialect::kLibpcap;
  Engine engine = Engine::kTier1;  ///< kInterp: no machine code
  const arch::Target* target = nullptr;
  bool optimize = true;  ///< the IR
  bool special = false;  ///< specialise for what `watch` gives
  Watch watch = {};      ///< none: nothing is known of the traffic
  ir::Choices choices = {};
};

/// What the specialiser was given and what it said.
struct Special {
  ir::Program general;
  ir::Profile profile = {};
  ir::Profile known = {};  ///< the same and branches that only the specialised program has
  std::vector<std::string> log = {};
  bool changed = false;
};

struct Stages {
  ir::Program program;                       ///< specialised where that was asked for
  std::optional<Special> special = {};       ///< then
  std::optional<ir::MachineCode> code = {};  ///< verified
  uint32_t machine_insns = 0;
  std::string compiler_note = {};  ///< for a person; may be empty
};

/// Fails: as the stage that refuses; kUnavailable for a tier that is not here.
Result<Stages> compile_stages(std::span<const bpf::Insn> insns, const StagesRequest& request);

/// Fails: kUnavailable where IPJIT_TIER2 switches tier 2 off.
Status tier2_wanted();

/// The names of the specialiser's passes, as in `--without guards,layout`.
std::vector<std::string> pass_names();

/// All passes but these.
/// Takes: names of pass_names(); whether something is specialised, and the options that ask for it.
/// Fails: kUsage where nothing is, and the names would be ignored.
Result<ir::Choices> choices_without(const std::vector<std::string>& passes, bool special,
                                    const char* options);

}  // namespace ipjit::cli
