// SPDX-License-Identifier: BSD-2-Clause
// `ipjit profile`: what a filter meets in a capture, as text.
#include <memory>
#include <nlohmann/json.hpp>

#include "bpf-frontend/check.h"
#include "ir/profile_text.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/traffic.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp =
    R"(Runs the packets through the interpreter and counts: which way each branch goes and how often a
predictor is wrong about it, which checks fail, which values each load gives.  The number behind
branch, need and value is the BPF instruction, as `ipjit compile --emit bpf` numbers them.
`ipjit compile --profile` and `ipjit graph --profile` read what this prints.

Examples:
  ipjit profile -r capture.pcap 'tcp port 80'
  ipjit profile -r capture.pcap -c 10000 -o web.profile 'tcp port 80'
  ipjit compile --engine tier2 --profile web.profile 'tcp port 80')";

struct Options {
  FilterSource source;
  Traffic traffic;
  std::string output;
  bool json = false;
};

Result<ir::Profile> profile_of(const Options& options) {
  const bpf::Dialect dialect = *bpf::dialect_named(options.source.dialect);
  Result<OpenTraffic> traffic = open_traffic(options.traffic, "", dialect, options.source.title());
  if (!traffic) return traffic.error();
  Result<bpf::InsnList> insns = load(options.source, traffic->link);
  if (!insns) return insns.error();
  if (Status checked = bpf::check(*insns, dialect); !checked) return checked.error();
  Result<Stages> stages = compile_stages(
      *insns,
      {.dialect = dialect, .engine = Engine::kInterp, .special = true, .watch = traffic->watch});
  if (!stages) return stages.error();
  return std::move(stages->special->profile);
}

int run(const Options& options) {
  Status kept = keep_inputs(options.source, options.traffic, "-o", options.output);
  if (!kept) return complain(kept.error());
  Result<ir::Profile> profile = profile_of(options);
  if (!profile) return complain(profile.error());
  std::string text = ir::print_file(*profile);
  if (options.json) {
    const nlohmann::ordered_json json = {{"filter", options.source.title()},
                                         {"packets", profile->packets},
                                         {"discarded", profile->discarded},
                                         {"matched", profile->matched},
                                         {"profile", text}};
    text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  Status written = write_file(options.output, text);
  return written ? kSuccess : complain(written.error());
}

}  // namespace

void add_profile(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("profile", "Show what a filter meets in a capture");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  add_source_options(*sub, options->source);
  sub->add_option("-r,--read", options->traffic.capture, "pcap or pcapng file; -: standard input")
      ->required();
  sub->add_option("-c", options->traffic.packets, "look at this many packets only")
      ->transform(whole_number(1, UINT64_MAX));
  sub->add_option("-o,--output", options->output, "write to this file");
  sub->add_flag("--json", options->json, "print JSON; the profile is its text");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
