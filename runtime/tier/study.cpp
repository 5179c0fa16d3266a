// SPDX-License-Identifier: BSD-2-Clause
#include "runtime/tier/study.h"

#include <algorithm>
#include <cstdio>

#include "ir/interpreter.h"
#include "ir/special/cost.h"

namespace ipjit::runtime {

namespace {

constexpr double kForgotten = 10;        ///< packets that the traffic before a change weighs
constexpr double kLookAgain = 0.08;      ///< drift from which another candidate is made
constexpr uint64_t kKnownBetter = 4;     ///< or so many times the packets: rare ways are known then
constexpr uint64_t kPhasePackets = 128;  ///< that show a change of traffic
constexpr uint64_t kForgiveNs = 30'000'000'000;  ///< without a failure: the next is the first again

ipjit_ctx ctx_of(const Head& head) {
  ipjit_ctx ctx = {};
  for (size_t i = 0; i < head.fields.size(); ++i) ctx.*ir::kCtxFields[i] = head.fields[i];
  return ctx;
}

bool keeps(const Head& head, const ir::Facts& facts) {
  return head.cap_len >= facts.min_len && head.cap_len <= facts.max_len &&
         std::ranges::all_of(facts.fields, [&](const auto& fact) {
           return head.fields[fact.first] == fact.second;
         });
}

void keep_last(std::vector<Head>& heads, size_t count) {
  if (heads.size() > count)
    heads.erase(heads.begin(), heads.end() - static_cast<std::ptrdiff_t>(count));
}

/// What stays is too little to be a share of the next profile.
void forget_most(ir::Profile& profile) {
  const double packets = static_cast<double>(profile.packets);
  if (packets > kForgotten) ir::scale(profile, kForgotten / packets);
}

/// The traffic of now, and what was known of branches that only the specialised program has.
ir::Profile known_of(const ir::Specialised& made, const ir::Profile& fresh) {
  ir::Profile known = made.profile;
  if (known.packets)
    ir::scale(known, static_cast<double>(fresh.packets) / static_cast<double>(known.packets));
  const auto prefer = [](auto& to, const auto& from) {
    for (const auto& [source, counts] : from) to[source] = counts;
  };
  prefer(known.branches, fresh.branches);
  prefer(known.switches, fresh.switches);
  prefer(known.needs, fresh.needs);
  prefer(known.values, fresh.values);
  known.packets = fresh.packets;
  return known;
}

double expected_ns(const ir::Specialised& made, const ir::Profile& fresh) {
  return ir::expected_cost(made.program, known_of(made, fresh)).ns();
}

}  // namespace

ir::Program numbered(const ir::Program& program) {
  ir::Program copy = program;
  ir::number_sources(copy);
  return copy;
}

uint64_t imprecision_ppm(const ir::Profile& profile) {
  uint64_t total = 0, discarded = 0;
  for (const auto& [source, table] : profile.values) {
    total += table.total;
    discarded += table.discarded;
  }
  return total ? discarded * 1'000'000 / total : 0;
}

Study::Study(const ir::Program* general, const ir::Facts& facts) : general(general), facts(facts) {
  if (general) replayer.emplace(*general);
}

void Study::note(std::string event) {
  std::erase(events, event);
  events.push_back(std::move(event));
  if (events.size() > kEvents) events.erase(events.begin());
}

std::optional<uint64_t> Study::watch(const Head& head, bool follows) {
  const uint64_t before = replayer->packets();
  const uint64_t result = replayer->packet(
      {.head = {head.bytes.data(), head.copied}, .cap_len = head.cap_len, .follows = follows},
      ctx_of(head));
  if (!keeps(head, facts)) return std::nullopt;
  ++heads;
  heads_short += replayer->packets() == before;
  recent.push_back(head);
  return result;
}

void Study::take_profile(double max_drift) {
  ir::Profile latest = replayer->take();
  if (latest.packets >= kPhasePackets && fresh.packets >= kPhasePackets &&
      ir::distance(fresh, latest).largest > max_drift) {
    forget_most(fresh);
    keep_last(recent, latest.packets);
  }
  keep_last(recent, kRecent);
  ir::merge(fresh, latest);
  if (fresh.packets > kProfilePackets) ir::scale(fresh, 0.5);
}

void Study::raced(const Race& result) {
  if (!result.run()) return;
  standing.add(result.ratio);
  race = result;
}

void Study::failed(uint64_t now_ns) {
  ++failures;
  last_failure_ns = now_ns;
}

void Study::forget() {
  candidate.reset();
  ir::merge(fresh, replayer->take());
  forget_most(fresh);
  recent.clear();
}

void Study::judge(ir::Situation& now) {
  now.samples = fresh.packets;
  now.general_ns = ir::expected_cost(*general, fresh).ns();
  now.current_ns = now.general_ns;
  if (now.tier == 2 && special) {
    if (now.now_ns > last_failure_ns + kForgiveNs) failures = 0;
    now.current_ns = expected_ns(*special, fresh);
    if (standing.settled()) {
      now.measured = standing.now().value;
      now.measured_error = standing.now().error;
    }
    now.drift = ir::distance(built_for, fresh).largest;
  }
  now.failures = failures;
  now.last_failure_ns = last_failure_ns;
}

void Study::seek(ir::Situation& now, const Search& search) {
  const bool allowed = now.samples >= search.policy.min_samples && now.available &&
                       now.now_ns >= ir::retry_at_ns(failures, last_failure_ns, search.policy);
  if (!allowed) return;
  if (!candidate || fresh.packets >= kKnownBetter * tried_with.packets ||
      ir::distance(tried_with, fresh).largest > kLookAgain) {
    candidate = search.specialise(*general, fresh, facts, search.choices);
    tried_with = fresh;
  }
  if (!candidate->changed) return;
  now.candidate_ns = expected_ns(*candidate, fresh);
  now.same_as_current = now.tier == 2 && special && special->program == candidate->program;
  if (search.quickest) now.compile_ns = search.quickest->price_ns(candidate->program);
}

bool Study::pays(const Backend& better, const Backend& runs, double packets_per_second,
                 const ir::Policy& policy) {
  const double current_ns = ir::expected_cost(special->program, special->profile).ns();
  const double gain_ns = current_ns * (1 - better.share / runs.share);
  const double saved_ns = gain_ns * packets_per_second * policy.horizon_s;
  if (saved_ns >= policy.margin * better.price_ns(special->program)) return true;
  char gain[32];
  std::snprintf(gain, sizeof gain, "%.2f ns", gain_ns);
  note(better.name + " would save " + gain + " a packet: does not pay at " +
       std::to_string(static_cast<uint64_t>(packets_per_second)) + " packets/s");
  return false;
}

void Study::adopt(ir::Specialised made) {
  special = std::move(made);
  standing.clear();
  built_for = fresh;
}

std::vector<std::string> Study::why(const ir::Decision& decision) const {
  std::vector<std::string> lines;
  if (candidate) lines = candidate->log;
  lines.insert(lines.end(), events.begin(), events.end());
  lines.insert(lines.end(), decision.reasons.begin(), decision.reasons.end());
  return lines;
}

}  // namespace ipjit::runtime
