// SPDX-License-Identifier: BSD-2-Clause
// A status of the module:
//
//   module        loaded, version 0.1.0
//   mode          observe; at the next start observe
//   filters       3 taken over, 2 with our code
//   observed      1,204,553 packets, 0 differences, would save 31 % of filter time
//   left alone    2, because: an eBPF program, not a classic one
//   code          12.3 KiB of 1 MiB; tables 64 KiB
//   compiled      14 accepted, 0 refused; verified with 31.4 cycles a byte
//   ipjitd        runs, pid 4711
#include "tools/ipjit/kernel/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "runtime/kernel/device.h"
#include "tools/ipjit/kernel/checks.h"
#include "tools/ipjit/kernel/table.h"
#include "tools/ipjit/progress.h"
#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

class Lines {
 public:
  explicit Lines(size_t columns) : columns_(columns) {}
  void add(const std::string& name, const std::string& words) {
    text_ += cut(fmt::format("{:<13} {}", name, words), columns_) + "\n";
  }
  std::string text() const { return text_; }

 private:
  size_t columns_;
  std::string text_ = {};
};

std::string mode_line(const KernelStatus& status) {
  const KernelFacts& facts = status.facts;
  if (!facts.settings_refusal.empty()) return "unknown: " + facts.settings_refusal;
  const Start start = decide_start(facts.boot);
  const std::string next = facts.boot.held ? "off" : kernel::word_of(facts.boot.configured);
  if (!status.view)
    return facts.loaded ? fmt::format("configured {}", next)
                        : fmt::format("starts in {} ({})", kernel::word_of(start.mode), start.why);
  const ipjit_dev_info& info = status.view->info;
  return fmt::format(
      "{}{}{}; at the next start {}", kernel::word_of(static_cast<ipjit_dev_mode>(info.mode)),
      info.shadow ? ", shadow: every packet runs both codes, the kernel's decides" : "",
      info.paused ? ", paused: every filter runs the kernel's own code" : "", next);
}

std::string daemon_line(const KernelStatus& status) {
  std::string line = check_kernel_daemon(status.facts).detail;
  if (!status.view || !status.view->daemon.running) return line;
  const DaemonStatus& daemon = status.view->daemon;
  if (daemon.waiting) line += fmt::format("; {} filters wait", grouped(daemon.waiting));
  if (!daemon.no_tier2.empty()) line += "; no tier 2: " + daemon.no_tier2;
  return line;
}

void add_view(Lines& lines, const KernelView& view) {
  const ipjit_dev_info& info = view.info;
  const auto native = std::count_if(
      view.filters.begin(), view.filters.end(),
      [&](const ipjit_dev_filter& filter) { return engine_of(filter, info) != "kernel"; });
  lines.add("filters", fmt::format("{} taken over, {} with our code", view.filters.size(), native));
  const std::string compared = comparison_words(comparison_of(view.filters), ours_decides(info));
  if (!compared.empty()) lines.add(ours_decides(info) ? "compared" : "observed", compared);
  for (int i = 0; i < IPJIT_DEV_LEFT_COUNT; ++i)
    if (info.left[i])
      lines.add("left alone", fmt::format("{}, because: {}", grouped(info.left[i]),
                                          kernel::sentence_of(static_cast<ipjit_dev_left>(i))));
  lines.add("code", fmt::format("{} of {}; tables {}", bytes_words(info.code_used),
                                bytes_words(info.code_size), bytes_words(info.table_used)));
  std::string compiled = fmt::format("{} accepted, {} refused", info.installs, info.refusals);
  if (info.verify_bytes)
    compiled += fmt::format(
        "; verified with {:.1f} cycles a byte",
        static_cast<double>(info.verify_cycles) / static_cast<double>(info.verify_bytes));
  lines.add("compiled", compiled);
}

std::string of_limit(uint64_t used, uint64_t limit) {
  return fmt::format("{} of {}", bytes_words(used), limit ? bytes_words(limit) : "any");
}

std::string limit_words(const LimitName& limit, uint64_t number) {
  if (!number) return "any";
  return limit.in_bytes ? bytes_words(number) : grouped(number);
}

/// Processor time of the daemon, as its status file last said.
std::string cpu_line(const DaemonStatus& daemon) {
  if (!daemon.running) return "ipjitd does not run\n";
  if (!daemon.tier1_percent) return "ipjitd: its use of the processor cannot be read\n";
  const auto words = [](uint64_t ms, uint64_t percent) {
    return fmt::format("{}, at most {} % of a processor",
                       short_seconds(static_cast<double>(ms) / 1e3), percent);
  };
  return fmt::format("ipjitd: first compiles {}; tier 2 {}\n",
                     words(daemon.tier1_cpu_ms, daemon.tier1_percent),
                     words(daemon.cpu_ms, daemon.tier2_percent));
}

Json daemon_cpu_json(const DaemonStatus& daemon) {
  if (!daemon.tier1_percent) return nullptr;
  return {{"tier1", {{"cpu_ms", daemon.tier1_cpu_ms}, {"percent", daemon.tier1_percent}}},
          {"tier2", {{"cpu_ms", daemon.cpu_ms}, {"percent", daemon.tier2_percent}}}};
}

