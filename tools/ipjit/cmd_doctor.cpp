// SPDX-License-Identifier: BSD-2-Clause
// `ipjit doctor`: what this machine offers, and what is missing.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/doctor_checks.h"
#include "tools/ipjit/say.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    R"(Changes nothing.  Each thing that is missing comes with the command that mends it.
Exit status 0 if filters compile and run here, whatever else is missing; 1 if not.

Examples:
  ipjit doctor
  ipjit doctor --json | jq '.checks[] | select(.state != "ok")')";

Json to_json(const std::vector<Check>& checks, bool works) {
  Json list = Json::array();
  for (const Check& check : checks)
    list.push_back({{"name", check.name},
                    {"state", name_of(check.health)},
                    {"detail", check.detail},
                    {"mend", check.mend.empty() ? Json(nullptr) : Json(check.mend)}});
  return {{"works", works}, {"version", IPJIT_VERSION}, {"checks", list}};
}

void print_checks(const std::vector<Check>& checks, bool works) {
  for (const Check& check : checks) {
    say(stdout, "{:<8} {:<18} {}\n", name_of(check.health), check.name, check.detail);
    if (!check.mend.empty()) say(stdout, "{:<27} mend: {}\n", "", check.mend);
  }
  say(stdout, "{}\n",
      works ? "Filters compile and run here."
            : "Filters do not run natively here: see what is broken.");
}

int run(bool json) {
  std::vector<Check> checks = all_checks();
  bool works = std::none_of(checks.begin(), checks.end(),
                            [](const Check& check) { return check.health == Health::kBroken; });
  if (json)
    say(stdout, "{}\n", to_json(checks, works).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    print_checks(checks, works);
  return works ? kSuccess : kFailure;
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("doctor", "Show what this machine offers and what is missing");
  sub->footer(kHelp);
  auto json = std::make_shared<bool>(false);
  sub->add_flag("--json", *json, "print JSON");
  sub->callback([json, &status] { status = run(*json); });
}

}  // namespace ipjit::cli
