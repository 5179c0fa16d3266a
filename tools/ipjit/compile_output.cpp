// SPDX-License-Identifier: BSD-2-Clause
// One function for each thing that can be printed; all take the stages' products as they are.
//
// Of a specialised program the specialiser's log stands above what is printed, as comments, which
// the IR's text form has too: so a listing says why it looks as it does.
#include "tools/ipjit/compile_output.h"

#include <fmt/core.h>

#include "bpf-frontend/check.h"
#include "bpf-frontend/text.h"
#include "ir/special/cost.h"
#include "ir/text.h"
#include "lookup/table.h"
#include "tools/ipjit/contract_json.h"
#include "tools/ipjit/heat.h"
#include "tools/ipjit/hex.h"
#include "tools/ipjit/listing.h"
#include "tools/ipjit/llvm_text.h"
#include "tools/ipjit/progress.h"
#include "tools/ipjit/stages.h"
#include "tools/ipjit/traffic.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

Error usage(std::string why) { return {Stage::kUsage, Code::kBadOption, 0, std::move(why)}; }

Json insns_to_json(const bpf::InsnList& insns) {
  Json json = Json::array();
  for (const bpf::Insn& insn : insns) json.push_back({insn.code, insn.jt, insn.jf, insn.k});
  return json;
}

Json head_of(const CompileOptions& options) {
  return {{"emit", options.emit},
          {"filter", options.source.title()},
          {"dialect", options.source.dialect}};
}

std::string percent(uint64_t part, uint64_t whole) {
  return fmt::format("{:.1f} %",
                     whole ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0.0);
}

/// The log, and what can be said of the code if there is some.
std::string special_text(const Stages& stages) {
  if (!stages.special) return "";
  const Special& special = *stages.special;
  const ir::Profile& profile = special.profile;
  std::string text = "; specialised for ";
  text += profile.empty() ? "unknown traffic"
                          : fmt::format("{} packets, {} of them match", grouped(profile.packets),
                                        percent(profile.matched, profile.packets));
  if (stages.code) {
    const Heat heat = heat_of(*stages.code, stages.program, special.known);
    text += fmt::format("; {} bytes hot, {} cold", heat.hot_bytes, heat.cold_bytes);
  }
  if (!profile.empty())
    text += fmt::format("\n; expected {:.1f} ns a packet, the general program {:.1f}",
                        ir::expected_cost(stages.program, special.known).ns(),
                        ir::expected_cost(special.general, profile).ns());
  if (!stages.compiler_note.empty()) text += "\n; tier2: " + stages.compiler_note;
  for (const std::string& line : special.log) text += "\n;   " + line;
  return text + "\n";
}

void add_special(Json& json, const Stages& stages) {
  if (!stages.special) return;
  const Special& special = *stages.special;
  Json about = {
      {"packets", special.profile.packets}, {"changed", special.changed}, {"log", special.log}};
  if (!special.profile.empty()) {
    about["expected_ns"] = ir::expected_cost(stages.program, special.known).ns();
    about["general_expected_ns"] = ir::expected_cost(special.general, special.profile).ns();
  }
  if (stages.code) {
    const Heat heat = heat_of(*stages.code, stages.program, special.known);
    about["hot_bytes"] = heat.hot_bytes;
    about["cold_bytes"] = heat.cold_bytes;
  }
  json["specialised"] = std::move(about);
}

Output emit_bpf(const CompileOptions& options, const bpf::InsnList& insns) {
  Output out{.text = bpf::print(insns), .json = head_of(options)};
  out.json["insns"] = insns_to_json(insns);
  return out;
}

Output emit_ir(const CompileOptions& options, const Stages& stages) {
  Output out{.text = special_text(stages) + ir::print(stages.program), .json = head_of(options)};
  out.json["optimized"] = options.optimize;
  add_special(out.json, stages);
  out.json["ir"] = ir::print(stages.program);
  return out;
}

Result<Output> emit_llvm(const CompileOptions& options, const Stages& stages,
                         const arch::Target& target) {
  Result<std::string> llvm = llvm_text(stages.program, target);
  if (!llvm) return llvm.error();
  Output out{.text = special_text(stages) + *llvm, .json = head_of(options)};
  out.json["target"] = target.name;
  add_special(out.json, stages);
  out.json["llvm"] = std::move(*llvm);
  return out;
}

