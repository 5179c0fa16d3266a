// SPDX-License-Identifier: BSD-2-Clause
// IR to x86-64 by way of LLVM.
//
//   prepare     packet byte order where it costs nothing            byte_order.h
//   tables      sets and maps as bytes                              lookup/table.h
//   emit        our blocks as LLVM's, in order                      emitter.h
//   generate    instructions, registers, object file                backend.h
//   read        code, where it names tables, marks                  object.h
//   finish      padding to 64 bytes, tables, their addresses
//
// No pass of LLVM's works on its IR but those that selection needs: ours has been optimised and
// specialised before it comes here, and what LLVM would add (merging, hoisting, sinking, turning
// branches into data flow or back) would undo decisions that were made from the traffic.
//
// Cost: measured in docs/measurements.md.  Tested by tests/tier2/ and tests/cases/.
#include "tier2-llvm/tier2.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "lookup/table.h"
#include "tier2-llvm/backend.h"
#include "tier2-llvm/byte_order.h"
#include "tier2-llvm/emitter.h"
#include "tier2-llvm/object.h"

namespace ipjit::tier2 {
namespace {

using Tables = std::vector<lookup::ReadOnlyTable>;

Error too_long(size_t size, const char* of_what, size_t limit) {
  return {Stage::kTier2, Code::kTooLong, 0,
          std::to_string(size) + " " + of_what + "; the limit is " + std::to_string(limit)};
}

/// LLVM calls this instead of its own message and exits when it comes back; nothing can go on.
void on_fatal_error(void*, const char* why, bool) {
  std::fprintf(stderr, "ipjit: tier2: LLVM: %s\n", why);
  std::_Exit(70);
}

Result<Tables> build_tables(const ir::Program& program) {
  if (program.tables.size() > IPJIT_MAX_TABLES)
    return too_long(program.tables.size(), "tables", IPJIT_MAX_TABLES);
  Tables tables;
  for (const ir::Table& source : program.tables) {
    Result<lookup::ReadOnlyTable> built = lookup::build(source);
    if (!built) return built.error();
    tables.push_back(std::move(*built));
  }
  return tables;
}

bool uses_transport(const ir::Program& program) {
  return std::any_of(program.insns.begin(), program.insns.end(), [](const ir::Insn& insn) {
    return ir::operands_of(insn.op) == ir::Operands::kPlace && insn.base == ir::Base::kTransport;
  });
}

ipjit_contract contract_of(const ir::Program& program, const arch::Target& target,
                           uint32_t stack_bytes) {
  ipjit_contract contract = {};
  contract.abi = IPJIT_ABI_VERSION;
  contract.isa = target.isa;
  contract.bases = IPJIT_BASE_DATA | (uses_transport(program) ? IPJIT_BASE_TH : 0);
  contract.stack_bytes = stack_bytes;
  contract.max_len = kMaxLen;
  contract.max_th_len = kMaxLen;
  contract.fields = ir::fields_read(program);
  contract.exits = program.exits;
  contract.resumes = program.resumes;
  contract.actions = ir::max_actions(program);
  contract.counters = program.counters;
  return contract;
}

/// Lays the tables behind the code and writes their addresses into it; those that are reached
/// through ctx have none there.
ir::MachineCode link(ObjectCode object, const Tables& tables, const ipjit_contract& contract,
                     bool in_ctx) {
  ir::MachineCode out;
  out.code_len = static_cast<uint32_t>(object.code.size());
  out.contract = contract;
  out.marks = std::move(object.marks);
  out.bytes = std::move(object.code);
  out.pad();
  std::vector<size_t> place;
  for (uint32_t t = 0; t < tables.size(); ++t) {
    const std::vector<uint8_t>& bytes = tables[t].bytes;
    const size_t at = out.bytes.size();
    place.push_back(at);
    if (bytes.empty()) continue;
    out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
    out.contract.table[out.contract.nr_tables++] =
        in_ctx ? ipjit_table_ref{IPJIT_TABLE_IN_CTX, ctx_index(tables, t), bytes.size()}
               : ipjit_table_ref{IPJIT_TABLE_IN_UNIT, static_cast<uint32_t>(at), bytes.size()};
  }
  for (const TableUse& use : object.uses) {
    const auto disp = static_cast<uint32_t>(static_cast<int64_t>(place[use.table]) + use.addend -
                                            static_cast<int64_t>(use.at));
    std::memcpy(out.bytes.data() + use.at, &disp, sizeof disp);
  }
  return out;
}

/// Indices that come back from the stack are no longer bounded by data flow, and addresses of
/// tables are none any more.
bool may_spill_probes(const Generated& made, const Tables& tables) {
  return made.spill_bytes != 0 &&
         std::any_of(tables.begin(), tables.end(),
                     [](const lookup::ReadOnlyTable& table) { return !table.bytes.empty(); });
}

Result<Generated> generate(Backend& backend, const ir::Program& program, const Tables& tables,
                           const EmitOptions& options) {
  llvm::LLVMContext context;
  llvm::Module module(program.name, context);
  backend.prepare(module);
  Emitter(program, tables, options, module).run();
  return backend.generate(module);
}

struct Prepared {
  ir::Program program;
  Tables tables;
};

Result<Prepared> prepare(const ir::Program& program, const arch::Target& target) {
  if (target.constant_seed != 0)
    return Error{Stage::kTier2, Code::kRefused, 0,
                 "no constant may stand in the code: only tier 1 splits them"};
  const size_t size = program.insns.size() + program.blocks.size();
  if (size > kMaxProgramSize) return too_long(size, "instructions and block ends", kMaxProgramSize);
  Prepared prepared{program, {}};
  keep_packet_order(prepared.program);
  Result<Tables> tables = build_tables(prepared.program);
  if (!tables) return tables.error();
  prepared.tables = std::move(*tables);
  const uint32_t in_ctx = ctx_index(prepared.tables, static_cast<uint32_t>(prepared.tables.size()));
  if (target.tables_in_ctx && in_ctx > IPJIT_MAX_CTX_TABLES)
    return too_long(in_ctx, "tables in ctx", IPJIT_MAX_CTX_TABLES);
  return prepared;
}

}  // namespace

Tier2::Tier2() {
  static std::once_flag once;
  std::call_once(once, [] { llvm::install_fatal_error_handler(on_fatal_error); });
}

Tier2::~Tier2() = default;

Result<ir::MachineCode> Tier2::compile(const ir::Program& program, const arch::Target& target) {
  if (backend_ == nullptr) {
    Result<std::unique_ptr<Backend>> made = Backend::make();
    if (!made) return made.error();
    backend_ = std::move(*made);
  }
  Result<Prepared> prepared = prepare(program, target);
  if (!prepared) return prepared.error();
  EmitOptions options{.cpu = cpu_of(target), .tables_in_ctx = target.tables_in_ctx};
  Result<Generated> made = generate(*backend_, prepared->program, prepared->tables, options);
  if (made && may_spill_probes(*made, prepared->tables)) {
    options.probe_at_once = true;
    made = generate(*backend_, prepared->program, prepared->tables, options);
  }
  if (!made) return made.error();
  if (made->spill_bytes > IPJIT_MAX_STACK)
    return too_long(made->spill_bytes, "bytes of spilled values", IPJIT_MAX_STACK);
  Result<ObjectCode> object =
      read_object(made->object, static_cast<uint32_t>(prepared->tables.size()));
  if (!object) return object.error();
  if (object->code.size() > IPJIT_MAX_CODE)
    return too_long(object->code.size(), "bytes of code", IPJIT_MAX_CODE);
  return link(std::move(*object), prepared->tables, contract_of(program, target, made->spill_bytes),
              target.tables_in_ctx);
}

Result<std::string> emit_llvm_text(const ir::Program& program, const arch::Target& target) {
  Result<std::unique_ptr<Backend>> backend = Backend::make();
  if (!backend) return backend.error();
  Result<Prepared> prepared = prepare(program, target);
  if (!prepared) return prepared.error();
  llvm::LLVMContext context;
  llvm::Module module(program.name, context);
  (*backend)->prepare(module);
  const EmitOptions options{.cpu = cpu_of(target), .tables_in_ctx = target.tables_in_ctx};
  Emitter(prepared->program, prepared->tables, options, module).run();
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, nullptr);
  return text;
}

}  // namespace ipjit::tier2
