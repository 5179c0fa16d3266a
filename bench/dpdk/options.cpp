// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "bench/dpdk/filter_engines.h"
#include "bench/dpdk/run.h"

namespace ipjit::pktbench {
namespace {

constexpr const char* kExamples = R"(Scenarios:
  filters   every engine on the same packets: Mpps, ns, cycles, burst latency, matches
  rules     5-tuple rule sets: rte_acl and a plain scan
  swap      the filter is replaced under load; each packet knows what it may get
  phase     traffic changes under running filters: a time series

Examples:
  ipjit-pktbench
  ipjit-pktbench filters --expression 'udp port 53' --traffic imix --bursty 8
  ipjit-pktbench filters --traffic capture.pcap --engines 'rte_bpf JIT' 'ipjit tier2 burst'
  ipjit-pktbench swap --swap-seconds 60
  ipjit-pktbench filters --port af_packet:veth0,veth1
  ipjit-pktbench filters --port eal --lcores 3 -- -a 0000:03:00.0

Words behind -- are EAL's.  Exit status: 0; 1 if an engine disagrees for no known reason, a packet
is lost or gets a verdict of no program; 2 on misuse; 77 if the machine lacks what it takes.)";

void add_traffic(CLI::App& app, Options& options) {
  app.add_option("--traffic", options.frames.traffic,
                 "bytes of a packet with its FCS (64 to 1518), imix, or a capture's path")
      ->capture_default_str();
  app.add_option("--packets", options.frames.packets, "different packets that go round")
      ->capture_default_str()
      ->check(CLI::Range(64, 1 << 20));
  app.add_option("--flows", options.frames.shape.flows, "flows that they belong to")
      ->capture_default_str()
      ->check(CLI::Range(100, 1 << 20));
  app.add_option("--skew", options.frames.shape.skew,
                 "popularity of the flow of rank r: (r + 20) to the power of -SKEW")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 4.0));
  app.add_option("--seed", options.frames.seed, "of what is synthesised")->capture_default_str();
  app.add_option("--bursty", options.bursty,
                 "mean size of bursts, drawn geometrically; 0: all are full")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 512.0));
}

void add_machine(CLI::App& app, Options& options) {
  app.add_option("--port", options.port,
                 "ring, pcap:FILE (net_pcap replays it), af_packet:NET,NET (two ends of a veth "
                 "pair), or eal (what EAL finds)")
      ->capture_default_str();
  app.add_option("--lcores", options.lcores,
                 "1: generator and filter on one; N: a generator and N-1 filters, a queue each")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--burst", options.burst, "packets asked for at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, static_cast<int>(kMostBurst)));
  app.add_option("--json", options.json, "write all results into this file");
}

void add_measuring(CLI::App& app, Options& options) {
  app.add_option("--filters", options.filters, "letters a to j: the project's ten filters")
      ->capture_default_str()
      ->check([](const std::string& letters) {
        return letters.find_first_not_of("abcdefghij") == std::string::npos
                   ? std::string()
                   : "'" + letters + "': filters are a to j";
      });
  app.add_option("--expression", options.expressions, "pcap expressions, in place of the letters");
  app.add_option("--engines", options.engines, "only these; forward only is always there")
      ->check(CLI::IsMember(filter_engine_names()));
  app.add_option("--hosts1000", options.hosts1000,
                 "file that keeps filter h's program, which libpcap compiles for a minute");
  app.add_option("--repeats", options.repeats, "turns of each engine")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--turn", options.turn_s, "seconds of a turn")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 60.0));
  app.add_option("--patience", options.patience_s, "seconds that tier 2 gets to settle")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 600.0));
}

void add_scenarios(CLI::App& app, Options& options) {
  app.add_option("--rules", options.rules,
                 "file of 5-tuple rules (tab-separated, gzip or plain); rules asks for it");
  app.add_option("--rule-counts", options.rule_counts, "sizes of the sets taken from it")
      ->capture_default_str();
  app.add_option("--swaps", options.swaps, "replacements a second")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--swap-seconds", options.swap_s, "with swaps; as long again runs without")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  app.add_option("--phase-seconds", options.phase_s, "of each of the three phases")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
}

void smoke(Options& options) {
  options.frames.packets = 2048;
  options.repeats = 2;
  options.turn_s = 0.005;
  options.patience_s = 0.2;
  options.rule_counts = {10, 100};
  options.swap_s = 1;
  options.phase_s = 0.4;
}

}  // namespace

Options options_of(int argc, char** argv) {
  Options options;
  const auto words = std::find_if(argv + 1, argv + argc,
                                  [](const char* word) { return std::string(word) == "--"; });
  if (words != argv + argc) options.eal.assign(words + 1, argv + argc);

  CLI::App app{"Packets at speed through DPDK ports and every filter engine."};
  app.name("ipjit-pktbench");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string("ipjit-pktbench, ") + rte_version());
  app.add_option("scenario", options.scenarios, "filters, rules, swap, phase: one or several")
      ->check(CLI::IsMember({"filters", "rules", "swap", "phase"}));
  // Other defaults, so that what the user says besides still holds.
  bool quick = std::find(argv + 1, words, std::string("--smoke")) != words;
  if (quick) smoke(options);
  app.add_flag("--smoke", quick, "seconds in all, to see that it works; the numbers mean nothing");
  add_traffic(app, options);
  add_machine(app, options);
  add_measuring(app, options);
  add_scenarios(app, options);
  try {
    app.parse(static_cast<int>(words - argv), argv);
    const bool wants_rules = std::find(options.scenarios.begin(), options.scenarios.end(),
                                       "rules") != options.scenarios.end();
    if (wants_rules && options.rules.empty())
      throw CLI::ValidationError("rules: --rules FILE is needed");
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) std::exit(app.exit(error));
    std::fprintf(stderr, "ipjit-pktbench: usage: %s\n", error.what());
    std::exit(2);
  }
  if (options.engines.empty()) options.engines = filter_engine_names();
  return options;
}

}  // namespace ipjit::pktbench
