// SPDX-License-Identifier: BSD-2-Clause
// The cost model beside the clock.
//
//   model_bench [--smoke] [--filters cdfj] [--repeats N] [--hosts1000 FILE] [--json FILE]
//
// First what ir::kCosts should hold on this machine, construct by construct; then, for the bench
// filters on the bench traffic, what the model expects of the general and the specialised program
// under the profile that this traffic gives, and what the tiers' code for it takes.  The model is
// for `stream`: fresh packets in the shared cache.  `hot` are 1,024 packets again and again, which
// the processor learns by heart.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "bench/micro/caches.h"
#include "bench/micro/cost_probes.h"
#include "bench/micro/measure.h"
#include "bench/micro/native.h"
#include "bench/micro/programs.h"
#include "bench/micro/rule_sets.h"
#include "bench/micro/units.h"
#include "bench/traffic/traffic.h"
#include "ir/special/cost.h"
#include "ir/special/specialise.h"
#include "tier1-asmjit/tier1.h"
#ifdef IPJIT_HAVE_LLVM
#include "tier2-llvm/tier2.h"
#endif

namespace {

using namespace ipjit;
using namespace ipjit::bench;
using nlohmann::json;

struct Plan {
  size_t packets = 100'000;
  size_t hot = 1024;
  size_t repeats = 9;
  size_t hot_rounds = 60;
};

constexpr std::pair<const char*, double ir::CostTable::*> kMembers[] = {
    {"call", &ir::CostTable::call},
    {"packet", &ir::CostTable::packet},
    {"simple", &ir::CostTable::simple},
    {"test", &ir::CostTable::test},
    {"multiply", &ir::CostTable::multiply},
    {"divide", &ir::CostTable::divide},
    {"need", &ir::CostTable::need},
    {"branch", &ir::CostTable::branch},
    {"jump", &ir::CostTable::jump},
    {"probe", &ir::CostTable::probe},
    {"probe_miss", &ir::CostTable::probe_miss},
    {"found", &ir::CostTable::found},
    {"count", &ir::CostTable::count},
    {"mispredict", &ir::CostTable::mispredict}};

/// How often a packet pays each member: what a fit of the table to the times works with.
json weights_of(const ir::Program& program, const ir::Profile& profile) {
  json weights;
  for (const auto& [name, member] : kMembers) {
    ir::CostTable one;
    one.*member = 1;
    weights[name] = ir::expected_cost(program, profile, one).cycles;
  }
  return weights;
}

constexpr const char* kTiers[] = {"tier1", "tier2"};

struct Code {
  NativePtr native;                 // null: refused, or no LLVM in this build
  std::vector<double> hot, stream;  // ns per packet
};

struct Row {
  std::string name;
  ir::Cost model;
  json weights;
  Code code[std::size(kTiers)];
};

double ns_per_packet(const Runner& runner, size_t count, size_t rounds) {
  const uint64_t start = cpu_ns();
  const uint64_t matches = runner.run(count, rounds);
  const uint64_t took = cpu_ns() - start;
  asm volatile("" : : "r"(matches));
  return static_cast<double>(took) / static_cast<double>(count * rounds);
}

NativePtr native_or_say(const std::string& name, const char* tier, const ir::Program& program,
                        ir::Compiler& compiler) {
  Result<NativePtr> native = make_native(program, compiler);
  if (native) return *native;
  std::printf("   %-24s %s %s\n", name.c_str(), tier, to_string(native.error()).c_str());
  return nullptr;
}

/// One shape of the program, with the code that the tiers make of it.
void add(std::vector<Row>& rows, const std::string& name, const ir::Program& program,
         const ir::Profile& profile) {
  Row row{name, ir::expected_cost(program, profile), weights_of(program, profile), {}};
  tier1::Tier1 tier1;
  row.code[0].native = native_or_say(name, kTiers[0], program, tier1);
#ifdef IPJIT_HAVE_LLVM
  tier2::Tier2 tier2;
  row.code[1].native = native_or_say(name, kTiers[1], program, tier2);
#endif
  rows.push_back(std::move(row));
}

void measure(Code& code, const Traffic& traffic, const Plan& plan) {
  if (!code.native) return;
  const Runner runner = body_runner("", code.native, traffic.packets());
  forget_branch_targets();
  runner.run(plan.hot, 20);
  code.hot.push_back(ns_per_packet(runner, plan.hot, plan.hot_rounds));
  leave_in_shared_cache(traffic.packets());
  code.stream.push_back(ns_per_packet(runner, plan.packets, 1));
}

void measure(std::vector<Row>& rows, const Traffic& traffic, const Plan& plan) {
  for (size_t repeat = 0; repeat < plan.repeats; ++repeat)
    for (size_t turn = 0; turn < rows.size(); ++turn)
      for (Code& code : rows[(turn + repeat) % rows.size()].code) measure(code, traffic, plan);
}

std::string cell(const std::vector<double>& times) {
  return times.empty() ? "-" : to_string(spread_of(times));
}

json report(char id, const std::vector<Row>& rows) {
  json shapes = json::array();
  for (const Row& row : rows) {
    std::printf("%c  %-20s %6.2f  %-18s %-18s %-18s %-18s %5.2f %5.1f\n", id, row.name.c_str(),
                row.model.ns(), cell(row.code[0].stream).c_str(), cell(row.code[1].stream).c_str(),
                cell(row.code[0].hot).c_str(), cell(row.code[1].hot).c_str(), row.model.mispredicts,
                row.model.instructions);
    json shape = {{"name", row.name},
                  {"model_ns", row.model.ns()},
                  {"mispredicts", row.model.mispredicts},
                  {"instructions", row.model.instructions},
                  {"weights", row.weights}};
    for (size_t tier = 0; tier < std::size(kTiers); ++tier) {
      const Code& code = row.code[tier];
      if (!code.native) continue;
      shape[kTiers[tier]] = {{"hot", to_json(spread_of(code.hot))},
                             {"stream", to_json(spread_of(code.stream))}};
    }
    shapes.push_back(shape);
  }
  return {{"id", std::string(1, id)}, {"shapes", shapes}};
}

/// The general program, the specialised one, for each pass that made a difference the one without
/// it, and where nothing is promised the one that is told how long packets are.
std::vector<Row> shapes_of(const ir::Program& general, const Traffic& traffic,
                           const ir::Facts& facts = {}) {
  const ir::Profile profile = profile_of(general, traffic.packets());
  std::vector<Row> rows;
  add(rows, "general", general, profile);
  const ir::Specialised all = ir::specialise(general, profile, facts);
  if (!all.changed) return rows;
  add(rows, "specialised", all.program, all.profile);
  constexpr std::pair<const char*, bool ir::Choices::*> kPasses[] = {
      {"fold_facts", &ir::Choices::fold_facts},   {"order_terms", &ir::Choices::order_terms},
      {"set_shapes", &ir::Choices::set_shapes},   {"guards", &ir::Choices::guards},
      {"hoist_needs", &ir::Choices::hoist_needs}, {"wide_loads", &ir::Choices::wide_loads},
      {"if_convert", &ir::Choices::if_convert},   {"layout", &ir::Choices::layout}};
  for (const auto& [name, pass] : kPasses) {
    ir::Choices choices;
    choices.*pass = false;
    const ir::Specialised without = ir::specialise(general, profile, facts, choices);
    if (without.program != all.program)
      add(rows, std::string("without ") + name, without.program, without.profile);
  }
  if (facts != ir::Facts()) return rows;
  // What an attachment may know of these packets; nobody promised it for the other rows.
  const auto lengths = std::ranges::minmax(traffic.packets(), {}, &ipjit_packet::caplen);
  const ir::Facts known{.fields = {}, .min_len = lengths.min.caplen, .max_len = lengths.max.caplen};
  const ir::Specialised told = ir::specialise(general, profile, known);
  if (told.program != all.program) add(rows, "with fold_facts", told.program, told.profile);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--smoke", "--filters", "--repeats", "--hosts1000", "--json"});
  Plan plan;
  const bool smoke = options.flag("--smoke");
  if (smoke) plan = {.packets = 4000, .hot = 256, .repeats = 1, .hot_rounds = 2};
  plan.repeats = options.number("--repeats", plan.repeats);
  const std::string wanted = options.text("--filters", smoke ? "abcdefgijkl" : "abcdefghijkl");

  const double ghz = measured_ghz();
  std::printf("%-12s %9s %9s   cycles\n", "construct", "measured", "kCosts");
  json probes = json::array();
  for (const Probe& probe : cost_probes(ghz, plan.repeats)) {
    std::printf("%-12s %9.2f %9.2f\n", probe.name.c_str(), probe.cycles, probe.model);
    probes.push_back({{"name", probe.name}, {"measured", probe.cycles}, {"model", probe.model}});
  }

  const Traffic traffic = generate(plan.packets);
  std::printf("\n   %-20s %6s  %-18s %-18s %-18s %-18s %5s %5s\n", "ns/packet", "model",
              "tier1, stream", "tier2, stream", "tier1, hot", "tier2, hot", "wrong", "insns");
  json results = json::array();
  for (const Filter& filter : filters()) {
    if (wanted.find(filter.id) == std::string::npos) continue;
    const Compiled compiled = filter.id == 'h' ? compile_hosts1000(options.text("--hosts1000", ""))
                                               : compile_with_libpcap(filter);
    const Result<ir::Program> general = general_program(compiled.insns);
    if (!general) {
      std::printf("%c  %s\n", filter.id, to_string(general.error()).c_str());
      return 1;
    }
    std::vector<Row> rows = shapes_of(*general, traffic);
    measure(rows, traffic, plan);
    results.push_back(report(filter.id, rows));
  }
  for (const RuleSet& rules : rule_sets()) {
    if (wanted.find(rules.id) == std::string::npos) continue;
    std::vector<Row> rows = shapes_of(rules.program, traffic, rules.facts);
    measure(rows, traffic, plan);
    results.push_back(report(rules.id, rows));
  }
  write_json(options.text("--json", ""),
             {{"machine", machine()}, {"probes", probes}, {"filters", results}});
  return 0;
}
