// SPDX-License-Identifier: BSD-2-Clause
// The policy: every branch of it, with what it says.
#include "ir/special/decide.h"

#include <gtest/gtest.h>

namespace ipjit::ir {
namespace {

using Do = Decision::Do;

constexpr uint64_t kSecond = 1'000'000'000;

/// A filter for which a build pays: 10 ns won on 100,000 packets/s, for 5 ms of compile time.
Situation worth_it() {
  Situation s;
  s.now_ns = 1000 * kSecond;
  s.samples = 1000;
  s.packets_per_second = 100'000;
  s.general_ns = s.current_ns = 20;
  s.candidate_ns = 10;
  s.compile_ns = 5e6;
  return s;
}

/// Tier 2 runs and does well.
Situation running() {
  Situation s = worth_it();
  s.tier = 2;
  s.current_ns = s.candidate_ns = 10;
  s.same_as_current = true;
  return s;
}

TEST(Decide, BuildsWhatPays) {
  const Decision decision = decide(worth_it());
  EXPECT_EQ(decision.what, Do::kBuild);
  EXPECT_EQ(decision.reasons,
            (std::vector<std::string>{
                "The candidate is expected to take 10.0 ns a packet, what runs takes 20.0 ns.",
                "At 100000 packets/s, 10.00 ns a packet over 60 s win 60.00 ms; the build costs "
                "5.00 ms."}));
}

struct Row {
  const char* name;
  void (*change)(Situation&);
  Do what;
  const char* last_reason;
};

constexpr Row kFromTierOne[] = {
    {"not available",
     [](Situation& s) {
       s.available = false;
       s.unavailable = "LLVM is not installed";
     },
     Do::kStay, "Tier 2 is not available: LLVM is not installed."},
    {"few samples", [](Situation& s) { s.samples = 499; }, Do::kStay,
     "The profile has 499 samples, fewer than 500."},
    {"back-off",
     [](Situation& s) {
       s.failures = 3;
       s.last_failure_ns = s.now_ns - kSecond;
     },
     Do::kStay, "After 3 failures in a row the next attempt waits 3.0 s more."},
    {"back-off over",
     [](Situation& s) {
       s.failures = 3;
       s.last_failure_ns = s.now_ns - 4 * kSecond;
     },
     Do::kBuild,
     "At 100000 packets/s, 10.00 ns a packet over 60 s win 60.00 ms; the build costs 5.00 ms."},
    {"no candidate", [](Situation& s) { s.candidate_ns = 0; }, Do::kStay,
     "No specialisation was found that this traffic wants."},
    {"same", [](Situation& s) { s.same_as_current = true; }, Do::kStay,
     "What this traffic wants is what runs already."},
    {"noise in ns",
     [](Situation& s) {
       s.current_ns = 3;
       s.candidate_ns = 2.85;
     },
     Do::kStay,
     "A gain of 0.15 ns a packet is below the 0.20 ns that the model can tell from noise."},
    {"noise in share",
     [](Situation& s) {
       s.current_ns = 100;
       s.candidate_ns = 98;
     },
     Do::kStay,
     "A gain of 2.00 ns a packet is below the 3.00 ns that the model can tell from noise."},
    {"slower", [](Situation& s) { s.candidate_ns = 21; }, Do::kStay,
     "A gain of -1.00 ns a packet is below the 0.60 ns that the model can tell from noise."},
    {"too few packets", [](Situation& s) { s.packets_per_second = 10'000; }, Do::kStay,
     "At 10000 packets/s, 10.00 ns a packet over 60 s win 6.00 ms; the build costs 5.00 ms, and "
     "less than 2.0 times that is not worth it."},
    {"a guard share means nothing in tier 1", [](Situation& s) { s.guard_failures = 1; },
     Do::kBuild,
     "At 100000 packets/s, 10.00 ns a packet over 60 s win 60.00 ms; the build costs 5.00 ms."},
};

TEST(Decide, FromTierOne) {
  for (const Row& row : kFromTierOne) {
    Situation s = worth_it();
    row.change(s);
    const Decision decision = decide(s);
    EXPECT_EQ(decision.what, row.what) << row.name << ": " << word_of(decision.what);
    EXPECT_EQ(decision.reasons.back(), row.last_reason) << row.name;
  }
}

constexpr Row kFromTierTwo[] = {
    {"all is well", [](Situation&) {}, Do::kStay, "What this traffic wants is what runs already."},
    {"broken", [](Situation& s) { s.assumption_broken = true; }, Do::kRetreat,
     "Something that the code assumes is no longer so."},
    {"guards", [](Situation& s) { s.guard_failures = 0.12; }, Do::kRetreat,
     "12 % of the packets leave by a guard, more than 10 %."},
    {"few guards", [](Situation& s) { s.guard_failures = 0.10; }, Do::kStay,
     "What this traffic wants is what runs already."},
    {"slower now",
     [](Situation& s) {
       s.current_ns = 24;
       s.same_as_current = false;
     },
     Do::kRetreat,
     "For the traffic of now the code is expected to take 24.0 ns a packet, the general code 20.0 "
     "ns."},
    {"slower by less than noise",
     [](Situation& s) {
       s.current_ns = 20.5;
       s.candidate_ns = 20.4;
       s.same_as_current = false;
     },
     Do::kStay,
     "A gain of 0.10 ns a packet is below the 0.61 ns that the model can tell from noise."},
    {"slower, but who says so are few samples",
     [](Situation& s) {
       s.current_ns = 24;
       s.samples = 10;
     },
     Do::kStay, "The profile has 10 samples, fewer than 500."},
    {"drift, nothing better", [](Situation& s) { s.drift = 0.4; }, Do::kRetreat,
     "Until something better is ready the general code is the safe one."},
    {"drift, something better",
     [](Situation& s) {
       s.drift = 0.4;
       s.current_ns = 15;
       s.same_as_current = false;
     },
     Do::kBuild,
     "At 100000 packets/s, 5.00 ns a packet over 60 s win 30.00 ms; the build costs 5.00 ms."},
    {"a back-off does not hold up a retreat",
     [](Situation& s) {
       s.drift = 0.4;
       s.failures = 1;
       s.last_failure_ns = s.now_ns;
     },
     Do::kRetreat, "Until something better is ready the general code is the safe one."},
    {"something better without drift",
     [](Situation& s) {
       s.current_ns = 15;
       s.same_as_current = false;
     },
     Do::kBuild,
     "At 100000 packets/s, 5.00 ns a packet over 60 s win 30.00 ms; the build costs 5.00 ms."},
};

TEST(Decide, FromTierTwo) {
  for (const Row& row : kFromTierTwo) {
    Situation s = running();
    row.change(s);
    const Decision decision = decide(s);
    EXPECT_EQ(decision.what, row.what) << row.name << ": " << word_of(decision.what);
    EXPECT_EQ(decision.reasons.back(), row.last_reason) << row.name;
  }
}

TEST(Decide, ADriftIsNamedBeforeWhatFollowsFromIt) {
  Situation s = running();
  s.drift = 0.4;
  EXPECT_EQ(decide(s).reasons,
            (std::vector<std::string>{
                "The traffic has drifted by 0.40 from what the code was built for, more than 0.25.",
                "What this traffic wants is what runs already.",
                "Until something better is ready the general code is the safe one."}));
}

TEST(Decide, BackOffDoublesUpToItsLongest) {
  const Policy policy;
  EXPECT_EQ(retry_at_ns(0, 5), 0u);
  EXPECT_EQ(retry_at_ns(1, 5), 5 + kSecond);
  EXPECT_EQ(retry_at_ns(2, 5), 5 + 2 * kSecond);
  EXPECT_EQ(retry_at_ns(5, 0), 16 * kSecond);
  EXPECT_EQ(retry_at_ns(12, 0), 2048 * kSecond);
  EXPECT_EQ(retry_at_ns(13, 0), policy.longest_backoff_ns);
  EXPECT_EQ(retry_at_ns(4'000'000'000, 0), policy.longest_backoff_ns);
}

TEST(Decide, EveryDecisionHasAWord) {
  EXPECT_STREQ(word_of(Do::kStay), "stay");
  EXPECT_STREQ(word_of(Do::kBuild), "build");
  EXPECT_STREQ(word_of(Do::kRetreat), "retreat");
}

}  // namespace
}  // namespace ipjit::ir
