// SPDX-License-Identifier: BSD-2-Clause
// What it costs to make a filter: each stage alone, the whole street, the rivals' compilers, and
// the verifier's speed over a lot of code.
//
//   compile_bench [--smoke] [--hosts1000 FILE] [--json FILE]
//
// "compile + verify + publish" is ipjit_filter_replace() on a live filter: translate, optimise,
// emit, verify, seal, swap.  Stages are timed one by one beside it.  CPU time of the calling
// thread.
#include <cstdio>
#include <memory>

#include "bench/micro/engines.h"
#include "bench/micro/measure.h"
#include "bench/micro/programs.h"
#include "bpf-frontend/translate.h"
#include "ipjit/ipjit.h"
#include "ir/optimize.h"
#include "runtime/code_memory.h"
#include "runtime/pipeline.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

// Stops the benchmark: what is timed here must not be refused.
template <class T>
T need(Result<T> result, const char* what) {
  if (!result) {
    std::fprintf(stderr, "compile_bench: %s: %s\n", what, to_string(result.error()).c_str());
    std::exit(1);
  }
  return std::move(*result);
}

const arch::Target& target() {
  static const arch::Target* const found = need(arch::default_target(), "target");
  return *found;
}

double us(uint64_t ns) { return static_cast<double>(ns) / 1e3; }

struct Stages {
  std::vector<double> translate, optimize, emit, verify, seal;
};

void time_stages(const Compiled& compiled, Stages& stages, tier1::Tier1& tier) {
  uint64_t last = cpu_ns();
  const auto lap = [&](std::vector<double>& into) {
    const uint64_t now = cpu_ns();
    into.push_back(us(now - last));
    last = now;
  };
  ir::Program program = need(bpf::translate(compiled.insns, bpf::Dialect::kLibpcap), "translate");
  lap(stages.translate);
  ir::optimize(program);
  lap(stages.optimize);
  const ir::MachineCode code = need(tier.compile(program, target()), "tier1");
  lap(stages.emit);
  const verifier::Proof proof =
      need(verifier::verify(code.bytes, code.code_len, code.contract), "verify");
  lap(stages.verify);
  const runtime::InstalledCode installed =
      need(runtime::CodeMemory::seal(code.bytes, proof), "seal");
  lap(stages.seal);
}

std::vector<double> time_replace(const Compiled& compiled, size_t rounds) {
  const auto* insns = reinterpret_cast<const ipjit_insn*>(compiled.insns.data());
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = IPJIT_ENGINE_TIER1;
  ipjit_error error;
  const std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)> filter(
      ipjit_compile(insns, compiled.insns.size(), &options, &error), ipjit_filter_free);
  std::vector<double> times;
  for (size_t round = 0; filter && round < rounds; ++round) {
    const uint64_t start = cpu_ns();
    if (ipjit_filter_replace(filter.get(), insns, compiled.insns.size(), &error) != 0) break;
    times.push_back(us(cpu_ns() - start));
  }
  if (times.size() != rounds) {
    std::fprintf(stderr, "compile_bench: %s\n", error.text);
    std::exit(1);
  }
  return times;
}

json compile_row(const Compiled& compiled, size_t rounds) {
  Stages stages;
  tier1::Tier1 tier;
  const std::vector<double> whole = time_replace(compiled, rounds);
  for (size_t round = 0; round < rounds; ++round) time_stages(compiled, stages, tier);
  std::vector<double> dpdk;
  std::string dpdk_refusal;
  for (size_t round = 0; round < std::min<size_t>(rounds, 50) && dpdk_refusal.empty(); ++round) {
    const Result<double> seconds = dpdk_compile_s(compiled.insns);
    if (seconds)
      dpdk.push_back(*seconds * 1e6);
    else
      dpdk_refusal = seconds.error().why;
  }

  json row = {{"id", std::string(1, compiled.filter.id)},
              {"insns", compiled.insns.size()},
              {"replace_us", to_json(spread_of(whole))},
              {"pcap_compile_us", compiled.pcap_compile_s * 1e6},
              {"stages_us",
               {{"translate", to_json(spread_of(stages.translate))},
                {"optimize", to_json(spread_of(stages.optimize))},
                {"emit", to_json(spread_of(stages.emit))},
                {"verify", to_json(spread_of(stages.verify))},
                {"seal", to_json(spread_of(stages.seal))}}}};
  if (dpdk.empty())
    row["dpdk_refusal"] = dpdk_refusal;
  else
    row["dpdk_us"] = to_json(spread_of(dpdk));
  std::printf("%6zu  %-22s %8.1f %8.1f %8.1f %8.1f %8.1f  %12.1f  %s\n", compiled.insns.size(),
              to_string(spread_of(whole)).c_str(), spread_of(stages.translate).median,
              spread_of(stages.optimize).median, spread_of(stages.emit).median,
              spread_of(stages.verify).median, spread_of(stages.seal).median,
              compiled.pcap_compile_s * 1e6,
              dpdk.empty() ? dpdk_refusal.c_str() : to_string(spread_of(dpdk)).c_str());
  return row;
}

