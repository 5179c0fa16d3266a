// SPDX-License-Identifier: BSD-2-Clause
// The street: compile() below is the whole of it, a line for each stage and values in between.
//
//   cBPF -> check -> translate -> optimize -> validate -> tier 1 -> verify -> seal
//
// MachineCode is inert bytes; InstalledCode can run; only CodeMemory makes one of the other, and
// only with the verifier's proof.  When a stage refuses, the unit keeps what the stages before it
// made: the IR interpreter runs a program that tier 1 or the system refused, the plain cBPF
// interpreter one that has no IR (backward jumps, ancillary loads that need the kernel).  The
// refusal stays with the unit, for `ipjit stats`.
#include "runtime/pipeline.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "bpf-frontend/check.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/translate.h"
#include "ipjit/kept.h"
#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/validate.h"
#include "runtime/thread_index.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::runtime {

namespace {

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// What the slot promises to every native unit.
bool runs_in_a_slot(const ipjit_contract& contract) {
  const std::span tables(contract.table, std::min<size_t>(contract.nr_tables, IPJIT_MAX_TABLES));
  for (const ipjit_table_ref& table : tables)
    if (table.place != IPJIT_TABLE_IN_UNIT) return false;
  return contract.abi == IPJIT_ABI_VERSION && (contract.bases & ~uint32_t{IPJIT_BASE_DATA}) == 0 &&
         contract.max_len >= UINT32_MAX && contract.resumes == 0 && contract.actions == 0 &&
         contract.counters <= kUnitCounters;
}

/// Room for headers behind an offset that the packet gives: IPv4 options and a TCP header.
constexpr uint64_t kVariableHeaders = 80;

void install(Unit& unit, const ir::MachineCode& code, InstalledCode sealed) {
  constexpr uint64_t kWireLen = uint64_t{1} << IPJIT_FIELD_wire_len;
  unit.engine = unit.general ? Engine::kTier2 : Engine::kTier1;
  unit.specialised = unit.general != nullptr;
  unit.code_bytes = code.code_len;
  unit.table_bytes = static_cast<uint32_t>(code.bytes.size()) - code.code_len;
  unit.reach = reach_of(*unit.program);
  unit.direct = (code.contract.fields & ~kWireLen) == 0 ? sealed.entry() : nullptr;
  if (code.contract.counters) {
    unit.counter_block = std::make_unique<CounterLine[]>(stripe_count());
    unit.counters = unit.counter_block[0].count;
  }
  unit.code = std::move(sealed);
}

/// Checks at a fixed place say how far; behind an offset that the packet gives, headers are short.
uint32_t head_bytes_of(const ir::Program& program) {
  uint64_t bytes = 0;
  for (const ir::Insn& insn : program.insns)
    if (insn.op == ir::Op::kNeed)
      bytes = std::max(bytes, insn.imm + (insn.a == ir::kNoValue ? 0 : kVariableHeaders));
  return static_cast<uint32_t>(std::min<uint64_t>(bytes, UINT32_MAX));
}

/// The stages behind a program.
Status compile_program(Unit& unit, ir::Compiler& compiler, const arch::Target& target,
                       const void* caller) {
  Result<ir::MachineCode> code = compiler.compile(*unit.program, target);
  if (!code) return code.error();
  if (!runs_in_a_slot(code->contract)) {
    IPJIT_CHECK(unit.general);  // else a bug of ours; a stranger's bytes may come with any contract
    return Error{Stage::kTier2, Code::kRefused, 0, "the code wants more than a slot gives"};
  }
  Result<verifier::Proof> proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  Result<InstalledCode> sealed = CodeMemory::seal(code->bytes, *proof, caller);
  if (!sealed) return sealed.error();
  install(unit, *code, std::move(*sealed));
  return ok();
}

/// Every stage for `unit.source`; stops behind validation unless `native`.
Status compile(Unit& unit, const arch::Target* target, bool native, const void* caller) {
  Kept<tier1::Tier1> tier1;
  Result<ir::Program> program = bpf::translate(unit.source, unit.dialect);
  if (!program) return program.error();
  ir::optimize(*program);
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  unit.program = std::move(*program);
  unit.head_bytes = head_bytes_of(*unit.program);
  return native ? compile_program(unit, *tier1, *target, caller) : ok();
}

/// Refuses what no program could change: engines that are not there, targets that do not exist.
Result<const arch::Target*> usable_target(const Request& request) {
  if (request.engine == Engine::kTier2)
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 "tier2 needs packets to go by: name no engine, and hot filters reach it"};
  if (request.engine == Engine::kLibpcap && request.dialect == bpf::Dialect::kLinux)
    return Error{Stage::kRuntime, Code::kUnavailable, 0,
                 "engine libpcap has no linux dialect: use interp or tier1"};
  if (!request.target) return arch::default_target();
  if (!arch::supported(*request.target))
    return Error{Stage::kTarget, Code::kUnavailable, 0,
                 "this CPU cannot run code for " + std::string(request.target->name)};
  return request.target;
}

}  // namespace

