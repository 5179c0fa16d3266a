// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/stages.h"

#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "ir/validate.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::cli {

Result<Stages> compile_stages(std::span<const bpf::Insn> insns, const StagesRequest& request) {
  Result<ir::Program> program = bpf::translate(insns, request.dialect);
  if (!program) return program.error();
  if (request.optimize) ir::optimize(*program);
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  Stages stages{.program = std::move(*program)};
  if (request.engine == Engine::kInterp) return stages;
  if (request.engine != Engine::kTier1)
    return Error{Stage::kTier2, Code::kUnavailable, 0, "this build has no second tier"};
  Result<ir::MachineCode> code = tier1::Tier1().compile(stages.program, *request.target);
  if (!code) return code.error();
  Result<verifier::Proof> proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  stages.code = std::move(*code);
  stages.machine_insns = proof->insns();
  return stages;
}

}  // namespace ipjit::cli
