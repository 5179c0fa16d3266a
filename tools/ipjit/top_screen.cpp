// SPDX-License-Identifier: BSD-2-Clause
// The screen:
//
//   ipjit top, 12:03:04   2 filters, 1.3M packets/s, 0.4 % of a CPU, saved 1.2 s    by PKT/S
//
//      PKT/S  MATCH  NS/PKT     WAS   CPU%   SAVED ENGINE  CHANGES  PROGRAM, PID    FILTER
//       1.2M  12 %      3.4    27.1    0.4  29 ms  tier2         3  tcpdump 4711    tcp port 80
//
//   12:03:01  tcpdump 4711  tier1 -> tier2 (llvm)  tcp port 80: saves 3.1 ns of 7.2
#include "tools/ipjit/top_screen.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "tools/ipjit/stats_table.h"
#include "tools/ipjit/why_text.h"

namespace ipjit::cli {
namespace {

constexpr size_t kChangesShown = 8;
constexpr const char* kRow = "{:>8} {:>6} {:>7} {:>7} {:>6} {:>7} {:<7} {:>7}  {:<20} ";

std::string clock_of(uint64_t ns) {
  const time_t seconds = static_cast<time_t>(ns / 1'000'000'000);
  tm local = {};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

std::string percent(double share) {
  return fmt::format("{:.{}f}", share * 100, share < 0.0995 ? 1 : 0);
}

const char* word_of(SortBy by) {
  switch (by) {
    case SortBy::kRate:
      return "PKT/S";
    case SortBy::kCpu:
      return "CPU%";
    case SortBy::kNs:
      return "NS/PKT";
    case SortBy::kSaved:
      return "SAVED";
    case SortBy::kPid:
      return "PID";
  }
  return "?";
}

std::string nanoseconds(double ns) {
  return ns > 0 ? fmt::format("{:.{}f}", ns, ns < 9999 ? 1 : 0) : "-";
}

std::string heading(std::span<const Rate> rates, SortBy sorted_by, uint64_t now_ns) {
  double packets = 0, cpu = 0, saved = 0;
  for (const Rate& rate : rates) {
    packets += rate.packets_per_second;
    cpu += rate.cpu_share;
    saved += rate.record.saved_seconds;
  }
  return fmt::format("ipjit top, {}   {} filter{}, {} packets/s, {} % of a CPU, saved {}   by {}",
                     clock_of(now_ns), rates.size(), rates.size() == 1 ? "" : "s",
                     short_count(static_cast<uint64_t>(packets)), percent(cpu),
                     short_seconds(saved), word_of(sorted_by));
}

std::string row(const Rate& rate, size_t columns) {
  const runtime::FilterRecord& record = rate.record;
  std::string line = fmt::format(
      kRow, short_count(static_cast<uint64_t>(std::round(rate.packets_per_second))),
      percent(rate.matched_share) + " %", nanoseconds(record.ns_per_packet),
      nanoseconds(record.replaced_ns_per_packet), percent(rate.cpu_share),
      record.samples ? short_seconds(record.saved_seconds) : "-", record.engine,
      short_count(record.tier.changes), fmt::format("{} {}", cut(record.comm, 12), record.pid));
  return cut(line + (record.name.empty() ? "(all packets)" : record.name), columns);
}

std::string change_line(const Change& change, size_t columns) {
  std::string line =
      fmt::format("{}  {}  {}  {}", clock_of(change.at_ns), change.whose, change.what,
                  change.filter.empty() ? "(all packets)" : cut(change.filter, 40));
  if (!change.why.empty()) line += ": " + change.why;
  return cut(line, columns);
}

}  // namespace

std::string top_screen(std::span<const Rate> rates, const std::deque<Change>& changes,
                       ScreenSize size, SortBy sorted_by, uint64_t now_ns,
                       const std::vector<std::string>& kernel_lines) {
  const size_t columns = std::max<size_t>(size.columns, 80);
  std::vector<std::string> lines = {cut(heading(rates, sorted_by, now_ns), columns), ""};
  lines.push_back(cut(fmt::format(kRow, "PKT/S", "MATCH", "NS/PKT", "WAS", "CPU%", "SAVED",
                                  "ENGINE", "CHANGES", "PROGRAM, PID") +
                          "FILTER",
                      columns));
  const size_t shown_changes = std::min(changes.size(), kChangesShown);
  const size_t below = (shown_changes ? shown_changes + 1 : 0) + kernel_lines.size();
  // A small screen keeps its filters: changes give way first.
  const bool all_fit = !size.rows || lines.size() + rates.size() + below <= size.rows;
  size_t room = rates.size();
  if (size.rows)
    room = std::min(room, size.rows - std::min(size.rows, lines.size() + (all_fit ? below : 1)));
  for (size_t i = 0; i < room; ++i) lines.push_back(row(rates[i], columns));
  if (rates.empty() && kernel_lines.empty())
    lines.emplace_back("no filter runs: try `ipjit exec -- tcpdump ...`");
  if (room < rates.size()) lines.push_back(fmt::format("and {} more", rates.size() - room));
  if (all_fit || rates.empty())
    for (const std::string& line : kernel_lines) lines.push_back(cut(line, columns));
  if (all_fit && shown_changes) {
    lines.emplace_back();
    for (size_t i = changes.size() - shown_changes; i < changes.size(); ++i)
      lines.push_back(change_line(changes[i], columns));
  }
  if (size.rows && lines.size() > size.rows) lines.resize(size.rows);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

nlohmann::ordered_json top_json(std::span<const Rate> rates, const std::deque<Change>& changes,
                                uint64_t now_ns) {
  auto filters = nlohmann::ordered_json::array();
  for (const Rate& rate : rates)
    filters.push_back({{"pid", rate.record.pid},
                       {"program", rate.record.comm},
                       {"filter", rate.record.name},
                       {"engine", rate.record.engine},
                       {"packets_per_second", rate.packets_per_second},
                       {"matched_share", rate.matched_share},
                       {"ns_per_packet", rate.record.ns_per_packet},
                       {"replaced_ns_per_packet", rate.record.replaced_ns_per_packet},
                       {"cpu_share", rate.cpu_share},
                       {"saved_seconds", rate.record.saved_seconds},
                       {"tier", why_json(rate.record.tier)}});
  auto changed = nlohmann::ordered_json::array();
  for (const Change& change : changes)
    if (change.at_ns == now_ns)
      changed.push_back({{"process", change.whose},
                         {"filter", change.filter},
                         {"what", change.what},
                         {"why", change.why}});
  return {{"at_ns", now_ns}, {"filters", std::move(filters)}, {"changes", std::move(changed)}};
}

}  // namespace ipjit::cli