uint32_t Unit::run(std::span<const uint8_t> data, const ipjit_ctx& ctx) const {
  if (engine == Engine::kInterp && program)
    return ipjit_result_value(ir::interpret(*program, data, ctx));
  return run_packet(data, ctx);
}

uint64_t Unit::counted(uint32_t at) const {
  uint64_t sum = 0;
  for (uint32_t i = 0; counter_block && i < stripe_count(); ++i)
    sum += load(counter_block[i].count[at]);
  return sum;
}

uint32_t Unit::run_packet(std::span<const uint8_t> data, const ipjit_ctx& ctx) const {
  if (code && counters) {
    ipjit_ctx counting = ctx;
    counting.counters = ipjit_own_counters(this);
    return ipjit_result_value(
        ipjit_enter(specialised, code->entry(), data.data(), data.size(), &counting));
  }
  if (code)
    return ipjit_result_value(
        ipjit_enter(specialised, code->entry(), data.data(), data.size(), &ctx));
  if (engine == Engine::kLibpcap) return run_replaced(data, ctx);
  return bpf::interpret(source, dialect, data, ctx);
}

uint32_t Unit::run_replaced(std::span<const uint8_t> data, const ipjit_ctx& ctx) const {
  static_assert(sizeof(bpf_insn) == sizeof(bpf::Insn));
  if (dialect == bpf::Dialect::kLinux) return bpf::interpret(source, dialect, data, ctx);
  return bpf_filter(reinterpret_cast<const bpf_insn*>(source.data()), data.data(), ctx.wire_len,
                    static_cast<uint32_t>(data.size()));
}

Result<std::unique_ptr<Unit>> build(std::span<const bpf::Insn> insns, const Request& request) {
  const uint64_t start_ns = now_ns();
  Result<const arch::Target*> target = usable_target(request);
  if (!target) return target.error();
  if (Status checked = bpf::check(insns, request.dialect); !checked) return checked.error();

  auto unit = std::make_unique<Unit>();  // value-initialised: `direct` is null
  unit->dialect = request.dialect;
  unit->source.assign(insns.begin(), insns.end());
  if (request.engine == Engine::kLibpcap) {
    unit->engine = Engine::kLibpcap;
  } else {
    const bool native = request.engine != Engine::kInterp;
    Status compiled = compile(*unit, *target, native, request.caller);
    if (!compiled && request.engine == Engine::kTier1) return compiled.error();
    if (!compiled) unit->refusal = compiled.error();
  }
  unit->compile_ns = now_ns() - start_ns;
  return unit;
}

Result<std::unique_ptr<Unit>> build_special(const Unit& general, ir::Program program,
                                            ir::Compiler& compiler, const arch::Target& target,
                                            const void* caller) {
  const uint64_t start_ns = now_ns();
  if (Status valid = ir::validate(program); !valid) return valid.error();
  auto unit = std::make_unique<Unit>();
  unit->general = &general;
  unit->dialect = general.dialect;
  unit->source = general.source;
  unit->head_bytes = general.head_bytes;
  unit->program = std::move(program);
  if (Status compiled = compile_program(*unit, compiler, target, caller); !compiled)
    return compiled.error();
  unit->compile_ns = now_ns() - start_ns;
  return unit;
}

bool tier2_allowed() {
  const char* value = secure_getenv("IPJIT_TIER2");
  return !value || (std::string_view(value) != "off" && std::string_view(value) != "0");
}

Result<std::optional<Engine>> engine_from_environment() {
  const char* value = secure_getenv("IPJIT_ENGINE");
  if (!value || !*value || std::string_view(value) == "auto") return std::optional<Engine>();
  if (std::optional<Engine> engine = engine_named(value)) return engine;
  return Error{
      Stage::kUsage, Code::kBadOption, 0,
      "IPJIT_ENGINE is '" + std::string(value) + "': say auto, interp, tier1, tier2 or libpcap"};
}

}  // namespace ipjit::runtime
