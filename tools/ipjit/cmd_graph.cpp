// SPDX-License-Identifier: BSD-2-Clause
// `ipjit graph`: a filter's control flow as a picture, drawn by Graphviz.
#include <fmt/core.h>

#include <memory>

#include "bpf-frontend/check.h"
#include "ir/dot.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/piped.h"
#include "tools/ipjit/say.h"
#include "tools/ipjit/traffic.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp =
    R"(Draws the filter as ipjit sees it: a box for each block, with its instructions.  With packets
(-r or --profile) it is the filter as specialised for them: arrows are as wide as they are busy,
hot blocks are red, cold ones grey, and what each pass did stands below.

The picture's kind is that of FILE's name, or --format; without either, Graphviz's own text is
printed.  Pictures need Graphviz (sudo apt install graphviz).

Examples:
  ipjit graph -o filter.svg 'tcp port 80'
  ipjit graph -r capture.pcap -o filter.png 'tcp port 80'
  ipjit graph -r capture.pcap --general -o before.svg 'tcp port 80'
  ipjit graph ip6 | dot -Tpdf > filter.pdf)";

struct Options {
  FilterSource source;
  Traffic traffic;
  std::string dlt = "EN10MB";
  std::string output;
  std::string format;
  std::vector<std::string> without;
  bool general = false;
};

/// Fails: kUsage: FILE's name ends in none of ours.
Result<std::string> format_of(const Options& options) {
  if (!options.format.empty()) return options.format;
  if (options.output.empty()) return std::string("dot");
  for (const char* format : {"svg", "png", "dot"})
    if (options.output.ends_with("." + std::string(format))) return std::string(format);
  return Error{Stage::kUsage, Code::kBadOption, 0,
               fmt::format("'{}' ends in none of .svg, .png, .dot: say --format", options.output)};
}

Result<std::string> dot_text(const Options& options) {
  if (options.source.words.empty() && options.source.file.empty())
    return Error{Stage::kUsage, Code::kBadOption, 0,
                 "graph needs EXPR or -f FILE ('' matches all packets)"};
  Result<ir::Choices> choices =
      choices_without(options.without, options.traffic.known(), "-r or --profile");
  if (!choices) return choices.error();
  const bpf::Dialect dialect = *bpf::dialect_named(options.source.dialect);
  Result<OpenTraffic> traffic =
      open_traffic(options.traffic, options.dlt, dialect, options.source.title());
  if (!traffic) return traffic.error();
  Result<bpf::InsnList> insns = load(options.source, traffic->link);
  if (!insns) return insns.error();
  if (Status checked = bpf::check(*insns, dialect); !checked) return checked.error();
  StagesRequest request = {.dialect = dialect,
                           .engine = Engine::kInterp,
                           .special = options.traffic.known(),
                           .watch = traffic->watch,
                           .choices = *choices};
  Result<Stages> stages = compile_stages(*insns, request);
  if (!stages) return stages.error();
  stages->program.name = options.source.title().empty() ? "all" : options.source.title();
  if (!stages->special) return ir::dot_of(stages->program);
  Special& special = *stages->special;
  special.general.name = stages->program.name;
  if (options.general) return ir::dot_of(special.general, &special.profile);
  return ir::dot_of(stages->program, &special.known, special.log);
}

/// The text is worth having where no picture can be made of it.
int without_picture(const std::string& dot, const Error& why) {
  say(stdout, "{}", dot);
  Error error = why;
  error.why += "; printed as Graphviz text instead (to mend it: sudo apt install graphviz)";
  return complain(error);
}

int run(const Options& options) {
  Status kept = keep_inputs(options.source, options.traffic, "-o", options.output);
  if (!kept) return complain(kept.error());
  Result<std::string> format = format_of(options);
  if (!format) return complain(format.error());
  Result<std::string> dot = dot_text(options);
  if (!dot) return complain(dot.error());
  std::string picture = *dot;
  if (*format != "dot") {
    Result<PipedRun> drawn = run_on("dot", {"-T" + *format}, *dot);
    if (!drawn) return without_picture(*dot, drawn.error());
    if (drawn->status != 0)
      return complain({Stage::kRuntime, Code::kRefused, 0,
                       "dot: " + drawn->err.substr(0, drawn->err.find('\n'))});
    picture = std::move(drawn->out);
  }
  Status written = write_file(options.output, picture);
  return written ? kSuccess : complain(written.error());
}

}  // namespace

void add_graph(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("graph", "Draw a filter's control flow");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  add_source_options(*sub, options->source);
  add_traffic_options(*sub, options->traffic);
  sub->add_flag("--general", options->general, "the filter before it was specialised");
  sub->add_option("--without", options->without, "passes of the specialiser to leave out")
      ->delimiter(',')
      ->allow_extra_args(false)  // EXPR may be the next word
      ->check(CLI::IsMember(pass_names()));
  sub->add_option("--dlt", options->dlt, "link type of the expression, where -r does not say")
      ->capture_default_str();
  sub->add_option("--format", options->format, "svg, png or dot")
      ->check(CLI::IsMember({"svg", "png", "dot"}));
  sub->add_option("-o,--output", options->output, "write to this file");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