/// Which limits hold for it.
struct Limits {
  uint64_t code, table;
};
Limits limits_of(const ipjit_dev_use& use) {
  if (use.what == static_cast<uint32_t>(kernel::Whose::kUser))
    return {use.limit.code_user, use.limit.table_user};
  if (use.what == static_cast<uint32_t>(kernel::Whose::kNetns))
    return {use.limit.code_netns, use.limit.table_netns};
  return {use.limit.code_all, use.limit.table_all};
}

}  // namespace

std::string bytes_words(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double scaled = static_cast<double>(bytes);
  for (const char* unit : {"KiB", "MiB", "GiB", "TiB"}) {
    scaled /= 1024;
    if (scaled < 1024)
      return scaled == static_cast<double>(static_cast<uint64_t>(scaled))
                 ? fmt::format("{:.0f} {}", scaled, unit)
                 : fmt::format("{:.1f} {}", scaled, unit);
  }
  return fmt::format("{:.0f} PiB", scaled / 1024);
}

std::optional<uint64_t> bytes_of(const std::string& words) {
  uint64_t number = 0;
  const char* end = words.data() + words.size();
  auto [rest, wrong] = std::from_chars(words.data(), end, number);
  if (wrong != std::errc{} || !number) return std::nullopt;
  int shift = 0;
  if (rest != end) {
    const size_t unit = std::string("kKmMgG").find(*rest);
    if (unit == std::string::npos || rest + 1 != end) return std::nullopt;
    shift = 10 * static_cast<int>(unit / 2 + 1);
  }
  if (number > UINT64_MAX >> shift) return std::nullopt;
  return number << shift;
}

std::string status_text(const KernelStatus& status, size_t columns) {
  Lines lines(std::clamp<size_t>(columns, 80, 120));
  const KernelFacts& facts = status.facts;
  const bool elsewhere = !facts.loaded && !status.refusal.empty();
  lines.add("module", elsewhere ? status.refusal : check_kernel_module(facts).detail);
  if (facts.loaded && !status.refusal.empty()) lines.add("device", status.refusal);
  lines.add("mode", mode_line(status));
  if (facts.boot.held)
    lines.add("held in off", fmt::format("{}; `sudo ipjit kernel mode {}` lets it go",
                                         *facts.boot.held, kernel::word_of(facts.boot.configured)));
  if (status.view) add_view(lines, *status.view);
  if (facts.loaded) lines.add("ipjitd", daemon_line(status));
  return lines.text();
}

Json status_json(const KernelStatus& status) {
  const KernelFacts& facts = status.facts;
  const Start start = decide_start(facts.boot);
  Json json = {{"installed", !facts.module_file.empty()},
               {"loaded", facts.loaded},
               {"version", facts.loaded_version},
               {"enabled", facts.enabled ? Json(*facts.enabled) : Json(nullptr)},
               {"configured", kernel::word_of(facts.boot.configured)},
               {"next_start", {{"mode", kernel::word_of(start.mode)}, {"why", start.why}}},
               {"held", facts.boot.held ? Json(*facts.boot.held) : Json(nullptr)},
               {"refusal", status.refusal.empty() ? Json(nullptr) : Json(status.refusal)},
               {"kernel", nullptr}};
  if (status.view) json["kernel"] = kernel_json(*status.view, interface_name);
  return json;
}

std::string budget_text(std::span<const Use> uses, const ipjit_dev_info& info,
                        const DaemonStatus& daemon) {
  std::string out =
      fmt::format("{:<20} {:>7} {:>24} {:>24}\n", "WHOSE", "FILTERS", "CODE", "TABLES");
  for (const Use& one : uses) {
    const Limits limits = limits_of(one.use);
    out += fmt::format("{:<20} {:>7} {:>24} {:>24}\n", one.whose, one.use.filters,
                       of_limit(one.use.code, limits.code), of_limit(one.use.table, limits.table));
  }
  const ipjit_dev_use all = uses.empty() ? ipjit_dev_use{} : uses.front().use;
  out += fmt::format("code cache {}, {} evicted under pressure\n",
                     of_limit(info.code_used, info.code_size), grouped(all.evictions));
  out += cpu_line(daemon);
  for (const LimitName& limit : kLimits)
    out += fmt::format("--{:<12} {:>10}  {}\n", limit.name,
                       limit_words(limit, all.limit.*limit.limit), limit.meaning);
  return out;
}

Json budget_json(std::span<const Use> uses, const ipjit_dev_info& info,
                 const DaemonStatus& daemon) {
  Json list = Json::array();
  for (const Use& one : uses)
    list.push_back({{"whose", one.whose},
                    {"filters", one.use.filters},
                    {"code", one.use.code},
                    {"table", one.use.table}});
  const ipjit_dev_use all = uses.empty() ? ipjit_dev_use{} : uses.front().use;
  Json limits = Json::object();
  for (const LimitName& limit : kLimits) limits[limit.name] = all.limit.*limit.limit;
  return {{"code_used", info.code_used}, {"code_size", info.code_size},
          {"evictions", all.evictions},  {"limits", std::move(limits)},
          {"uses", std::move(list)},     {"ipjitd", daemon_cpu_json(daemon)}};
}

}  // namespace ipjit::cli
