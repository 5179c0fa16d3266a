// SPDX-License-Identifier: BSD-2-Clause
// Random programs under true, opposite, undecided and noisy profiles: what is specialised gives the
// general program's result and trace on every packet, cut to every length.
//
// IPJIT_TEST_SECONDS sets the budget (6 unless said), IPJIT_TEST_SEED the first seed.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tests/special/profiles.h"
#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::ir {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kInputs = 8;
constexpr uint64_t kLeastPrograms = 60;  // whatever the budget says

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

struct Outcome {
  uint64_t result = 0;
  std::vector<uint16_t> actions;
  std::vector<uint64_t> counters;
  bool operator==(const Outcome&) const = default;
};

bool keeps(const Facts& facts, const RandomInput& input, size_t size) {
  bool keeps = size >= facts.min_len && size <= facts.max_len;
  for (const auto& [field, value] : facts.fields) {
#define IPJIT_FIELD(name, meaning) \
  if (field == IPJIT_FIELD_##name) keeps &= input.ctx.name == value;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  }
  return keeps;
}

/// What the first input keeps, and perhaps others.
Facts facts_of(const RandomInput& input, uint64_t seed) {
  Facts facts;
  facts.min_len = seed % 3 == 0 ? 0 : seed % 40;
  facts.max_len = seed % 5 == 0 ? UINT32_MAX : seed % 80;
#define IPJIT_FIELD(name, meaning) \
  if (seed >> IPJIT_FIELD_##name & 1) facts.fields.emplace_back(IPJIT_FIELD_##name, input.ctx.name);
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  return facts;
}

/// Counter 0 of a specialised program says how often it left: not part of what it means.
Outcome run(const Program& program, RandomInput& input, size_t size, bool own_counter) {
  input.reset();
  Outcome outcome;
  outcome.result = interpret(program, std::span(input.data).first(size), input.ctx);
  outcome.actions.assign(input.actions->id, input.actions->id + input.actions->count);
  if (own_counter) input.counters[0] = 0;
  outcome.counters = input.counters;
  return outcome;
}

struct Tally {
  uint64_t programs = 0;
  uint64_t made = 0;     ///< specialised programs
  uint64_t changed = 0;  ///< of these, not the general one
  uint64_t leaving = 0;  ///< of these, with a way out
  uint64_t native = 0;   ///< of these, run as tier 1's code
};

class RandomSpecial : public ::testing::Test {
 protected:
  void expect_same(const Program& general, const Specialised& made, const std::string& how,
                   const Facts& facts = {}) {
    const Status valid = validate(made.program);
    ASSERT_TRUE(valid) << how << ": " << to_string(valid.error()) << "\n"
                       << print(general) << print(made.program);
    ASSERT_EQ(made.changed, made.program != general) << how;
    ++tally_.made;
    tally_.leaving += made.counters;
    if (!made.changed) return;
    ++tally_.changed;
    const bool own = made.counters != 0;
    for (RandomInput& input : inputs_)
      for (size_t size = 0; size <= input.data.size(); ++size) {
        if (!keeps(facts, input, size)) continue;
        ASSERT_EQ(run(made.program, input, size, own), run(general, input, size, false))
            << how << ", " << size << " bytes\n"
            << print(general) << print(made.program);
      }
  }

  /// Tier 1 emits it, the verifier accepts it, and it answers alike.
  void expect_native(const Program& general, const Specialised& made, const std::string& how) {
    const arch::Target& target = arch::targets()[0];
    tier1::Tier1 tier;
    const Result<MachineCode> code = tier.compile(made.program, target);
    if (!code && code.error().code == Code::kTooLong) return;  // too many values at once
    const tier1::Native native(made.program, target);
    ASSERT_TRUE(native.ok()) << how;
    ++tally_.native;
    for (RandomInput& input : inputs_) {
      input.reset();
      const uint64_t result = native.run(input.data, input.ctx);
      input.reset();
      ASSERT_EQ(result, interpret(general, input.data, input.ctx))
          << how << "\n"
          << print(general) << print(made.program);
    }
  }

  void try_program(Program general, uint64_t seed) {
    optimize(general);
    number_sources(general);
    ++tally_.programs;
    inputs_.clear();
    for (uint64_t i = 0; i < kInputs; ++i) inputs_.push_back(random_input(seed * kInputs + i));
    const Profile seen = true_profile(general, inputs_);
    std::vector<RandomInput> first;
    first.push_back(random_input(seed * kInputs));
    const std::pair<const char*, Profile> profiles[] = {
        {"empty", Profile()},
        {"true", seen},
        {"one packet", true_profile(general, first)},
        {"opposite", opposite(seen)},
        {"undecided", undecided(general)},
        {"noise", noise(general, seed)}};
    for (const auto& [profile_name, profile] : profiles)
      for (const auto& [choices_name, choices] : all_choices()) {
        const Specialised made = specialise(general, profile, {}, choices);
        const std::string how =
            "seed " + std::to_string(seed) + ", profile " + profile_name + ", " + choices_name;
        expect_same(general, made, how);
        if (HasFatalFailure()) return;
        if (made.changed && choices == Choices()) expect_native(general, made, how);
        if (HasFatalFailure()) return;
      }
    const Facts facts = facts_of(inputs_[0], seed * 0x9e3779b97f4a7c15 >> 8);
    for (const char* name : {"all", "fold_facts alone"})
      for (const auto& [choices_name, choices] : all_choices())
        if (choices_name == name && !HasFatalFailure())
          expect_same(general, specialise(general, seen, facts, choices),
                      "seed " + std::to_string(seed) + ", facts, " + name, facts);
  }

  std::vector<RandomInput> inputs_;
  Tally tally_;
};

TEST_F(RandomSpecial, MeansWhatTheGeneralProgramMeans) {
  const auto end = Clock::now() + std::chrono::seconds(number_from("IPJIT_TEST_SECONDS", 6));
  uint64_t seed = number_from("IPJIT_TEST_SEED", 1);
  while (Clock::now() < end || tally_.programs < kLeastPrograms) {
    Program program = random_program(seed);
    // Half of the programs may leave: those that count by themselves may not.
    if (seed % 2 == 0) {
      for (Insn& insn : program.insns)
        if (insn.op == Op::kCount) insn = Insn{.op = Op::kEffect};
      program.counters = 0;
    }
    try_program(std::move(program), seed++);
    if (HasFatalFailure()) return;
  }
  printf("%llu programs, %llu specialised, %llu changed, %llu can leave, %llu as code\n",
         static_cast<unsigned long long>(tally_.programs),
         static_cast<unsigned long long>(tally_.made),
         static_cast<unsigned long long>(tally_.changed),
         static_cast<unsigned long long>(tally_.leaving),
         static_cast<unsigned long long>(tally_.native));
  EXPECT_GE(tally_.changed * 40, tally_.made) << "too little is specialised to show faults";
  EXPECT_GE(tally_.leaving * 80, tally_.made);
  EXPECT_GE(tally_.native, tally_.programs / 4);
}

}  // namespace
}  // namespace ipjit::ir
