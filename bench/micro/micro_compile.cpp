// SPDX-License-Identifier: BSD-2-Clause
// How long a filter takes to make, by its length: a list of hosts, which becomes a table, and a
// chain of tests, which stays one.
#include <benchmark/benchmark.h>
#include <pcap/pcap.h>

#include <functional>
#include <memory>

#include "bench/micro/families.h"
#include "bench/micro/measure.h"
#include "bench/micro/native.h"
#include "bench/micro/shapes.h"
#include "bench/micro/units.h"
#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "runtime/code_memory.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::bench {
namespace {

using benchmark::State;
using Maker = Compiled (*)(size_t);
using Handle = std::unique_ptr<ipjit_filter, void (*)(ipjit_filter*)>;

constexpr size_t kSizes[] = {1, 4, 16, 64, 256, 1000};

const arch::Target& target() { return **arch::default_target(); }

ir::Program translated(const Compiled& compiled) {
  return *bpf::translate(compiled.insns, bpf::Dialect::kLibpcap);
}

// ipjit_filter_replace() on a live filter: translate, optimise, emit, verify, seal, swap.
void replace(State& state, Maker shape, size_t count) {
  const Compiled compiled = shape(count);
  const auto* insns = reinterpret_cast<const ipjit_insn*>(compiled.insns.data());
  ipjit_options options = {};
  options.size = sizeof options;
  options.engine = IPJIT_ENGINE_TIER1;
  ipjit_error error;
  const Handle filter(ipjit_compile(insns, compiled.insns.size(), &options, &error),
                      ipjit_filter_free);
  if (!filter) return state.SkipWithError(error.text);
  for (auto _ : state)
    if (ipjit_filter_replace(filter.get(), insns, compiled.insns.size(), &error) != 0)
      return state.SkipWithError(error.text);
  state.counters["insns"] = static_cast<double>(compiled.insns.size());
}

// The same from text: pcap's grammar, our front end, tier 1.
void expression(State& state, size_t hosts) {
  const std::string text = host_list(hosts);
  for (auto _ : state) {
    ipjit_error error;
    const Handle filter(ipjit_compile_expression(text.c_str(), nullptr, &error), ipjit_filter_free);
    if (!filter) return state.SkipWithError(error.text);
  }
}

void pcap_text(State& state, size_t hosts) {
  const std::string text = host_list(hosts);
  pcap_t* const handle = pcap_open_dead(DLT_EN10MB, 262144);
  for (auto _ : state) {
    bpf_program program;
    pcap_compile(handle, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN);
    pcap_freecode(&program);
  }
  pcap_close(handle);
}

// Tier 2's compiler in this process; a server's round trip is tier2_compile's to measure.
void tier2(State& state, Maker shape, size_t count) {
  const Result<std::unique_ptr<ir::Compiler>> compiler = llvm_compiler();
  if (!compiler) return state.SkipWithError(compiler.error().why.c_str());
  const Result<ir::Program> program = general_program(shape(count).insns);
  if (!program) return state.SkipWithError(program.error().why.c_str());
  for (auto _ : state)
    if (!(*compiler)->compile(*program, target())) return state.SkipWithError("refused");
}

void dpdk(State& state, Maker shape, size_t count) {
  const Compiled compiled = shape(count);
  for (auto _ : state) {
    const Result<double> seconds = dpdk_compile_s(compiled.insns);
    if (!seconds) return state.SkipWithError(seconds.error().why.c_str());
    state.SetIterationTime(*seconds);
  }
}

void translate(State& state, const Compiled& compiled) {
  for (auto _ : state) benchmark::DoNotOptimize(translated(compiled));
}

void optimise(State& state, const Compiled& compiled) {
  const ir::Program source = translated(compiled);
  for (auto _ : state) {
    ir::Program program = source;
    ir::optimize(program);
    benchmark::DoNotOptimize(program);
  }
}

void emit(State& state, const Compiled& compiled) {
  const ir::Program program = *general_program(compiled.insns);
  tier1::Tier1 tier;
  for (auto _ : state) benchmark::DoNotOptimize(tier.compile(program, target()));
}

Result<ir::MachineCode> tier1_code(const Compiled& compiled) {
  const Result<ir::Program> program = general_program(compiled.insns);
  tier1::Tier1 tier;
  return program ? tier.compile(*program, target()) : program.error();
}

void verify(State& state, const Compiled& compiled) {
  const Result<ir::MachineCode> made = tier1_code(compiled);
  if (!made) return state.SkipWithError(made.error().why.c_str());
  const ir::MachineCode& code = *made;
  for (auto _ : state)
    if (!verifier::verify(code.bytes, code.code_len, code.contract))
      return state.SkipWithError("refused");
  state.SetBytesProcessed(static_cast<int64_t>(code.code_len * state.iterations()));
}

void seal(State& state, const Compiled& compiled) {
  tier1::Tier1 tier;
  const ir::MachineCode code = *tier.compile(*general_program(compiled.insns), target());
  const verifier::Proof proof = *verifier::verify(code.bytes, code.code_len, code.contract);
  for (auto _ : state) benchmark::DoNotOptimize(runtime::CodeMemory::seal(code.bytes, proof));
}

}  // namespace

void register_compile() {
  const auto add = [](const std::string& what, size_t size, std::function<void(State&)> run) {
    return benchmark::RegisterBenchmark((what + "/" + std::to_string(size)).c_str(),
                                        [run](State& state) { run(state); });
  };
  constexpr std::pair<const char*, Maker> kShapes[] = {{"hosts", hosts_program},
                                                       {"chain", chain_program}};
  for (const auto& [name, shape] : kShapes)
    for (const size_t size : kSizes) {
      const auto of = [&](const char* what) { return std::string("compile/") + what + " " + name; };
      add(of("tier1"), size, [=](State& state) { replace(state, shape, size); });
      if (size <= 256) add(of("tier2"), size, [=](State& state) { tier2(state, shape, size); });
      add(of("rte_bpf"), size, [=](State& state) { dpdk(state, shape, size); })->UseManualTime();
    }
  for (const size_t size : kSizes) {
    add("compile/expression hosts", size, [=](State& state) { expression(state, size); });
    if (size <= 64) add("compile/pcap_compile hosts", size, [=](State& s) { pcap_text(s, size); });
    constexpr std::pair<const char*, void (*)(State&, const Compiled&)> kStages[] = {
        {"translate", translate},
        {"optimise", optimise},
        {"emit", emit},
        {"verify", verify},
        {"seal", seal}};
    for (const auto& [name, stage] : kStages)
      add(std::string("stage/") + name + " chain", size,
          [=](State& state) { stage(state, chain_program(size)); });
  }
}

}  // namespace ipjit::bench
