// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/stages.h"

#include <fmt/core.h>

#include <algorithm>

#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "ir/validate.h"
#include "runtime/pipeline.h"
#include "tier1-asmjit/tier1.h"
#include "tier2-llvm/remote/remote_tier2.h"
#include "verifier/verifier.h"

namespace ipjit::cli {
namespace {

struct NamedPass {
  const char* name;
  bool ir::Choices::*chosen;
};

constexpr NamedPass kPasses[] = {
    {"fold_facts", &ir::Choices::fold_facts},   {"order_terms", &ir::Choices::order_terms},
    {"set_shapes", &ir::Choices::set_shapes},   {"guards", &ir::Choices::guards},
    {"hoist_needs", &ir::Choices::hoist_needs}, {"if_convert", &ir::Choices::if_convert},
    {"wide_loads", &ir::Choices::wide_loads},   {"layout", &ir::Choices::layout},
};

Status specialise(Stages& stages, const StagesRequest& request) {
  Special special{.general = std::move(stages.program)};
  ir::number_sources(special.general);
  if (request.watch) {
    Result<ir::Profile> profile = request.watch(special.general);
    if (!profile) return profile.error();
    special.profile = std::move(*profile);
  }
  ir::Specialised made =
      ir::specialise(special.general, special.profile, ir::Facts{}, request.choices);
  special.known = std::move(made.profile);
  special.log = std::move(made.log);
  special.changed = made.changed;
  stages.program = std::move(made.program);
  stages.special = std::move(special);
  return ir::validate(stages.program);
}

Result<ir::MachineCode> compile_tier2(Stages& stages, const arch::Target& target) {
  if (Status wanted = tier2_wanted(); !wanted) return wanted.error();
  tier2::RemoteTier2 compiler;
  Result<ir::MachineCode> code = compiler.compile(stages.program, target);
  const tier2::RemoteReport& report = compiler.last();
  const double ms = static_cast<double>(report.compile_us) / 1000;
  if (code && report.cached)
    stages.compiler_note = "from the cache of finished code";
  else if (code)
    stages.compiler_note =
        fmt::format("compiled in {:.1f} ms{}", ms,
                    report.started ? ", by a server that had to be started" : "");
  return code;
}

}  // namespace

Result<Stages> compile_stages(std::span<const bpf::Insn> insns, const StagesRequest& request) {
  Result<ir::Program> program = bpf::translate(insns, request.dialect);
  if (!program) return program.error();
  if (request.optimize) ir::optimize(*program);
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  Stages stages{.program = std::move(*program)};
  if (request.special)
    if (Status done = specialise(stages, request); !done) return done.error();
  if (request.engine == Engine::kInterp) return stages;
  Result<ir::MachineCode> code = request.engine == Engine::kTier2
                                     ? compile_tier2(stages, *request.target)
                                     : tier1::Tier1().compile(stages.program, *request.target);
  if (!code) return code.error();
  Result<verifier::Proof> proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  stages.code = std::move(*code);
  stages.machine_insns = proof->insns();
  return stages;
}

Status tier2_wanted() {
  if (runtime::tier2_allowed()) return ok();
  return Error{Stage::kTier2, Code::kUnavailable, 0, "switched off by IPJIT_TIER2"};
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const NamedPass& pass : kPasses) names.emplace_back(pass.name);
  return names;
}

Result<ir::Choices> choices_without(const std::vector<std::string>& passes, bool special,
                                    const char* options) {
  if (!special && !passes.empty())
    return Error{Stage::kUsage, Code::kBadOption, 0,
                 fmt::format("--without is about specialising: say {}", options)};
  ir::Choices choices;
  for (const NamedPass& each : kPasses)
    if (std::ranges::find(passes, each.name) != passes.end()) choices.*each.chosen = false;
  return choices;
}

}  // namespace ipjit::cli
