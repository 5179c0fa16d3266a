// SPDX-License-Identifier: BSD-2-Clause
// The kernel's half of the screen:
//
//      PKT/S  NATIVE  SAVING ENGINE  RETREATS  IN THE KERNEL
//       1.2M    99 %    31 % tier2          0  filter 12, tcpdump, packet socket on eth0
#include "tools/ipjit/kernel/rates.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

constexpr const char* kRow = "{:>8} {:>7} {:>7} {:<7} {:>8}  ";

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

std::string title_of(const ipjit_dev_filter& filter, const InterfaceName& name) {
  const std::string comm(filter.comm, strnlen(filter.comm, sizeof filter.comm));
  return fmt::format("filter {}, {}{}", filter.id, comm.empty() ? "" : comm + ", ",
                     socket_words(filter, name));
}

double share(uint64_t part, uint64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

std::vector<KernelRate> KernelRates::next(const KernelView& view, uint64_t now_ns) {
  const double seconds = static_cast<double>(now_ns - at_ns_) / 1e9;
  std::vector<KernelRate> rates;
  std::map<uint64_t, ipjit_dev_filter> seen;
  for (const ipjit_dev_filter& filter : view.filters) {
    KernelRate rate = {.filter = filter,
                       .engine = engine_of(filter, view.info),
                       .native_share = share(filter.native, filter.packets)};
    auto before = seen_.find(filter.id);
    if (before != seen_.end() && seconds > 0 && filter.packets > before->second.packets) {
      const uint64_t packets = filter.packets - before->second.packets;
      rate.packets_per_second = static_cast<double>(packets) / seconds;
      rate.native_share = share(filter.native - before->second.native, packets);
    }
    seen.emplace(filter.id, filter);
    rates.push_back(std::move(rate));
  }
  seen_ = std::move(seen);
  at_ns_ = now_ns;
  std::stable_sort(rates.begin(), rates.end(), [](const KernelRate& a, const KernelRate& b) {
    return a.packets_per_second > b.packets_per_second;
  });
  return rates;
}

std::vector<std::string> kernel_rate_lines(const std::vector<KernelRate>& rates, size_t columns,
                                           const InterfaceName& name) {
  if (rates.empty()) return {};
  std::vector<std::string> lines = {
      "", fmt::format(kRow, "PKT/S", "NATIVE", "SAVING", "ENGINE", "RETREATS") + "IN THE KERNEL"};
  for (const KernelRate& rate : rates) {
    const std::optional<double> saving = comparison_of(rate.filter).saving();
    lines.push_back(cut(
        fmt::format(kRow, short_count(static_cast<uint64_t>(std::round(rate.packets_per_second))),
                    percent(rate.native_share), saving ? percent(*saving) : "-", rate.engine,
                    short_count(rate.filter.retreats)) +
            title_of(rate.filter, name),
        columns));
  }
  return lines;
}

nlohmann::ordered_json kernel_rates_json(const std::vector<KernelRate>& rates,
                                         const InterfaceName& name) {
  auto json = nlohmann::ordered_json::array();
  for (const KernelRate& rate : rates) {
    const std::optional<double> saving = comparison_of(rate.filter).saving();
    json.push_back({{"id", rate.filter.id},
                    {"filter", title_of(rate.filter, name)},
                    {"engine", rate.engine},
                    {"packets_per_second", rate.packets_per_second},
                    {"native_share", rate.native_share},
                    {"saving", saving ? nlohmann::ordered_json(*saving) : nullptr},
                    {"retreats", rate.filter.retreats}});
  }
  return json;
}

}  // namespace ipjit::cli
