// SPDX-License-Identifier: BSD-2-Clause
// `ipjit enable`, `ipjit disable`, `ipjit status`: the drop-in libpcap, system-wide.
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/say.h"
#include "tools/pcap/switch.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kEnableHelp =
    R"(Puts ipjit's libpcap before the system's, for every program that starts from now on; also for
those that LD_PRELOAD does not reach (sudo, set-user-ID, file capabilities).  Needs root, because it
writes /etc/ld.so.conf.d/ and runs ldconfig.  `ipjit disable` takes it out again.

Examples:
  sudo ipjit enable
  ipjit status)";
constexpr const char* kDisableHelp =
    R"(Takes ipjit's libpcap out again: what starts from now on uses the system's.  Needs root.

Examples:
  sudo ipjit disable)";
constexpr const char* kStatusHelp = R"(Says whether programs that start now filter through ipjit.

Examples:
  ipjit status
  ipjit status --json | jq .effective)";

int show(const Result<pcap::SwitchState>& state, bool json) {
  if (!state) return complain(state.error());
  if (json) {
    Json report = {{"state", state->word()},          {"installed", state->installed},
                   {"configured", state->configured}, {"effective", state->effective},
                   {"drop_in", state->drop_in},       {"found", state->found}};
    say(stdout, "{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
    return kSuccess;
  }
  say(stdout, "{}\n  drop-in         {}{}\n  programs get    {}\n", state->word(), state->drop_in,
      state->installed ? "" : " (not installed)",
      state->found.empty() ? "no libpcap" : state->found);
  return kSuccess;
}

}  // namespace

void add_switch(CLI::App& app, int& status) {
  CLI::App* enable = app.add_subcommand("enable", "Put ipjit before libpcap, for every program");
  enable->footer(kEnableHelp);
  enable->callback([&status] { status = show(pcap::enable(), false); });
  CLI::App* disable = app.add_subcommand("disable", "Take it out again");
  disable->footer(kDisableHelp);
  disable->callback([&status] { status = show(pcap::disable(), false); });
  CLI::App* state = app.add_subcommand("status", "Say whether it is there");
  state->footer(kStatusHelp);
  auto json = std::make_shared<bool>(false);
  state->add_flag("--json", *json, "print JSON");
  state->callback([json, &status] { status = show(pcap::status(), *json); });
}

}  // namespace ipjit::cli
