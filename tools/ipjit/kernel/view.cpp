// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/kernel/view.h"

#include <fmt/core.h>
#include <signal.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "tools/ipjit/files.h"

namespace ipjit::cli {
namespace {

using Json = nlohmann::json;

Error bad_status(const std::string& why) {
  return {Stage::kKernel, Code::kBadInput, 0, fmt::format("the daemon's status: {}", why)};
}

std::vector<std::string> lines_of(const Json& why) {
  if (why.is_string()) return {why.get<std::string>()};
  return why.get<std::vector<std::string>>();
}

// EPERM: it lives, and belongs to another user.
bool lives(int pid) { return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM); }

}  // namespace

Comparison& Comparison::operator+=(const ipjit_dev_filter& filter) {
  packets += filter.compared;
  differences += filter.differences;
  kernel_cycles += filter.kernel_cycles;
  native_cycles += filter.native_cycles;
  return *this;
}

std::optional<double> Comparison::saving() const {
  if (!packets || !kernel_cycles) return std::nullopt;
  return 1 - static_cast<double>(native_cycles) / static_cast<double>(kernel_cycles);
}

Comparison comparison_of(const ipjit_dev_filter& filter) { return Comparison{} += filter; }

Comparison comparison_of(const std::vector<ipjit_dev_filter>& filters) {
  Comparison sum;
  for (const ipjit_dev_filter& filter : filters) sum += filter;
  return sum;
}

Result<DaemonStatus> parse_daemon_status(const std::string& text) {
  if (text.empty()) return DaemonStatus{};
  try {
    const Json json = Json::parse(text);
    DaemonStatus status;
    status.pid = json.at("pid").get<int>();
    status.running = true;
    status.waiting = json.value("waiting", uint64_t{0});
    const Json tier2 = json.value("tier2", Json::object());
    status.cpu_ms = tier2.value("cpu_ms", uint64_t{0});
    status.tier2_percent = tier2.value("percent", uint64_t{0});
    const Json tier1 = json.value("tier1", Json::object());
    status.tier1_cpu_ms = tier1.value("cpu_ms", uint64_t{0});
    status.tier1_percent = tier1.value("percent", uint64_t{0});
    status.no_tier2 = tier2.value("unavailable", "");
    if (status.no_tier2.empty() && !tier2.value("on", true)) status.no_tier2 = "switched off";
    for (const Json& filter : json.value("filters", Json::array()))
      if (filter.contains("why"))
        status.why[filter.at("id").get<uint64_t>()] = lines_of(filter.at("why"));
    return status;
  } catch (const Json::exception& wrong) {
    return bad_status(wrong.what());
  }
}

DaemonStatus read_daemon_status(const std::string& path) {
  const std::optional<std::string> text = text_of(path);
  // It is the daemon's group's to read, and the service takes it away when the daemon ends.
  if (!text) return {.running = exists(path)};
  Result<DaemonStatus> status = parse_daemon_status(*text);
  if (!status || !lives(status->pid)) return {};
  return *status;
}

Result<KernelView> read_view(kernel::Device& device) {
  KernelView view;
  Result<ipjit_dev_info> info = device.info();
  if (!info) return info.error();
  view.info = *info;
  Result<std::vector<ipjit_dev_filter>> filters = device.list();
  if (!filters) return filters.error();
  view.filters = std::move(*filters);
  view.daemon = read_daemon_status();
  return view;
}

}  // namespace ipjit::cli
