// SPDX-License-Identifier: BSD-2-Clause
// `ipjit stats`: what filters do and did, of every process on this machine.
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <memory>
#include <optional>

#include "runtime/stats.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/kernel/module.h"
#include "tools/ipjit/kernel/table.h"
#include "tools/ipjit/say.h"
#include "tools/ipjit/stats_table.h"
#include "tools/whole_number.h"

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;

using Json = nlohmann::ordered_json;

constexpr size_t kFinishedShown = 10;  // in the table, without --all

constexpr const char* kHelp =
    R"(Shows the filters that run now and the youngest that have finished.  Root sees all users'.
Filters that the kernel module has taken over stand below (root, group ipjit).  NS/PKT is timed on
sampled packets; WAS is the engine replaced, on the same packets; SAVED is the difference times
PACKETS.  Needs no daemon, and no filter waits for it.

Examples:
  ipjit stats
  ipjit stats --all              every finished filter that is still remembered (100)
  ipjit stats --why              why each filter runs on its tier
  ipjit stats --pid 4711
  ipjit stats --json | jq '.filters[] | select(.alive)'
  watch -n 1 ipjit stats)";

struct Options {
  bool json = false;
  bool all = false;
  bool why = false;
  int pid = 0;
};

std::vector<FilterRecord> records_of(const Options& options) {
  if (options.pid) return runtime::read_stats_of(options.pid);
  std::vector<FilterRecord> records = runtime::read_all_stats();
  size_t finished = 0;
  std::erase_if(records, [&](const FilterRecord& record) {
    return !record.alive && ++finished > runtime::kFinishedKept;
  });
  return records;
}

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

void print_table(const Options& options, std::vector<FilterRecord> records) {
  double saved = 0;
  size_t alive = 0;
  for (const FilterRecord& record : records) {
    saved += record.saved_seconds;
    alive += record.alive;
  }
  size_t finished = records.size() - alive;
  size_t shown = options.all || options.pid ? finished : std::min(finished, kFinishedShown);
  records.resize(alive + shown);
  say(stdout, "{}", stats_table(records, columns_of(STDOUT_FILENO), now_ns(), options.why));
  say(stdout, "{} running, {} finished{}; CPU time saved: {}\n", alive, finished,
      shown < finished ? fmt::format(" ({} not shown: --all)", finished - shown) : "",
      short_seconds(saved));
}

/// What the kernel filters; none without the module, which many machines do without.
std::optional<Result<KernelView>> read_kernel(const Options& options) {
  const KernelPlaces places = kernel_places();
  // The kernel's filters are the module's, of whatever process.
  if (options.pid || !module_loaded(places)) return std::nullopt;
  Result<std::unique_ptr<kernel::Device>> device = open_kernel(places);
  if (!device) return device.error();
  return read_view(**device);
}

int print_json(const std::vector<FilterRecord>& records,
               const std::optional<Result<KernelView>>& kernel) {
  Json json = {{"filters", stats_json(records)}, {"kernel", nullptr}};
  if (kernel && *kernel) json["kernel"] = kernel_json(**kernel, interface_name);
  if (kernel && !*kernel) json["kernel_refusal"] = kernel->error().why;
  say(stdout, "{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  return kSuccess;
}

std::string without_records(const Options& options) {
  const std::string whose = options.pid ? fmt::format(" of process {}", options.pid) : "";
  if (const std::string why = why_no_records(); !why.empty())
    return fmt::format("cannot tell what filters{} run: {}", whose, why);
  return fmt::format("no filter{} runs, and none has finished{}", whose,
                     options.pid ? "" : ": try `ipjit exec -- tcpdump ...`");
}

int run(const Options& options) {
  std::vector<FilterRecord> records = records_of(options);
  const std::optional<Result<KernelView>> kernel = read_kernel(options);
  if (options.json) return print_json(records, kernel);
  if (records.empty() && !kernel) say(stdout, "{}\n", without_records(options));
  if (!records.empty()) print_table(options, std::move(records));
  if (!kernel) return kSuccess;
  if (*kernel)
    say(stdout, "{}",
        kernel_table(**kernel, columns_of(STDOUT_FILENO), interface_name, options.why));
  else
    say(stdout, "in the kernel: {}\n", kernel->error().why);
  return kSuccess;
}

}  // namespace

void add_stats(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("stats", "Show what filters do and did on this machine");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  CLI::Option* all = sub->add_flag("--all", options->all, "show every finished filter remembered");
  sub->add_flag("--why", options->why, "say why each runs on its tier, and what else was tried");
  sub->add_option("--pid", options->pid, "show this process's filters only")
      ->transform(whole_number(1, INT_MAX))
      ->excludes(all);
  sub->add_flag("--json", options->json, "print JSON");
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
