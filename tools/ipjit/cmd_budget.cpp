// SPDX-License-Identifier: BSD-2-Clause
// `ipjit budget`: how much memory of the kernel filters may take, and who takes it; how much of the
// processor their compiler may.
#include <fmt/core.h>

#include <array>
#include <memory>
#include <set>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/kernel/module.h"
#include "tools/ipjit/kernel/report.h"
#include "tools/ipjit/say.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    R"(Shows what filters in the kernel use, and the limits; with an option it sets a limit, which is
kept in /etc/ipjit/kernel.conf.  Bytes may end in k, M or G.  Under pressure the coldest code goes
first, and its filter runs the kernel's own; filters beyond a user's number stay with the kernel's.
What the compile daemon may take of a processor is set with its --tier1-percent, --tier2-percent.

Examples:
  ipjit budget
  sudo ipjit budget --code-user 256k --table-all 64M
  ipjit budget --json | jq .limits)";

struct Options {
  bool json = false;
  std::array<std::string, std::size(kLimits)> limits;

  bool sets() const {
    return std::any_of(limits.begin(), limits.end(),
                       [](const std::string& limit) { return !limit.empty(); });
  }
};

Status set_limits(const Options& options, const KernelPlaces& places) {
  ipjit_dev_budget budget = {};
  for (size_t i = 0; i < std::size(kLimits); ++i) {
    if (options.limits[i].empty()) continue;
    const std::optional<uint64_t> number = bytes_of(options.limits[i]);
    if (!number)
      return Error{
          Stage::kUsage, Code::kBadOption, 0,
          fmt::format("--{}: '{}' is not a number{} such as 65536, 64k or 1M", kLimits[i].name,
                      options.limits[i], kLimits[i].in_bytes ? " of bytes" : "")};
    budget.*kLimits[i].limit = *number;
  }
  for (const LimitName& limit : kLimits)
    if (const uint64_t number = budget.*limit.limit)
      if (Status kept = keep_setting(places, limit.name, std::to_string(number)); !kept)
        return kept;
  if (!module_loaded(places)) return ok();
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
  if (!device) return device.error();
  return (*device)->set_budget(budget);
}

Result<std::vector<Use>> read_uses(kernel::Device& device) {
  Result<std::vector<ipjit_dev_filter>> filters = device.list();
  if (!filters) return filters.error();
  std::set<uint64_t> users, namespaces;
  for (const ipjit_dev_filter& filter : *filters) {
    users.insert(filter.uid);
    namespaces.insert(filter.netns);
  }
  std::vector<Use> uses;
  auto add = [&](std::string words, kernel::Whose whose, uint64_t key) -> Status {
    Result<ipjit_dev_use> use = device.use(whose, key);
    if (!use) return use.error();
    uses.push_back({std::move(words), *use});
    return ok();
  };
  if (Status all = add("all", kernel::Whose::kAll, 0); !all) return all.error();
  for (uint64_t uid : users)
    if (Status one = add(fmt::format("uid {}", uid), kernel::Whose::kUser, uid); !one)
      return one.error();
  for (uint64_t inode : namespaces)
    if (Status one = add(fmt::format("netns {}", inode), kernel::Whose::kNetns, inode); !one)
      return one.error();
  return uses;
}

int show(bool json, const KernelPlaces& places) {
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
  if (!device) return complain(device.error());
  Result<ipjit_dev_info> info = (*device)->info();
  if (!info) return complain(info.error());
  Result<std::vector<Use>> uses = read_uses(**device);
  if (!uses) return complain(uses.error());
  const DaemonStatus daemon = read_daemon_status(places.root + kDaemonStatusPath);
  if (json)
    say(stdout, "{}\n",
        budget_json(*uses, *info, daemon).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    say(stdout, "{}", budget_text(*uses, *info, daemon));
  return kSuccess;
}

int run(const Options& options) {
  const KernelPlaces places = kernel_places();
  if (options.sets()) {
    if (Status set = set_limits(options, places); !set) return complain(set.error());
    if (!module_loaded(places)) {
      say(stdout, "kept, for the next load: sudo ipjit kernel load\n");
      return kSuccess;
    }
  }
  return show(options.json, places);
}

}  // namespace

void add_budget(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("budget", "Show and limit the kernel memory of filters");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  for (size_t i = 0; i < std::size(kLimits); ++i)
    sub->add_option(fmt::format("--{}", kLimits[i].name), options->limits[i],
                    fmt::format("at most so many{}: {}", kLimits[i].in_bytes ? " bytes" : "",
                                kLimits[i].meaning));
  sub->add_flag("--json", options->json, "print JSON");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
