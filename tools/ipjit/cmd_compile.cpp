// SPDX-License-Identifier: BSD-2-Clause
// `ipjit compile`: shows what a filter becomes at each stage of the pipeline.
#include <memory>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/compile_output.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/stages.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp = R"(--emit says what is printed:
  bpf    classic BPF, as tcpdump -d shows it
  ir     the intermediate representation, as docs/ir.md defines it
  tables the sets that the passes found, as they lie in memory
  llvm   what tier 2 hands to LLVM
  asm    machine code, below the IR block and the BPF instruction that each piece came from
  bytes  machine code as hexadecimal digits; with -o raw

Tier 2 specialises the filter for the packets of -r or --profile, and lets LLVM compile it in a
process of its own; --engine tier1 -r does without LLVM.  What was done, and why, stands above.

Examples:
  ipjit compile --emit asm 'tcp port 80'
  ipjit compile --engine tier2 -r capture.pcap 'tcp port 80'
  ipjit compile --engine tier1 --profile web.profile --without guards,layout --emit ir 'tcp port 80'
  ipjit compile --emit ir --no-optimize 'host 192.0.2.1 or host 192.0.2.2'
  ipjit compile --emit bytes --json ip6 > unit.json && ipjit verify unit.json --contract unit.json
  ipjit compile --from-kernel 12 --emit bpf
  tcpdump -ddd -y EN10MB ip | ipjit compile -f - --emit asm --target x86-64-v2)";

struct Options {
  CompileOptions compile;
  std::string output;
  bool json = false;
};

int run(const Options& options) {
  const CompileOptions& compile = options.compile;
  Status kept = keep_inputs(compile.source, compile.traffic, "-o", options.output);
  if (!kept) return complain(kept.error());
  Result<Output> out = compile_output(compile);
  if (!out) return complain(out.error());
  std::string text = out->text;
  if (options.json)
    text = out->json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  else if (!options.output.empty() && !out->raw.empty())
    text = out->raw;
  Status written = write_file(options.output, text);
  return written ? kSuccess : complain(written.error());
}

}  // namespace

void add_compile(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("compile", "Show what a filter is compiled to");
  sub->footer(kHelp);
  auto all = std::make_shared<Options>();
  CompileOptions& options = all->compile;
  add_source_options(*sub, options.source);
  sub->add_option_function<uint64_t>(
         "--from-kernel",
         [&options](const uint64_t& id) {
           options.source.kernel_filter = id;
           options.source.dialect = "linux";
         },
         "filter of a socket in the kernel, by its number in `ipjit stats`, in place of EXPR")
      ->transform(whole_number(1, UINT64_MAX));
  sub->add_option("--emit", options.emit, "bpf, ir, tables, llvm, asm or bytes")
      ->check(CLI::IsMember({"bpf", "ir", "tables", "llvm", "asm", "bytes"}))
      ->capture_default_str();
  sub->add_option("--engine", options.engine, "interp, tier1 or tier2")
      ->check(CLI::IsMember({"interp", "tier1", "tier2"}))
      ->capture_default_str();
  add_traffic_options(*sub, options.traffic);
  sub->add_option("--without", options.without, "passes of the specialiser to leave out")
      ->delimiter(',')
      ->allow_extra_args(false)  // EXPR may be the next word
      ->check(CLI::IsMember(pass_names()));
  sub->add_option("--target", options.target, "such as x86-64-v3; default: IPJIT_TARGET, this CPU");
  sub->add_option("--dlt", options.dlt, "link type of the expression, where -r does not say")
      ->capture_default_str();
  sub->add_option("--snaplen", options.snaplen, "bytes that an accepting filter returns")
      ->transform(whole_number(1, INT32_MAX))
      ->capture_default_str();
  sub->add_flag("--optimize,!--no-optimize", options.optimize,
                "run the passes over the IR (default)");
  sub->add_option("-o,--output", all->output, "write to this file; bytes are written raw");
  sub->add_flag("--json", all->json, "print JSON");
  sub->callback([all, &status] { status = run(*all); });
}

}  // namespace ipjit::cli