// Unoptimised programs, so that there is code to check: optimised, 1,000 hosts are one table.
json verifier_row(const std::vector<Compiled>& programs, size_t rounds) {
  tier1::Tier1 tier;
  json rows = json::array();
  for (const Compiled& compiled : programs) {
    const ir::Program program =
        need(bpf::translate(compiled.insns, bpf::Dialect::kLibpcap), "translate");
    const ir::MachineCode code = need(tier.compile(program, target()), "tier1");
    std::vector<double> speeds;
    for (size_t round = 0; round < rounds; ++round) {
      const size_t times = std::max<size_t>(1, 200'000 / code.code_len);
      const uint64_t start = cpu_ns();
      for (size_t i = 0; i < times; ++i)
        need(verifier::verify(code.bytes, code.code_len, code.contract), "verify");
      speeds.push_back(static_cast<double>(code.code_len * times) * 1e3 /
                       static_cast<double>(cpu_ns() - start));
    }
    std::printf("%6zu  %7u bytes of code: %s MB/s\n", compiled.insns.size(), code.code_len,
                to_string(spread_of(speeds)).c_str());
    rows.push_back({{"insns", compiled.insns.size()},
                    {"code_bytes", code.code_len},
                    {"mb_per_s", to_json(spread_of(speeds))}});
  }
  return rows;
}

json expression_row(size_t hosts, size_t rounds) {
  const std::string expression = host_list(hosts);
  std::vector<double> times;
  for (size_t round = 0; round < rounds; ++round) {
    ipjit_error error;
    const uint64_t start = cpu_ns();
    ipjit_filter* filter = ipjit_compile_expression(expression.c_str(), nullptr, &error);
    times.push_back(us(cpu_ns() - start) / 1e3);
    if (!filter) {
      std::fprintf(stderr, "compile_bench: %s\n", error.text);
      std::exit(1);
    }
    ipjit_filter_free(filter);
  }
  std::printf("%5zu hosts, text to running: %s ms\n", hosts, to_string(spread_of(times)).c_str());
  return {{"hosts", hosts}, {"ms", to_json(spread_of(times))}};
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--hosts1000", "--json"});
  const bool smoke = options.flag("--smoke");
  const size_t rounds = smoke ? 5 : 300;

  std::vector<Compiled> programs;
  for (char id : {'c', 'g'}) programs.push_back(compile_with_libpcap(filter(id)));
  if (!smoke) programs.push_back(compile_hosts1000(options.text("--hosts1000", "")));

  std::printf("compile + verify + publish, us (median [min-max] of %zu), and its stages\n", rounds);
  std::printf("%6s  %-22s %8s %8s %8s %8s %8s  %12s  %s\n", "insns", "replace a live filter",
              "transl.", "optimise", "emit", "verify", "seal", "pcap_compile",
              "rte_bpf load + JIT");
  json compile = json::array();
  for (const Compiled& compiled : programs)
    compile.push_back(compile_row(compiled, compiled.insns.size() > 1000 ? rounds / 3 : rounds));

  std::printf("\nverifier alone, unoptimised code\n");
  const json verify = verifier_row(programs, smoke ? 2 : 18);

  std::printf("\n");
  json expressions = json::array();
  for (size_t hosts : {size_t{100}, size_t{1000}})
    expressions.push_back(expression_row(hosts, smoke ? 1 : 10));

  write_json(options.text("--json", ""), {{"machine", machine()},
                                          {"dpdk", dpdk_version()},
                                          {"rounds", rounds},
                                          {"compile", compile},
                                          {"verifier", verify},
                                          {"expressions", expressions}});
  return 0;
}
