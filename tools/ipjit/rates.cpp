// SPDX-License-Identifier: BSD-2-Clause
// A filter is known by its process, its start and its name; a pid that was given again is another.
// Counters only grow, but for a record whose name changed or whose file was damaged: what would be
// negative counts as nothing.
#include "tools/ipjit/rates.h"

#include <algorithm>
#include <cmath>

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;

double grown(uint64_t now, uint64_t then) {
  return now > then ? static_cast<double>(now - then) : 0;
}

double share(double part, double whole) { return whole > 0 ? std::min(part / whole, 1.0) : 0; }

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
}

std::string engine_of(const FilterRecord& record) {
  const bool special = record.tier.tier == 2 && !record.tier.backend.empty();
  return special ? "tier2 (" + record.tier.backend + ")" : record.engine;
}

double value_of(const Rate& rate, SortBy by) {
  switch (by) {
    case SortBy::kRate:
      return rate.packets_per_second;
    case SortBy::kCpu:
      return rate.cpu_share;
    case SortBy::kNs:
      return rate.record.ns_per_packet;
    case SortBy::kSaved:
      return rate.record.saved_seconds;
    case SortBy::kPid:
      return -static_cast<double>(rate.record.pid);
  }
  return 0;
}

}  // namespace

void Rates::note(const FilterRecord& record, uint64_t now_ns, const std::string& what) {
  changes_.push_back({.at_ns = now_ns,
                      .whose = record.comm + " " + std::to_string(record.pid),
                      .filter = record.name,
                      .what = what,
                      .why = last_line(record.tier.why)});
  if (changes_.size() > kChangesKept) changes_.pop_front();
}

std::vector<Rate> Rates::next(const std::vector<FilterRecord>& records, uint64_t now_ns) {
  std::vector<Rate> rates;
  std::map<Key, Seen> now;
  for (const FilterRecord& record : records) {
    const Key key(record.pid, record.started_ns, record.name);
    const auto before = seen_.find(key);
    if (!record.alive) {
      if (before != seen_.end()) note(record, now_ns, "finished");
      continue;
    }
    Rate rate{.record = record};
    rate.matched_share =
        share(static_cast<double>(record.matched), static_cast<double>(record.packets));
    if (before == seen_.end()) {
      if (!first_) note(record, now_ns, "new, " + engine_of(record));
    } else {
      const FilterRecord& then = before->second.record;
      const double packets = grown(record.packets, then.packets);
      const double seconds = grown(now_ns, before->second.at_ns) / 1e9;
      if (seconds > 0) rate.packets_per_second = packets / seconds;
      if (packets > 0) rate.matched_share = share(grown(record.matched, then.matched), packets);
      rate.cpu_share = rate.packets_per_second * record.ns_per_packet / 1e9;
      if (engine_of(then) != engine_of(record))
        note(record, now_ns, engine_of(then) + " -> " + engine_of(record));
    }
    now[key] = {record, now_ns};
    rates.push_back(std::move(rate));
  }
  seen_ = std::move(now);
  first_ = false;
  return rates;
}

void sort_rates(std::vector<Rate>& rates, SortBy by) {
  std::sort(rates.begin(), rates.end(), [by](const Rate& a, const Rate& b) {
    const double left = value_of(a, by), right = value_of(b, by);
    if (left != right) return left > right;
    return std::tie(a.record.pid, a.record.started_ns) <
           std::tie(b.record.pid, b.record.started_ns);
  });
}

}  // namespace ipjit::cli
