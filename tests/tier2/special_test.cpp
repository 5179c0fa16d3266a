// SPDX-License-Identifier: BSD-2-Clause
// Specialised programs through LLVM: what the passes make of random programs under true, opposite,
// undecided and noisy profiles is accepted by the verifier and means what it meant.
#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "ir/text.h"
#include "tests/special/profiles.h"
#include "tests/tier1/native.h"

namespace ipjit::tier2 {
namespace {

using tier1::GuardedBytes;
using tier1::Native;
using tier1::Outcome;

constexpr uint64_t kPrograms = 60;
constexpr uint64_t kInputs = 8;

void expect_same(const ir::Program& special, std::vector<ir::RandomInput>& inputs, uint64_t seed) {
  static GuardedBytes data_bytes, th_bytes;
  const std::vector<const arch::Target*> targets = tier1::runnable_targets();
  const Native native(special, *targets[seed % targets.size()]);
  ASSERT_TRUE(native.ok()) << "seed " << seed;
  for (ir::RandomInput& input : inputs) {
    for (size_t size = 0; size <= input.data.size(); size += 1 + seed % 7) {
      const std::span<const uint8_t> data = data_bytes.hold(std::span(input.data).first(size));
      const std::span<const uint8_t> th = th_bytes.hold(input.th);
      ipjit_ctx ctx = input.ctx;
      ctx.th = th.data();
      ctx.th_len = th.size();
      ASSERT_EQ(outcome_of_native(native, special, data, ctx),
                tier1::outcome_of_interpreter(special, data, ctx))
          << "seed " << seed << ", " << size << " bytes\n"
          << ir::print(special);
    }
  }
}

TEST(Special, RandomProgramsUnderEveryKindOfProfile) {
  uint64_t changed = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const ir::Program general = ir::random_program(5'000'000 + seed);
    std::vector<ir::RandomInput> inputs;
    for (uint64_t i = 0; i < kInputs; ++i) inputs.push_back(ir::random_input(seed * kInputs + i));
    const ir::Profile as_it_is = ir::true_profile(general, inputs);
    for (const ir::Profile& profile :
         {as_it_is, ir::opposite(as_it_is), ir::undecided(general), ir::noise(general, seed)}) {
      const ir::Specialised made = ir::specialise(general, profile);
      changed += made.changed;
      expect_same(made.program, inputs, seed);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(changed, kPrograms);
}

}  // namespace
}  // namespace ipjit::tier2
