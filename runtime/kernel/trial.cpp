// SPDX-License-Identifier: BSD-2-Clause
#include "runtime/kernel/trial.h"

#include "verifier/verifier.h"

namespace ipjit::kernel {

namespace {

constexpr size_t kTableAlignment = 64;

}  // namespace

Result<Trial> Trial::seal(const Unit& unit) {
  const ipjit_contract& contract = unit.code.contract;
  if (contract.isa & ~arch::detect().isa)
    return Error{Stage::kTarget, Code::kUnavailable, 0,
                 "this CPU cannot run what the kernel's says it can"};
  const std::span<const uint8_t> code = code_of(unit.code), tables = tables_of(unit.code);
  Result<verifier::Proof> proof = verifier::verify(code, unit.code.code_len, contract);
  if (!proof) return proof.error();
  Result<runtime::InstalledCode> sealed = runtime::CodeMemory::seal(code, *proof);
  if (!sealed) return sealed.error();
  Trial trial(std::move(*sealed));
  runtime::Subject& subject = trial.subject_;
  subject.program = &unit.program;
  subject.entry = trial.code_.entry();
  subject.bytes = trial.code_.bytes();
  subject.code_bytes = unit.code.code_len;
  size_t at = 0;
  for (uint32_t i = 0; i < contract.nr_tables; ++i) {
    const ipjit_table_ref& table = contract.table[i];
    at = (at + kTableAlignment - 1) & ~(kTableAlignment - 1);
    if (table.at >= IPJIT_MAX_CTX_TABLES || at + table.size > tables.size())
      return Error{Stage::kKernel, Code::kRefused, i, "a table is not where its contract says"};
    subject.tables[table.at] = tables.data() + at;
    at += table.size;
  }
  return trial;
}

}  // namespace ipjit::kernel
