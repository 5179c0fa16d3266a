// SPDX-License-Identifier: BSD-2-Clause
// `ipjit compile`: shows what a filter becomes at each stage of the pipeline.
#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "bpf-frontend/check.h"
#include "bpf-frontend/text.h"
#include "ir/text.h"
#include "lookup/table.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/contract_json.h"
#include "tools/ipjit/filter_source.h"
#include "tools/ipjit/hex.h"
#include "tools/ipjit/link_type.h"
#include "tools/ipjit/listing.h"
#include "tools/ipjit/stages.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp = R"(--emit says what is printed:
  bpf    classic BPF, as tcpdump -d shows it
  ir     the intermediate representation, as docs/ir.md defines it
  tables the sets that the passes found, as they lie in memory
  asm    machine code, below the IR block and the BPF instruction that each piece came from
  bytes  machine code as hexadecimal digits; with -o raw

Examples:
  ipjit compile --emit asm 'tcp port 80'
  ipjit compile --emit ir --no-optimize 'host 192.0.2.1 or host 192.0.2.2'
  ipjit compile --emit bytes --json ip6 > unit.json && ipjit verify unit.json --contract unit.json
  tcpdump -ddd -y EN10MB ip | ipjit compile -f - --emit asm --target x86-64-v2)";

struct Options {
  FilterSource source;
  std::string emit = "asm";
  std::string engine = "tier1";
  std::string target;
  std::string dlt = "EN10MB";
  std::string output;
  uint32_t snaplen = bpf::Link{}.snaplen;
  bool optimize = true;
  bool json = false;
};

Error usage(std::string why) { return {Stage::kUsage, Code::kBadOption, 0, std::move(why)}; }

Result<const arch::Target*> target_of(const Options& options) {
  if (options.target.empty()) return arch::default_target();
  return arch::target_named(options.target);
}

Json insns_to_json(const bpf::InsnList& insns) {
  Json json = Json::array();
  for (const bpf::Insn& insn : insns) json.push_back({insn.code, insn.jt, insn.jf, insn.k});
  return json;
}

struct Output {
  std::string text;
  std::string raw = {};  ///< what -o writes; empty: the text
  Json json = Json::object();
};

Output emit_bpf(const Options& options, const bpf::InsnList& insns) {
  Output out{.text = bpf::print(insns)};
  out.json = {{"emit", "bpf"},
              {"filter", options.source.title()},
              {"dialect", options.source.dialect},
              {"insns", insns_to_json(insns)}};
  return out;
}

Output emit_ir(const Options& options, const Stages& stages) {
  Output out{.text = ir::print(stages.program)};
  out.json = {{"emit", "ir"},
              {"filter", options.source.title()},
              {"dialect", options.source.dialect},
              {"optimized", options.optimize},
              {"ir", out.text}};
  return out;
}

Result<Output> emit_tables(const Options& options, const Stages& stages) {
  Output out;
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
  if (tables.empty()) out.text = "no tables\n";
  out.json = {{"emit", "tables"},
              {"filter", options.source.title()},
              {"dialect", options.source.dialect},
              {"optimized", options.optimize},
              {"tables", std::move(tables)}};
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

Output emit_machine(const Options& options, const Stages& stages, const arch::Target& target,
                    const bpf::InsnList& insns) {
  const ir::MachineCode& code = *stages.code;
  Output out;
  out.json = {{"emit", options.emit},
              {"filter", options.source.title()},
              {"dialect", options.source.dialect},
              {"engine", options.engine},
              {"target", target.name},
              {"optimized", options.optimize},
              {"code_len", code.code_len},
              {"table_bytes", table_bytes(code.contract)},
              {"machine_insns", stages.machine_insns},
              {"contract", contract_to_json(code.contract)}};
  if (options.emit == "bytes") {
    out.text = to_hex(code.bytes) + "\n";
    out.raw.assign(code.bytes.begin(), code.bytes.end());
    out.json["bytes"] = to_hex(code.bytes);
  } else {
    out.text =
        fmt::format("; {}: {} for {}, {} bytes of code, {} of tables; verified, {} instructions\n",
                    options.source.title(), options.engine, target.name, code.code_len,
                    table_bytes(code.contract), stages.machine_insns) +
        listing(code, insns);
    out.json["listing"] = listing_to_json(code);
  }
  return out;
}

Result<Output> produce(const Options& options) {
  if (options.source.words.empty() && options.source.file.empty())
    return usage("compile needs EXPR or -f FILE ('' matches all packets)");
  bool machine = options.emit == "asm" || options.emit == "bytes";
  Engine engine = *engine_named(options.engine);
  if (machine && engine == Engine::kInterp)
    return usage("the interpreter has no machine code: say --emit ir or --emit bpf");
  Result<int> dlt = link_type_named(options.dlt);
  if (!dlt) return dlt.error();
  Result<bpf::InsnList> insns = load(options.source, {.dlt = *dlt, .snaplen = options.snaplen});
  if (!insns) return insns.error();
  bpf::Dialect dialect = *bpf::dialect_named(options.source.dialect);
  if (Status checked = bpf::check(*insns, dialect); !checked) return checked.error();
  if (options.emit == "bpf") return emit_bpf(options, *insns);
  Result<const arch::Target*> target = target_of(options);
  if (!target) return target.error();
  Result<Stages> stages = compile_stages(*insns, {.dialect = dialect,
                                                  .engine = machine ? engine : Engine::kInterp,
                                                  .target = *target,
                                                  .optimize = options.optimize});
  if (!stages) return stages.error();
  stages->program.name = options.source.title().empty() ? "all" : options.source.title();
  if (options.emit == "tables") return emit_tables(options, *stages);
  return machine ? emit_machine(options, *stages, **target, *insns) : emit_ir(options, *stages);
}

Status write_file(const std::string& path, const std::string& bytes) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
      std::fflush(file.get()) != 0)
    return Error{Stage::kRuntime, Code::kIo, 0,
                 fmt::format("{} cannot be written: {}", path, std::strerror(errno))};
  return ok();
}

int run(const Options& options) {
  Result<Output> out = produce(options);
  if (!out) return complain(out.error());
  std::string text = options.json
                         ? out->json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                         : out->text;
  if (options.output.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return kSuccess;
  }
  if (!options.json && !out->raw.empty()) text = out->raw;
  Status written = write_file(options.output, text);
  return written ? kSuccess : complain(written.error());
}

}  // namespace

void add_compile(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("compile", "Show what a filter is compiled to");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  add_source_options(*sub, options->source);
  sub->add_option("--emit", options->emit, "bpf, ir, tables, asm or bytes")
      ->check(CLI::IsMember({"bpf", "ir", "tables", "asm", "bytes"}))
      ->capture_default_str();
  sub->add_option("--engine", options->engine, "interp, tier1 or tier2")
      ->check(CLI::IsMember({"interp", "tier1", "tier2"}))
      ->capture_default_str();
  sub->add_option("--target", options->target,
                  "such as x86-64-v3; default: IPJIT_TARGET, this CPU");
  sub->add_option("--dlt", options->dlt, "link type of the expression")->capture_default_str();
  sub->add_option("--snaplen", options->snaplen, "bytes that an accepting filter returns")
      ->capture_default_str();
  sub->add_flag("--optimize,!--no-optimize", options->optimize,
                "run the passes over the IR (default)");
  sub->add_option("-o,--output", options->output, "write to this file; bytes are written raw");
  sub->add_flag("--json", options->json, "print JSON");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
