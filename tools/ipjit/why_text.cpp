// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/why_text.h"

#include <fmt/core.h>

#include <sstream>

#include "tools/ipjit/progress.h"
#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

using runtime::TierRecord;

double ns(uint64_t ps) { return static_cast<double>(ps) / 1000; }

std::vector<std::string> sentences_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

std::string times(uint64_t count, const char* what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

void append_costs(std::vector<std::string>& lines, const TierRecord& tier) {
  if (tier.general_ps)
    lines.push_back(fmt::format(
        "expected: {:.1f} ns a packet in general, {:.1f} as it runs{}", ns(tier.general_ps),
        ns(tier.current_ps),
        tier.candidate_ps ? fmt::format(", {:.1f} the best that was found", ns(tier.candidate_ps))
                          : ""));
  std::string measured;
  if (tier.measured_general_ps)
    measured = fmt::format("{:.1f} ns a packet in general", ns(tier.measured_general_ps));
  if (tier.measured_special_ps)
    measured += fmt::format("{}{:.1f} specialised", measured.empty() ? "" : ", ",
                            ns(tier.measured_special_ps));
  if (!measured.empty()) lines.push_back("measured on fresh packets: " + measured);
}

void append_refusals(std::vector<std::string>& lines, const TierRecord& tier) {
  struct Reason {
    uint64_t count;
    const char* why;
  };
  const Reason reasons[] = {
      {tier.refused_unavailable, "no compiler answered"},
      {tier.refused_compiler, "the compiler would not"},
      {tier.refused_verifier, "the verifier found the code unsafe"},
      {tier.refused_memory, "there was no executable memory"},
      {tier.refused_replay, "the result was not the interpreter's"},
      {tier.refused_stale, "program or facts had changed meanwhile"},
  };
  for (const Reason& reason : reasons)
    if (reason.count)
      lines.push_back(fmt::format("refused {}: {}", times(reason.count, "build"), reason.why));
}

}  // namespace

std::vector<std::string> why_lines(const runtime::FilterRecord& record) {
  const TierRecord& tier = record.tier;
  std::vector<std::string> lines = sentences_of(tier.why);
  append_costs(lines, tier);
  if (tier.heads)
    lines.push_back(fmt::format(
        "sampled: {}, {} of them cut too short; the profile forgot {:.1f} % of the values",
        times(tier.heads, "packet"), grouped(tier.heads_short),
        static_cast<double>(tier.imprecision_ppm) / 1e4));
  if (tier.builds)
    lines.push_back(fmt::format(
        "specialised {} in {}{}; given up {}; {} left by a guard", times(tier.builds, "time"),
        short_seconds(static_cast<double>(tier.build_ns) / 1e9),
        tier.backend.empty() ? "" : ", now by " + tier.backend, times(tier.retreats, "time"),
        times(tier.guard_failures, "packet")));
  append_refusals(lines, tier);
  // Who was made tier 2 by name has been built by nobody who counts.
  if (lines.empty())
    lines.emplace_back(record.engine == "tier2"
                           ? "tier 2 was asked for by name: nothing else was tried"
                           : "nothing was tried: too few packets so far");
  return lines;
}

nlohmann::ordered_json why_json(const TierRecord& tier) {
  nlohmann::ordered_json json = {
#define IPJIT_TIER_NUMBER(name, meaning) {#name, tier.name},
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
  };
  json["backend"] = tier.backend;
  json["why"] = sentences_of(tier.why);
  return json;
}

}  // namespace ipjit::cli
