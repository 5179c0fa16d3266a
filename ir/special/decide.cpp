// SPDX-License-Identifier: BSD-2-Clause
// Whether to specialise, stay or go back.
//
// In this order, and the first that speaks decides:
//   back    a promise is broken; guards fail too often; what runs is slower than the general code,
//           measured beyond doubt or, where nothing was measured, expected; the traffic has drifted
//           and nothing better is ready
//   stay    tier 2 cannot build; too few samples; a back-off is running; no candidate, or the one
//           that runs; the gain is noise, or too small for its compile cost within the horizon
//   build   otherwise
//
// A back-off holds up builds, never a retreat.
//
// Tested by tests/ir/decide_test.cpp, every branch.
#include "ir/special/decide.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace ipjit::ir {
namespace {

__attribute__((format(printf, 1, 2))) std::string say(const char* format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return text;
}

double percent(double share) { return 100 * share; }

class Deciding {
 public:
  Deciding(const Situation& situation, const Policy& policy) : s_(situation), p_(policy) {}

  Decision run() {
    if (s_.tier == 2 && must_retreat()) return retreat();
    const bool drifted = s_.tier == 2 && s_.drift > p_.max_drift;
    if (drifted) {
      add(say("The traffic has drifted by %.2f from what the code was built for, more than %.2f.",
              s_.drift, p_.max_drift));
    }
    if (can_build() && pays()) return {Decision::Do::kBuild, std::move(reasons_)};
    if (drifted) {
      add("Until something better is ready the general code is the safe one.");
      return retreat();
    }
    return {Decision::Do::kStay, std::move(reasons_)};
  }

 private:
  void add(std::string reason) { reasons_.push_back(std::move(reason)); }

  bool no(std::string reason) {
    add(std::move(reason));
    return false;
  }

  bool yes(std::string reason) {
    add(std::move(reason));
    return true;
  }

  Decision retreat() { return {Decision::Do::kRetreat, std::move(reasons_)}; }

  bool must_retreat() {
    if (s_.assumption_broken) return yes("Something that the code assumes is no longer so.");
    if (s_.guard_failures > p_.max_guard_failures) {
      return yes(say("%.0f %% of the packets leave by a guard, more than %.0f %%.",
                     percent(s_.guard_failures), percent(p_.max_guard_failures)));
    }
    if (s_.measured > 0) return is_measured_slower();
    const bool known = enough_samples() && s_.current_ns > 0 && s_.general_ns > 0;
    if (known && s_.current_ns > s_.general_ns * (1 + p_.min_gain_share)) {
      return yes(
          say("For the traffic of now the code is expected to take %.1f ns a packet, the "
              "general code %.1f ns.",
              s_.current_ns, s_.general_ns));
    }
    return false;
  }

  /// A difference that the clock's noise explains is none.
  bool is_measured_slower() {
    const double at_least = s_.measured - p_.sure * s_.measured_error;
    if (at_least <= 1 + p_.min_gain_share) return false;
    return yes(
        say("On the packets of now the code was measured to take %.2f (+- %.2f) of the "
            "general code's time.",
            s_.measured, s_.measured_error));
  }

  bool enough_samples() const { return s_.samples >= p_.min_samples; }

  bool can_build() {
    if (!s_.available) return no("Tier 2 is not available: " + s_.unavailable + ".");
    if (!enough_samples()) {
      return no(say("The profile has %llu samples, fewer than %llu.",
                    static_cast<unsigned long long>(s_.samples),
                    static_cast<unsigned long long>(p_.min_samples)));
    }
    const uint64_t retry = retry_at_ns(s_.failures, s_.last_failure_ns, p_);
    if (retry > s_.now_ns) {
      return no(say("After %u failures in a row the next attempt waits %.1f s more.", s_.failures,
                    static_cast<double>(retry - s_.now_ns) / 1e9));
    }
    if (s_.candidate_ns <= 0) return no("No specialisation was found that this traffic wants.");
    if (s_.same_as_current) return no("What this traffic wants is what runs already.");
    return true;
  }

  bool pays() {
    const double gain = s_.current_ns - s_.candidate_ns;
    const double least = std::max(p_.min_gain_ns, p_.min_gain_share * s_.current_ns);
    add(say("The candidate is expected to take %.1f ns a packet, what runs takes %.1f ns.",
            s_.candidate_ns, s_.current_ns));
    if (gain < least) {
      return no(
          say("A gain of %.2f ns a packet is below the %.2f ns that the model can tell from "
              "noise.",
              gain, least));
    }
    const double won = gain * s_.packets_per_second * p_.horizon_s;
    const double cost = p_.margin * s_.compile_ns;
    const std::string sum =
        say("At %.0f packets/s, %.2f ns a packet over %.0f s win %.2f ms; the build costs %.2f ms",
            s_.packets_per_second, gain, p_.horizon_s, won / 1e6, s_.compile_ns / 1e6);
    if (won < cost)
      return no(sum + say(", and less than %.1f times that is not worth it.", p_.margin));
    return yes(sum + ".");
  }

  const Situation& s_;
  const Policy& p_;
  std::vector<std::string> reasons_;
};

}  // namespace

const char* word_of(Decision::Do what) {
  switch (what) {
    case Decision::Do::kStay:
      return "stay";
    case Decision::Do::kBuild:
      return "build";
    case Decision::Do::kRetreat:
      return "retreat";
  }
  return "?";
}

Decision decide(const Situation& situation, const Policy& policy) {
  return Deciding(situation, policy).run();
}

uint64_t retry_at_ns(uint32_t failures, uint64_t last_failure_ns, const Policy& policy) {
  if (failures == 0) return 0;
  uint64_t wait = policy.first_backoff_ns;
  for (uint32_t i = 1; i < failures && wait < policy.longest_backoff_ns; ++i) wait *= 2;
  return last_failure_ns + std::min(wait, policy.longest_backoff_ns);
}

}  // namespace ipjit::ir
