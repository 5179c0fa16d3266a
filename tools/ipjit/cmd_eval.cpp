// SPDX-License-Identifier: BSD-2-Clause
// `ipjit eval`: the test door.  One JSON object a line in, one a line out.
//
//   {"id":1,"insns":[[6,0,0,65535]],"packets":[{"hex":"00"}]}
//   ==> {"id":1,"engine":"tier1","results":[65535]}
//   {"id":2,"insns":[[255,0,0,0]]}
//   ==> {"id":2,"error":{"stage":"frontend","code":"kBadOpcode","at":0,"why":"..."}}
//
// The engine asked for answers, or the reason why it cannot: there is no fallback.  A line that is
// not JSON gets an error with a null id.  The exit status speaks of the conversation, not of the
// programs: 0 when every line was answered.
// Answers are flushed line by line, so that a driver may wait for one before it asks the next.
#include <fmt/core.h>

#include <iostream>
#include <memory>
#include <string>

#include "ipjit/engine.h"
#include "ir/replay.h"
#include "runtime/pipeline.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/eval_case.h"
#include "tools/ipjit/reference.h"
#include "tools/ipjit/special_unit.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp = R"(Reads one JSON object a line and prints one a line:
  {"id":"x","dialect":"linux","insns":[[40,0,0,12],[21,0,1,2048],[6,0,0,65535],[6,0,0,0]],
   "packets":[{"hex":"...","wirelen":60,"meta":{"protocol":2048,"ifindex":1}}]}
  {"id":"x","engine":"tier1","results":[65535]}
or, in place of results, "error":{"stage":"frontend","code":"kBadOpcode","at":3,"why":"..."}.
"expr", "dlt", "snaplen", "netmask" and "optimize" may stand in place of "insns".
tier2 is specialised for the packets that come with the program, or for none with --no-profile.

Examples:
  echo '{"id":1,"expr":"ip","dlt":"EN10MB","packets":[{"hex":"00"}]}' | ipjit eval --engine tier1
  ipjit eval --engine interp < cases.jsonl)";

using Results = std::vector<uint32_t>;

Result<Results> run_reference(const EvalCase& eval_case) {
  Result<Reference> reference = Reference::make(eval_case.insns, eval_case.dialect);
  if (!reference) return reference.error();
  Results results;
  for (const EvalPacket& packet : eval_case.packets)
    results.push_back(reference->run(packet.bytes, packet.ctx.wire_len));
  return results;
}

ir::Profile watch_packets(const ir::Program& general, const EvalCase& eval_case) {
  ir::Replayer replayer(general);
  for (const EvalPacket& packet : eval_case.packets)
    replayer.packet({.head = packet.bytes, .cap_len = packet.bytes.size(), .follows = true},
                    packet.ctx);
  return replayer.take();
}

Result<Results> run_tier2(const EvalCase& eval_case, bool watched) {
  Watch watch;
  if (watched)
    watch = [&](const ir::Program& general) { return watch_packets(general, eval_case); };
  Result<SpecialUnit> unit = build_tier2(eval_case.insns, eval_case.dialect, watch);
  if (!unit) return unit.error();
  Results results;
  for (const EvalPacket& packet : eval_case.packets)
    results.push_back(unit->special->run(packet.bytes, packet.ctx));
  return results;
}

Result<Results> run_case(const EvalCase& eval_case, Engine engine, bool watched) {
  if (engine == Engine::kLibpcap) return run_reference(eval_case);
  if (engine == Engine::kTier2) return run_tier2(eval_case, watched);
  auto unit = runtime::build(eval_case.insns, {.dialect = eval_case.dialect, .engine = engine});
  if (!unit) return unit.error();
  Results results;
  for (const EvalPacket& packet : eval_case.packets)
    results.push_back((*unit)->run(packet.bytes, packet.ctx));
  return results;
}

Json error_object(const Json& id, const Error& error) {
  return {{"id", id},
          {"error",
           {{"stage", name_of(error.stage)},
            {"code", name_of(error.code)},
            {"at", error.at},
            {"why", error.why}}}};
}

Json answer(const std::string& line, uint64_t line_number, Engine engine, bool watched) {
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return error_object(nullptr, {Stage::kUsage, Code::kSyntax, line_number, "line is not JSON"});
  Json id = json.is_object() && json.contains("id") ? json["id"] : Json(nullptr);
  Result<EvalCase> eval_case = read_case(json);
  if (!eval_case) return error_object(id, eval_case.error());
  Result<Results> results = run_case(*eval_case, engine, watched);
  if (!results) return error_object(id, results.error());
  return {{"id", id}, {"engine", name_of(engine)}, {"results", *results}};
}

int run(const std::string& engine_name, bool watched) {
  Engine engine = *engine_named(engine_name);
  std::ios::sync_with_stdio(false);
  std::string line;
  for (uint64_t line_number = 1; std::getline(std::cin, line); ++line_number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    // Bytes that are not UTF-8 may come back inside an id: replaced, for output must not throw.
    std::cout << answer(line, line_number, engine, watched)
                     .dump(-1, ' ', false, Json::error_handler_t::replace)
              << '\n'
              << std::flush;
    if (!std::cout)
      return complain({Stage::kRuntime, Code::kIo, 0, "standard output cannot be written"});
  }
  if (std::cin.bad())
    return complain({Stage::kRuntime, Code::kIo, 0, "standard input cannot be read"});
  return kSuccess;
}

}  // namespace

void add_eval(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("eval", "Run programs on packets, JSON lines in and out");
  sub->footer(kHelp);
  auto engine = std::make_shared<std::string>("interp");
  sub->add_option("--engine", *engine, "interp, tier1, tier2, or libpcap as the reference")
      ->required()
      ->check(CLI::IsMember({"interp", "tier1", "tier2", "libpcap"}));
  auto watched = std::make_shared<bool>(true);
  sub->add_flag("--profile,!--no-profile", *watched,
                "tier2 is specialised for the case's packets (default)");
  sub->callback([engine, watched, &status] { status = run(*engine, *watched); });
}

}  // namespace ipjit::cli
