// SPDX-License-Identifier: BSD-2-Clause
// The table of `ipjit stats`:
//
//   FILTER                                                            PROGRAM, PID
//     ENGINE  PACKETS MATCHED  NS/PKT     WAS   SAVED SAMPLES   CODE SWAPS REFUSALS
//   tcp port 80                                                       tcpdump 4711
//     tier1      1.2M   12.3k     3.4    27.1   29 ms    1204    231     0        0
//
// A filter is as long as it wants to be, so it has the wide line, and is cut there.  WAS is the
// engine replaced, on the same sampled packets; SAVED is their difference times PACKETS.
#include "tools/ipjit/stats_table.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "ipjit/printable.h"
#include "tools/ipjit/why_text.h"

namespace ipjit::cli {
namespace {

using runtime::FilterRecord;

constexpr const char* kNumbers = "  {:<7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>5} {:>8}\n";

std::string age(uint64_t now_ns, uint64_t then_ns) {
  uint64_t seconds = now_ns > then_ns ? (now_ns - then_ns) / 1'000'000'000 : 0;
  if (seconds < 60) return fmt::format("{} s ago", seconds);
  if (seconds < 3600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 86400) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} d ago", seconds / 86400);
}

std::string two_ends(const std::string& left, const std::string& right, size_t columns) {
  size_t room = columns - right.size() - 2;
  return fmt::format("{:<{}}  {}\n", cut(left, room), room, right);
}

std::string nanoseconds(double ns, uint64_t samples) {
  // A few short packets may take no time that is left after the clock's own.
  return samples && ns > 0 ? fmt::format("{:.{}f}", ns, ns < 99999 ? 1 : 0) : "-";
}

void append_record(std::string& out, const FilterRecord& record, size_t columns, uint64_t now_ns,
                   bool why) {
  std::string whose = fmt::format("{} {}", cut(record.comm, 16), record.pid);
  if (!record.alive) whose += ", " + age(now_ns, record.finished_ns);
  out += two_ends(record.name.empty() ? "(all packets)" : record.name, whose, columns);
  bool compared = record.samples && record.replaced_ns_per_packet > 0;
  out += fmt::format(kNumbers, record.engine, short_count(record.packets),
                     short_count(record.matched), nanoseconds(record.ns_per_packet, record.samples),
                     nanoseconds(record.replaced_ns_per_packet, compared),
                     compared ? short_seconds(record.saved_seconds) : "-",
                     short_count(record.samples), short_count(record.code_bytes),
                     short_count(record.swaps), short_count(record.refusals));
  for (const std::string& words : {record.last_refusal, record.note})
    if (!words.empty()) out += fmt::format("  {}\n", cut(words, columns - 2));
  if (!why) return;
  for (const std::string& line : why_lines(record)) append_folded(out, line, columns);
}

}  // namespace

std::string cut(const std::string& text, size_t columns) {
  const std::string line = printable(text);  // no escapes from other users
  return line.size() <= columns ? line : line.substr(0, columns - 3) + "...";
}

void append_folded(std::string& out, const std::string& text, size_t columns) {
  const std::string line = cut(text, text.size());
  const size_t room = columns - 6;
  for (size_t start = 0; start < line.size();) {
    size_t end = std::min(start + room, line.size());
    if (end < line.size())
      if (size_t space = line.rfind(' ', end); space != std::string::npos && space > start)
        end = space;
    out += fmt::format("    {} {}\n", start ? ' ' : '-', line.substr(start, end - start));
    start = line[end] == ' ' ? end + 1 : end;
  }
}

std::string short_count(uint64_t number) {
  if (number < 10000) return std::to_string(number);
  double scaled = static_cast<double>(number);
  for (const char* unit : {"k", "M", "G", "T", "P"}) {
    scaled /= 1000;
    // What would round to 1000 goes on to the next unit.
    if (scaled < 999.5) return fmt::format("{:.{}f}{}", scaled, scaled < 99.95 ? 1 : 0, unit);
  }
  return fmt::format("{:.0f}E", scaled / 1000);
}

std::string short_seconds(double seconds) {
  double size = std::fabs(seconds);
  if (size == 0) return "0 s";
  if (size * 1e6 <= 0.5) return "0 us";  // and no "-0"
  if (size < 0.9995e-3) return fmt::format("{:.0f} us", seconds * 1e6);
  if (size < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (size < 99.95) return fmt::format("{:.1f} s", seconds);
  if (size < 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (size < 360000) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.0f} d", seconds / 86400);
}

size_t columns_of(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col) return std::max<size_t>(size.ws_col, 80);
  return 100;
}

std::string stats_table(std::span<const FilterRecord> records, size_t columns, uint64_t now_ns,
                        bool why) {
  columns = std::clamp<size_t>(columns, 80, 120);
  std::string out = two_ends("FILTER", "PROGRAM, PID", columns);
  out += fmt::format(kNumbers, "ENGINE", "PACKETS", "MATCHED", "NS/PKT", "WAS", "SAVED", "SAMPLES",
                     "CODE", "SWAPS", "REFUSALS");
  bool finished = false;
  for (const FilterRecord& record : records) {
    if (!record.alive && !finished) {
      out += "-- finished " + std::string(columns - 12, '-') + "\n";
      finished = true;
    }
    append_record(out, record, columns, now_ns, why);
  }
  return out;
}

std::string why_no_records() {
  if (access("/dev/shm", W_OK | X_OK) == 0) return {};
  return fmt::format("/dev/shm: {}", std::strerror(errno));
}

nlohmann::ordered_json stats_json(std::span<const FilterRecord> records) {
  auto json = nlohmann::ordered_json::array();
  for (const FilterRecord& record : records)
    json.push_back({{"pid", record.pid},
                    {"uid", record.uid},
                    {"program", record.comm},
                    {"alive", record.alive},
                    {"started_ns", record.started_ns},
                    {"finished_ns", record.finished_ns},
                    {"filter", record.name},
                    {"engine", record.engine},
                    {"dialect", record.dialect},
                    {"packets", record.packets},
                    {"matched", record.matched},
                    {"ns_per_packet", record.ns_per_packet},
                    {"replaced_ns_per_packet", record.replaced_ns_per_packet},
                    {"saved_seconds", record.saved_seconds},
                    {"samples", record.samples},
                    {"code_bytes", record.code_bytes},
                    {"table_bytes", record.table_bytes},
                    {"compile_ns", record.compile_ns},
                    {"swaps", record.swaps},
                    {"refusals", record.refusals},
                    {"last_refusal", record.last_refusal},
                    {"note", record.note},
                    {"tier", why_json(record.tier)}});
  return json;
}

}  // namespace ipjit::cli
