// SPDX-License-Identifier: BSD-2-Clause
// `ipjit kernel`: the module, from a person's hands.
#include <fmt/core.h>
#include <unistd.h>

#include <memory>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/kernel/module.h"
#include "tools/ipjit/kernel/report.h"
#include "tools/ipjit/say.h"
#include "tools/ipjit/stats_table.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kShutdownMs = 20'000;

constexpr const char* kHelp =
    R"(Without a subcommand it says what the module does.  Modes: off takes nothing over; observe (the
first) lets the kernel's code decide and runs ours beside it on sampled packets; on lets ours
decide.  A mode is kept in /etc/ipjit/kernel.conf.  After a boot that did not end in a shutdown the
module starts in off, until a mode is said.  What changes something needs root.

Examples:
  ipjit kernel
  sudo ipjit kernel load
  sudo ipjit kernel mode on
  sudo ipjit kernel pause        every filter runs the kernel's own code, at once
  sudo ipjit kernel evict 12     the number is that of `ipjit stats`
  sudo ipjit kernel shadow on    run both codes on every packet and count differences
  ipjit kernel status --json | jq .kernel.compared)";

struct Options {
  bool json = false;
  bool boot = false;
  uint64_t id = 0;
  std::string mode;
  std::string shadow;
};

Result<KernelStatus> read_status(const KernelPlaces& places) {
  KernelStatus status = {.facts = read_kernel_facts(places)};
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
  if (!device) {
    status.refusal = device.error().why;
    return status;
  }
  Result<KernelView> view = read_view(**device);
  if (!view) return view.error();
  status.view = std::move(*view);
  return status;
}

int show_status(bool json) {
  Result<KernelStatus> status = read_status(kernel_places());
  if (!status) return complain(status.error());
  if (json)
    say(stdout, "{}\n", status_json(*status).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    say(stdout, "{}", status_text(*status, columns_of(STDOUT_FILENO)));
  return kSuccess;
}

int load(const Options& options) {
  const KernelPlaces places = kernel_places();
  const bool already = module_loaded(places);
  Result<Start> start = options.boot ? load_module(places) : load_by_hand(places);
  if (!start) return complain(start.error());
  if (already)
    say(stdout, "already loaded: see ipjit kernel status\n");
  else
    say(stdout, "loaded, mode {}: {}\n", kernel::word_of(start->mode), start->why);
  return kSuccess;
}

int unload(const Options& options) {
  const KernelPlaces places = kernel_places();
  const bool there = module_loaded(places);
  Status done = options.boot ? unload_module(places, kShutdownMs) : unload_by_hand(places);
  if (!done) return complain(done.error());
  say(stdout, "{}\n", there ? "unloaded: every filter runs the kernel's own code" : "not loaded");
  return kSuccess;
}

int set_mode(const std::string& word) {
  const KernelPlaces places = kernel_places();
  const ipjit_dev_mode mode = *kernel::mode_named(word);
  // First the disk: who may not write there may not change the machine's mode either.
  if (Status kept = keep_setting(places, "mode", word); !kept) return complain(kept.error());
  if (mode != IPJIT_DEV_OFF && module_disabled(places)) {
    say(stdout, "mode {}, from the next load on: the module was loaded with enabled=0\n", word);
    return kSuccess;
  }
  if (module_loaded(places)) {
    Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
    if (!device) return complain(device.error());
    if (Status set = (*device)->set_mode(mode); !set) return complain(set.error());
  }
  if (Status noted = note_mode(places, mode); !noted) return complain(noted.error());
  say(stdout, "mode {}{}\n", word,
      module_loaded(places) ? "" : ", from the next load on: sudo ipjit kernel load");
  return kSuccess;
}

int with_device(const std::function<Status(kernel::Device&)>& act, const std::string& done) {
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(kernel_places());
  if (!device) return complain(device.error());
  if (Status acted = act(**device); !acted) return complain(acted.error());
  say(stdout, "{}\n", done);
  return kSuccess;
}

void add_loading(CLI::App& kernel, const std::shared_ptr<Options>& options, int& status) {
  CLI::App* load_sub = kernel.add_subcommand("load", "Load the module in the mode that is kept");
  load_sub->add_flag("--boot", options->boot, "as the service does it: without asking systemd");
  load_sub->callback([options, &status] { status = load(*options); });
  CLI::App* unload_sub =
      kernel.add_subcommand("unload", "Give every filter back, stop ipjitd, take the module out");
  unload_sub->add_flag("--boot", options->boot, "as the service does it: without asking systemd");
  unload_sub->callback([options, &status] { status = unload(*options); });
}

void add_policy(CLI::App& kernel, const std::shared_ptr<Options>& options, int& status) {
  kernel.add_subcommand("pause", "Let every filter run the kernel's own code, at once")
      ->callback([&status] {
        status = with_device([](kernel::Device& device) { return device.pause(true); },
                             "paused: every filter runs the kernel's own code");
      });
  kernel.add_subcommand("resume", "End a pause")->callback([&status] {
    status = with_device([](kernel::Device& device) { return device.pause(false); }, "resumed");
  });
  CLI::App* evict = kernel.add_subcommand("evict", "Take one filter's code away for good");
  evict->add_option("ID", options->id, "the filter's number in `ipjit stats`")
      ->required()
      ->transform(whole_number(1, UINT64_MAX));
  evict->callback([options, &status] {
    status =
        with_device([&](kernel::Device& device) { return device.evict(options->id); },
                    fmt::format("evicted: filter {} keeps the kernel's own code", options->id));
  });
  CLI::App* mode = kernel.add_subcommand("mode", "Say whose verdict counts, from now on");
  mode->add_option("MODE", options->mode, "off, observe or on")
      ->required()
      ->check(CLI::IsMember({"off", "observe", "on"}));
  mode->callback([options, &status] { status = set_mode(options->mode); });
  CLI::App* shadow = kernel.add_subcommand("shadow", "Run both codes on every packet and compare");
  shadow->add_option("STATE", options->shadow, "on or off")
      ->required()
      ->check(CLI::IsMember({"on", "off"}));
  shadow->callback([options, &status] {
    const bool on = options->shadow == "on";
    status = with_device([on](kernel::Device& device) { return device.set_shadow(on); },
                         "shadow " + options->shadow);
  });
  kernel.add_subcommand("sweep", "Look now for filters that no probe reported")
      ->callback([&status] {
        status = with_device([](kernel::Device& device) { return device.sweep(); }, "swept");
      });
}

}  // namespace

void add_kernel(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("kernel", "Show and control the kernel module");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  sub->require_subcommand(0, 1);
  sub->add_flag("--json", options->json, "print the status as JSON");
  CLI::App* state = sub->add_subcommand("status", "Say what the module does");
  state->add_flag("--json", options->json, "print JSON");
  state->callback([options, &status] { status = show_status(options->json); });
  add_loading(*sub, options, status);
  add_policy(*sub, options, status);
  sub->callback([sub, options, &status] {
    if (sub->get_subcommands().empty()) status = show_status(options->json);
  });
}

}  // namespace ipjit::cli
