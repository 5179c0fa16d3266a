// SPDX-License-Identifier: BSD-2-Clause
// Random programs on random packets: optimising changes nothing that can be seen.
#include "random_program.h"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

constexpr auto kBudget = std::chrono::seconds(4);
constexpr uint64_t kLeastPrograms = 2000;  // whatever the budget says
constexpr uint64_t kInputs = 12;

struct Outcome {
  uint64_t result = 0;
  std::vector<uint16_t> actions;
  std::vector<uint64_t> counters;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const Program& program, RandomInput& input) {
  input.reset();
  Outcome outcome;
  outcome.result = interpret(program, input.data, input.ctx);
  outcome.actions.assign(input.actions->id, input.actions->id + input.actions->count);
  outcome.counters = input.counters;
  return outcome;
}

/// What the whole file counts, so that a generator that makes only trivial programs fails.
struct Tally {
  uint64_t programs = 0;
  uint64_t runs = 0;
  uint64_t varied = 0;   ///< programs with more than one outcome
  uint64_t smaller = 0;  ///< programs that the optimiser shrank
  uint64_t sets = 0;     ///< programs that got a table
};

void check(uint64_t seed, Tally& tally) {
  const Program before = random_program(seed);
  const Status valid = validate(before);
  ASSERT_TRUE(valid) << "seed " << seed << ": " << to_string(valid.error()) << "\n"
                     << print(before);
  const Result<Program> again = parse(print(before));
  ASSERT_TRUE(again) << "seed " << seed << ": " << to_string(again.error());
  ASSERT_EQ(parse(print(*again))->values, again->values);

  Program after = before;
  optimize(after);
  const Status still = validate(after);
  ASSERT_TRUE(still) << "seed " << seed << ": " << to_string(still.error()) << "\n"
                     << print(before) << print(after);
  const Result<Program> parsed = parse(print(after));
  ASSERT_TRUE(parsed) << "seed " << seed << ": " << to_string(parsed.error());
  ASSERT_TRUE(*parsed == after) << "seed " << seed << "\n" << print(after) << print(*parsed);

  Outcome first;
  bool varied = false;
  for (uint64_t i = 0; i < kInputs; ++i) {
    RandomInput input = random_input(seed * kInputs + i);
    const Outcome wanted = run(before, input);
    ASSERT_EQ(run(*again, input), wanted) << "seed " << seed << "\n" << print(before);
    ASSERT_EQ(run(after, input), wanted) << "seed " << seed << " input " << i << "\n"
                                         << print(before) << print(after);
    if (i == 0) first = wanted;
    varied |= wanted != first;
    ++tally.runs;
  }
  ++tally.programs;
  tally.varied += varied;
  tally.smaller +=
      after.blocks.size() + after.insns.size() < before.blocks.size() + before.insns.size();
  tally.sets += after.tables.size() > before.tables.size();
}

TEST(RandomProgram, OptimisingChangesNoOutcome) {
  Tally tally;
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t seed = 1;
       seed <= kLeastPrograms || std::chrono::steady_clock::now() - begin < kBudget; ++seed) {
    check(seed, tally);
    if (HasFatalFailure()) return;
  }
  std::cout << tally.programs << " programs, " << tally.runs << " runs, " << tally.varied
            << " programs with several outcomes, " << tally.smaller << " shrunk, " << tally.sets
            << " with a new table\n";
  EXPECT_GT(tally.varied * 3, tally.programs);
  EXPECT_GT(tally.smaller * 3, tally.programs);
  EXPECT_GT(tally.sets * 400, tally.programs);
}

}  // namespace
}  // namespace ipjit::ir
