// SPDX-License-Identifier: BSD-2-Clause
#include <cinttypes>

#include "bench/dpdk/throughput.h"

namespace ipjit::pktbench {
namespace {

using nlohmann::json;

json ratios_of(const Row& row) {
  json ratios = json::object();
  for (const Row::Ratio& ratio : row.ratios) {
    json& one = ratios[ratio.over];
    one["end_to_end"] = bench::to_json(ratio.end_to_end);
    if (ratio.subtracted.median > 0) one["subtracted"] = bench::to_json(ratio.subtracted);
  }
  return ratios;
}

json to_json(const Row& row) {
  json out = {{"name", row.name}};
  if (!row.refusal.empty()) {
    out["refusal"] = row.refusal;
    return out;
  }
  out["mpps"] = bench::to_json(row.mpps);
  out["ns"] = bench::to_json(row.ns);
  out["cycles"] = bench::to_json(row.cycles);
  out["over_forward_ns"] = bench::to_json(row.over_forward_ns);
  out["burst_us"] = {{"p50", row.p50_us}, {"p99", row.p99_us}, {"p99.9", row.p999_us}};
  out["dropped"] = row.dropped;
  out["lost"] = row.lost;
  out["matches"] = row.matches;
  out["agrees"] = row.wrong == 0 && !row.unsteady;
  if (!row.state.empty()) out["state"] = row.state;
  if (!row.ratios.empty()) out["times_faster"] = ratios_of(row);
  if (row.first_wrong)
    out["wrong"] = {{"packets", row.wrong},        {"first", row.first_wrong->at},
                    {"got", row.first_wrong->got}, {"want", row.first_wrong->want},
                    {"hex", row.first_wrong->hex}, {"known_bugs", row.known_bugs}};
  return out;
}

std::string matches_text(const Row& row, bool forward) {
  if (forward) return "-";
  return std::to_string(row.matches) + (row.wrong ? " (!)" : "");
}

void print(const Row& row, bool forward, const std::string& reference) {
  if (!row.refusal.empty()) {
    std::printf("  %-21s %s\n", row.name.c_str(), row.refusal.c_str());
    return;
  }
  const Row::Ratio* ratio = row.over(reference);
  const auto times = [](double value) {
    char text[16];
    std::snprintf(text, sizeof text, value > 0 ? "%.2fx" : "-", value);
    return std::string(text);
  };
  std::printf("  %-21s %7.2f %8.2f %8.1f %9s %8s %8s %8.2f %8.2f %8.2f %6" PRIu64 " %13s%s%s\n",
              row.name.c_str(), row.mpps.median, row.ns.median, row.cycles.median,
              forward ? "-" : std::to_string(row.over_forward_ns.median).substr(0, 6).c_str(),
              ratio ? times(ratio->end_to_end.median).c_str() : "-",
              ratio ? times(ratio->subtracted.median).c_str() : "-", row.p50_us, row.p99_us,
              row.p999_us, row.dropped + row.lost, matches_text(row, forward).c_str(),
              row.state.empty() ? "" : "  ", row.state.c_str());
}

void print_difference(const Row& row) {
  if (row.unsteady)
    std::printf("  DISAGREES: %s matches other packets from run to run\n", row.name.c_str());
  if (!row.first_wrong) return;
  const WrongPacket& packet = *row.first_wrong;
  std::string why = row.known_bugs.empty() ? "for no known reason" : "";
  for (const std::string& bug : row.known_bugs) why += (why.empty() ? "" : "; ") + bug;
  std::printf("  %s: %s, %" PRIu64 " packets wrong: %s\n",
              row.known_bugs.empty() ? "DISAGREES" : "known bug", row.name.c_str(), row.wrong,
              why.c_str());
  std::printf("    packet %zu gives %u, must give %u: %s\n", packet.at, packet.got, packet.want,
              packet.hex.c_str());
}

}  // namespace

json to_json(const Results& results) {
  json rows = json::array();
  for (const Row& row : results.rows) rows.push_back(to_json(row));
  return {{"name", results.name},
          {"described", results.described},
          {"packets", results.packets},
          {"reference", results.reference},
          {"engines", rows}};
}

void print(const Results& results) {
  const std::string yardstick =
      results.reference.empty() ? "" : "; times faster than " + results.reference;
  std::printf("\n%s: %.60s, %zu packets%s\n", results.name.c_str(),
              results.described.empty() ? "everything" : results.described.c_str(), results.packets,
              yardstick.c_str());
  std::printf("  %-21s %7s %8s %8s %9s %8s %8s %8s %8s %8s %6s %13s\n", "engine", "Mpps", "ns/pkt",
              "cycles", "-forward", "times", "-forward", "p50 us", "p99 us", "p99.9", "lost",
              "matches");
  for (size_t i = 0; i < results.rows.size(); ++i)
    print(results.rows[i], i == 0, results.reference);
  for (const Row& row : results.rows) print_difference(row);
  std::fflush(stdout);
}

}  // namespace ipjit::pktbench
