// SPDX-License-Identifier: BSD-2-Clause
// `ipjit verify`: the machine-code checker on a file.
#include <fmt/core.h>

#include <memory>
#include <vector>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/contract_json.h"
#include "tools/ipjit/filter_source.h"
#include "tools/ipjit/hex.h"
#include "tools/ipjit/say.h"
#include "tools/whole_number.h"
#include "verifier/verify.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    R"(FILE is raw machine code, or the same as hexadecimal digits, or what
`ipjit compile --emit bytes --json` prints.  CONTRACT is a JSON object with the fields of
struct ipjit_contract (fields left out are 0), or what `ipjit compile --emit bytes --json` prints.

Examples:
  ipjit compile --emit bytes --json 'tcp port 80' > unit.json
  ipjit verify unit.json --contract unit.json
  echo '{"bases":1,"max_len":65535}' > contract.json
  ipjit verify filter.bin --contract contract.json --json)";

struct Options {
  std::string file;
  std::string contract;
  uint64_t code_len = 0;
  bool json = false;
};

struct Subject {
  std::vector<uint8_t> unit;
  uint64_t code_len = 0;
  ipjit_contract contract = {};
};

Error bad_input(std::string why) { return {Stage::kUsage, Code::kBadInput, 0, std::move(why)}; }

// Raw code that is accepted ends in `ret` (c3) or its padding (cc), which are not text: a file of
// digits or one that opens a JSON object is never the raw code of a good unit.
Result<std::vector<uint8_t>> unit_of(const std::string& path, const std::string& file) {
  if (file.starts_with("{")) {
    Json json = Json::parse(file, nullptr, false);
    if (!json.is_discarded() && json.contains("bytes") && json["bytes"].is_string())
      if (auto bytes = from_hex(json["bytes"].get<std::string>())) return *bytes;
    return bad_input(path + ": a JSON object without hexadecimal \"bytes\"");
  }
  if (auto bytes = from_hex(file)) return *bytes;
  return std::vector<uint8_t>(file.begin(), file.end());
}

Result<Subject> subject_of(const Options& options) {
  Result<std::string> file = read_file(options.file);
  if (!file) return file.error();
  Result<std::vector<uint8_t>> unit = unit_of(options.file, *file);
  if (!unit) return unit.error();
  Result<std::string> text = read_file(options.contract);
  if (!text) return text.error();
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return bad_input(options.contract + ": not JSON");
  bool wrapped = json.is_object() && json.contains("contract");
  Result<ipjit_contract> contract = contract_from_json(wrapped ? json["contract"] : json);
  if (!contract) return contract.error();
  Subject subject{.unit = *unit, .code_len = unit->size(), .contract = *contract};
  if (wrapped && json.contains("code_len") && json["code_len"].is_number_unsigned())
    subject.code_len = json["code_len"].get<uint64_t>();
  if (options.code_len) subject.code_len = options.code_len;
  if (subject.unit.empty()) return bad_input(options.file + ": empty");
  if (subject.code_len > subject.unit.size())
    return bad_input(
        fmt::format("{} bytes of code in a unit of {}", subject.code_len, subject.unit.size()));
  return subject;
}

Json to_json(const ipjit_report& report) {
  Json json = {{"accepted", report.accepted != 0}, {"insns", report.insns}};
  if (report.accepted) {
    json["stack_bytes"] = report.stack_bytes;
    return json;
  }
  json["offset"] = report.offset;
  json["insn"] = report.insn;
  json["rule"] = ipjit_rule_name(report.rule);
  json["meaning"] = ipjit_rule_meaning(report.rule);
  json["state"] = report.state;
  return json;
}

void print_report(const std::string& path, const ipjit_report& report) {
  if (report.accepted)
    say(stdout, "{}: accepted: {} instructions, {} bytes of stack\n", path, report.insns,
        report.stack_bytes);
  else
    say(stdout, "{}: refused\n  at      byte 0x{:x}: {}\n  rule    {}: {}\n  state   {}\n", path,
        report.offset, report.insn, ipjit_rule_name(report.rule), ipjit_rule_meaning(report.rule),
        report.state);
}

int run(const Options& options) {
  Result<Subject> subject = subject_of(options);
  if (!subject) return complain(subject.error());
  std::vector<uint8_t> workspace(ipjit_verify_workspace(subject->code_len));
  ipjit_report report = {};
  ipjit_verify(&subject->contract, subject->unit.data(), subject->code_len, subject->unit.size(),
               workspace.data(), workspace.size(), &report);
  if (options.json)
    say(stdout, "{}\n", to_json(report).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    print_report(options.file, report);
  if (report.accepted) return kSuccess;
  return complain({Stage::kVerifier, Code::kRefused, report.offset,
                   fmt::format("{}: {}", ipjit_rule_name(report.rule), report.insn)});
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("verify", "Check machine code against a contract");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  sub->add_option("FILE", options->file, "machine code; -: standard input")->required();
  sub->add_option("--contract", options->contract, "JSON file of the contract")->required();
  sub->add_option("--code-len", options->code_len,
                  "bytes of code before the tables; default: the contract file's, else all")
      ->transform(whole_number(1, UINT64_MAX));
  sub->add_flag("--json", options->json, "print JSON");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
