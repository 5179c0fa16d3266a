// SPDX-License-Identifier: BSD-2-Clause
#include "tests/engines/native_code.h"

#include <memory>

#include "runtime/code_memory.h"
#include "runtime/kernel/compile.h"
#include "verifier/verifier.h"

namespace ipjit::testing {

Result<Native> native_code(ir::Compiler& tier, const ir::Program& program,
                           const arch::Target& target) {
  Result<ir::MachineCode> code = tier.compile(program, target);
  if (!code) return code.error();
  auto proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  auto sealed = runtime::CodeMemory::seal(code->bytes, *proof);
  if (!sealed) return sealed.error();
  auto shared = std::make_shared<runtime::InstalledCode>(std::move(*sealed));
  auto unit = std::make_shared<ir::MachineCode>(std::move(*code));
  return Native([shared, unit](std::span<const uint8_t> data, const ipjit_ctx& ctx) {
    ipjit_ctx with_tables = ctx;
    const uint8_t* table = kernel::tables_of(*unit).data();
    for (uint32_t t = 0; t < unit->contract.nr_tables; ++t) {
      const ipjit_table_ref& ref = unit->contract.table[t];
      if (ref.place != IPJIT_TABLE_IN_CTX) break;
      with_tables.tables[ref.at] = table;
      table += (ref.size + 63) / 64 * 64;
    }
    return shared->entry()(data.data(), data.size(), &with_tables);
  });
}

}  // namespace ipjit::testing