Result<Output> emit_tables(const CompileOptions& options, const Stages& stages) {
  Output out{.text = special_text(stages), .json = head_of(options)};
  Json tables = Json::array();
  for (const ir::Table& source : stages.program.tables) {
    Result<lookup::ReadOnlyTable> table = lookup::build(source);
    if (!table) return table.error();
    tables.push_back({{"shape", lookup::name_of(table->layout.shape)},
                      {"keys", source.entries.size()},
                      {"bytes", table->bytes.size()},
                      {"text", lookup::print(*table)}});
    out.text += fmt::format("table{}: {}", tables.size() - 1, lookup::print(*table));
  }
  if (tables.empty()) out.text += "no tables\n";
  out.json["optimized"] = options.optimize;
  add_special(out.json, stages);
  out.json["tables"] = std::move(tables);
  return out;
}

Json listing_to_json(const ir::MachineCode& code) {
  Json lines = Json::array();
  for (const ListingLine& line :
       disassemble(std::span<const uint8_t>(code.bytes).first(code.code_len)))
    lines.push_back({{"offset", line.offset}, {"size", line.size}, {"insn", line.text}});
  return lines;
}

uint64_t table_bytes(const ipjit_contract& contract) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < contract.nr_tables; ++i) bytes += contract.table[i].size;
  return bytes;
}

Output emit_machine(const CompileOptions& options, const Stages& stages, const arch::Target& target,
                    const bpf::InsnList& insns) {
  const ir::MachineCode& code = *stages.code;
  Output out{.json = head_of(options)};
  out.json.update({{"engine", options.engine},
                   {"target", target.name},
                   {"optimized", options.optimize},
                   {"code_len", code.code_len},
                   {"table_bytes", table_bytes(code.contract)},
                   {"machine_insns", stages.machine_insns},
                   {"contract", contract_to_json(code.contract)}});
  add_special(out.json, stages);
  if (options.emit == "bytes") {
    out.text = to_hex(code.bytes) + "\n";
    out.raw.assign(code.bytes.begin(), code.bytes.end());
    out.json["bytes"] = to_hex(code.bytes);
  } else {
    out.text =
        fmt::format("; {}: {} for {}, {} bytes of code, {} of tables; verified, {} instructions\n",
                    options.source.title(), options.engine, target.name, code.code_len,
                    table_bytes(code.contract), stages.machine_insns) +
        special_text(stages) + listing(code, insns);
    out.json["listing"] = listing_to_json(code);
  }
  return out;
}

/// What the options ask of the stages.
Result<StagesRequest> request_of(const CompileOptions& options) {
  const bool machine = options.emit == "asm" || options.emit == "bytes";
  const Engine engine = *engine_named(options.engine);
  if (machine && engine == Engine::kInterp)
    return usage("the interpreter has no machine code: say --emit ir or --emit bpf");
  if (options.emit == "llvm" && engine != Engine::kTier2)
    return usage("only tier2 goes through LLVM: say --engine tier2");
  if (options.special() && !options.optimize)
    return usage("what is specialised has passed the optimiser: leave --no-optimize out");
  Result<ir::Choices> choices =
      choices_without(options.without, options.special(), "-r, --profile or --engine tier2");
  if (!choices) return choices.error();
  StagesRequest request = {.dialect = *bpf::dialect_named(options.source.dialect),
                           .engine = machine ? engine : Engine::kInterp,
                           .optimize = options.optimize,
                           .special = options.special(),
                           .choices = *choices};
  Result<const arch::Target*> target =
      options.target.empty() ? arch::default_target() : arch::target_named(options.target);
  if (!target) return target.error();
  request.target = *target;
  return request;
}

}  // namespace

Result<Output> compile_output(const CompileOptions& options) {
  if (options.source.words.empty() && options.source.file.empty() && !options.source.kernel_filter)
    return usage("compile needs EXPR, -f FILE or --from-kernel ID ('' matches all packets)");
  Result<StagesRequest> request = request_of(options);
  if (!request) return request.error();
  Result<OpenTraffic> traffic =
      open_traffic(options.traffic, options.dlt, request->dialect, options.source.title());
  if (!traffic) return traffic.error();
  request->watch = traffic->watch;
  traffic->link.snaplen = options.snaplen;
  Result<bpf::InsnList> insns = load(options.source, traffic->link);
  if (!insns) return insns.error();
  if (Status checked = bpf::check(*insns, request->dialect); !checked) return checked.error();
  if (options.emit == "bpf") return emit_bpf(options, *insns);
  Result<Stages> stages = compile_stages(*insns, *request);
  if (!stages) return stages.error();
  stages->program.name = options.source.title().empty() ? "all" : options.source.title();
  if (options.emit == "tables") return emit_tables(options, *stages);
  if (options.emit == "llvm") return emit_llvm(options, *stages, *request->target);
  if (options.emit == "ir") return emit_ir(options, *stages);
  return emit_machine(options, *stages, *request->target, *insns);
}

}  // namespace ipjit::cli
