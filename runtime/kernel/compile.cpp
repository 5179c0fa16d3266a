// SPDX-License-Identifier: BSD-2-Clause
// The street again, for code that runs beside the kernel's own: compile() is the whole of it.
//
// The module verifies what it is given; verifying here first names the culprit, because code that
// is refused here is a bug of ours, and code that is refused there only was a message from somebody
// else's machine.
//
// Tested by tests/kernel_form/.
#include "runtime/kernel/compile.h"

#include <algorithm>
#include <string>

#include "bpf-frontend/translate.h"
#include "ipjit/kept.h"
#include "ir/kernel_form.h"
#include "ir/validate.h"
#include "kernel-glue/uapi/ipjit.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::kernel {
namespace {

constexpr size_t kTableAlignment = 64;

size_t tables_at(const ir::MachineCode& code) {
  return (code.code_len + kTableAlignment - 1) & ~(kTableAlignment - 1);
}

Error too_long(size_t bytes, const char* of_what, size_t limit) {
  return {Stage::kKernel, Code::kTooLong, 0,
          std::to_string(bytes) + " bytes of " + of_what + "; the module takes " +
              std::to_string(limit)};
}

/// Would the module install it?
Status within_limits(const ir::MachineCode& code, const Machine& machine) {
  const ipjit_contract& contract = code.contract;
  if (code.code_len > IPJIT_DEV_MAX_CODE)
    return too_long(code.code_len, "code", IPJIT_DEV_MAX_CODE);
  if (const size_t bytes = tables_of(code).size(); bytes > IPJIT_DEV_MAX_TABLES)
    return too_long(bytes, "tables", IPJIT_DEV_MAX_TABLES);
  bool in_ctx = contract.nr_tables <= IPJIT_MAX_CTX_TABLES;
  for (uint32_t t = 0; in_ctx && t < contract.nr_tables; ++t)
    in_ctx = contract.table[t].place == IPJIT_TABLE_IN_CTX;
  if (!in_ctx || contract.bases != IPJIT_BASE_DATA || contract.exits != 0 ||
      contract.resumes != 0 || contract.actions != 0 || (contract.isa & ~machine.isa) != 0 ||
      (contract.fields & ~machine.fields) != 0)
    return Error{Stage::kKernel, Code::kRefused, 0, "the code wants more than the module gives"};
  return ok();
}

Result<Unit> finish(ir::Program program, const Machine& machine, ir::Compiler& compiler) {
  if (Status valid = ir::validate(program); !valid) return valid.error();
  Result<ir::MachineCode> code = compiler.compile(program, target_of(machine));
  if (!code) return code.error();
  if (Status fits = within_limits(*code, machine); !fits) return fits.error();
  Result<verifier::Proof> proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  return Unit{std::move(program), std::move(*code)};
}

}  // namespace

arch::Target target_of(const Machine& machine) {
  return arch::kernel_target(machine.isa, machine.constant_seed);
}

Result<Unit> compile(std::span<const bpf::Insn> insns, const Machine& machine) {
  Kept<tier1::Tier1> tier1;
  Result<ir::Program> program = bpf::translate_for_kernel(insns, machine.fields);
  if (!program) return program.error();
  ir::optimize_kernel_form(*program);
  return finish(std::move(*program), machine, *tier1);
}

Result<Unit> compile_special(ir::Program program, const Machine& machine, ir::Compiler& compiler) {
  return finish(std::move(program), machine, compiler);
}

std::span<const uint8_t> code_of(const ir::MachineCode& code) {
  return std::span(code.bytes).first(code.code_len);
}

std::span<const uint8_t> tables_of(const ir::MachineCode& code) {
  return std::span(code.bytes).subspan(std::min(tables_at(code), code.bytes.size()));
}

}  // namespace ipjit::kernel
