// SPDX-License-Identifier: BSD-2-Clause
// `ipjit filter`: runs a filter over a capture file.
//
// Packets come in batches that are in memory before the clock starts, so "ns a packet" is the
// filter's cost and not the reading's.  The clock is this thread's CPU time: what other processes
// do on the machine is not the filter's cost either.  -c ends the work at that packet, as it does
// in tcpdump; the batch around it was filtered whole, and is timed whole.
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "runtime/pipeline.h"
#include "tools/ipjit/capture.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/eval_case.h"
#include "tools/ipjit/filter_source.h"
#include "tools/ipjit/link_type.h"
#include "tools/ipjit/progress.h"
#include "tools/ipjit/runner.h"
#include "tools/ipjit/say.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

std::chrono::nanoseconds cpu_time() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

constexpr const char* kHelp =
    R"(Without --engine and IPJIT_ENGINE the best engine that takes the filter runs, and is named in the
summary; a long capture reaches tier 2 on the way.  --engine tier2 is specialised for the first
packets at once.

Examples:
  ipjit filter -r capture.pcap 'tcp port 80'
  ipjit filter -r capture.pcapng -w web.pcap -c 1000 'tcp port 80 or tcp port 443'
  ipjit filter -r capture.pcap --engine libpcap 'tcp port 80'      to compare
  zcat capture.pcap.gz | ipjit filter -r - --count ip6
  ipjit filter -r capture.pcap --json udp)";

struct Options {
  FilterSource source;
  std::string input;
  std::string output;
  std::string engine;
  uint64_t most = 0;  ///< matches; 0: all
  bool count_only = false;
  bool progress = false;
  bool json = false;
};

struct Tally {
  uint64_t packets = 0;
  uint64_t matched = 0;
  uint64_t timed = 0;  ///< packets that the clock ran over
  std::chrono::nanoseconds spent = {};

  double ns_per_packet() const {
    return timed ? static_cast<double>(spent.count()) / static_cast<double>(timed) : 0;
  }
};

/// Takes: the first batch as it was read.
Status run_all(Capture& capture, PacketBatch& batch, const Runner& runner, CaptureWriter* writer,
               const Options& options, Tally& tally) {
  Progress progress(options.progress || isatty(STDERR_FILENO));
  std::vector<uint32_t> verdicts;
  for (;;) {
    if (batch.packets.empty()) return ok();
    std::chrono::nanoseconds start = cpu_time();
    runner.run(batch, verdicts);
    tally.spent += cpu_time() - start;
    tally.timed += verdicts.size();
    for (size_t i = 0; i < verdicts.size(); ++i) {
      ++tally.packets;
      if (!verdicts[i]) continue;
      ++tally.matched;
      if (writer) writer->write(batch.headers[i], batch.packets[i].data);
      if (tally.matched == options.most) return ok();
    }
    progress.show(capture.fraction(), tally.packets, tally.matched);
    if (Status read = capture.read(batch); !read) return read.error();
  }
}

void print_summary(const Options& options, const Runner& runner, const Tally& tally,
                   std::FILE* out) {
  if (options.json) {
    Json json = {{"file", options.input},     {"filter", options.source.title()},
                 {"engine", runner.engine()}, {"packets", tally.packets},
                 {"matched", tally.matched},  {"ns_per_packet", tally.ns_per_packet()}};
    if (!runner.refusal().empty()) json["refusal"] = runner.refusal();
    say(out, "{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else if (options.count_only) {
    say(out, "{}\n", tally.matched);
  } else {
    say(out, "{} of {} packets match; {}, {:.1f} ns a packet\n", grouped(tally.matched),
        grouped(tally.packets), runner.engine(), tally.ns_per_packet());
  }
  if (!runner.refusal().empty())
    say(stderr, "ipjit: {}; {} runs it\n", runner.refusal(), runner.engine());
}

int run(Options options) {
  if (options.engine.empty()) {
    Result<std::optional<Engine>> engine = runtime::engine_from_environment();
    if (!engine) return complain(engine.error());
    if (*engine) options.engine = name_of(**engine);
  }
  Status kept = keep_inputs(options.source, {.capture = options.input}, "-w", options.output);
  if (!kept) return complain(kept.error());
  Result<Capture> capture = Capture::open(options.input);
  if (!capture) return complain(capture.error());
  Result<bpf::InsnList> insns = load(options.source, capture->link());
  if (!insns) return complain(insns.error());
  PacketBatch batch;
  Status first = ok();
  // Tier 2 by name is made for packets; whoever else waits for some is seen to wait in `stats`.
  const bool made_for_packets = options.engine == "tier2";
  if (made_for_packets) first = capture->read(batch);
  Result<Runner> runner = Runner::make(*insns, *bpf::dialect_named(options.source.dialect),
                                       options.engine, options.source.title(), batch);
  if (!runner) return complain(runner.error());
  std::optional<CaptureWriter> writer;
  if (!options.output.empty()) {
    Result<CaptureWriter> created = CaptureWriter::create(options.output, *capture);
    if (!created) return complain(created.error());
    writer = std::move(*created);
  }
  Tally tally;
  if (!made_for_packets) first = capture->read(batch);
  Status done = first
                    ? run_all(*capture, batch, *runner, writer ? &*writer : nullptr, options, tally)
                    : first;
  // What was written before the damage is whole packets: it is kept, as tcpdump keeps it.
  Status written = writer ? writer->finish() : ok();
  if (!written) return complain(written.error());
  if (!done) return complain(done.error());
  // Packets on standard output: words go beside them.
  print_summary(options, *runner, tally, writer && writer->is_standard_output() ? stderr : stdout);
  return kSuccess;
}

}  // namespace

void add_filter(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("filter", "Run a filter over a capture file");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  add_source_options(*sub, options->source);
  sub->add_option("-r,--read", options->input, "pcap or pcapng file; -: standard input")
      ->required();
  sub->add_option("-w,--write", options->output, "write what matches, as pcap; -: standard output");
  sub->add_option("-c", options->most, "end after this many matches")
      ->transform(whole_number(1, UINT64_MAX));
  sub->add_flag("--count", options->count_only, "print the number of matches only");
  sub->add_option("--engine", options->engine, "interp, tier1, tier2 or libpcap; no fallback then")
      ->check(CLI::IsMember({"interp", "tier1", "tier2", "libpcap"}));
  sub->add_flag("--progress", options->progress, "show progress though stderr is no terminal");
  sub->add_flag("--json", options->json, "print JSON");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
