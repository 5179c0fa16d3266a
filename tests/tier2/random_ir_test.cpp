// SPDX-License-Identifier: BSD-2-Clause
// Random IR programs, as they are and optimised, on random packets: tier 2 is the interpreter.
#include <gtest/gtest.h>

#include <cstdlib>

#include "ir/optimize.h"
#include "ir/text.h"
#include "tests/ir/random_program.h"
#include "tests/tier1/native.h"

namespace ipjit::tier2 {
namespace {

using tier1::GuardedBytes;
using tier1::Native;

constexpr uint64_t kInputs = 20;

/// LLVM takes milliseconds: each program runs on one target, and how many there are can be set.
uint64_t programs() {
  const char* said = std::getenv("IPJIT_TEST_PROGRAMS");
  return said != nullptr ? std::strtoull(said, nullptr, 0) : 1200;
}

const arch::Target& target_for(uint64_t seed) {
  const std::vector<const arch::Target*> runnable = tier1::runnable_targets();
  return *runnable[seed / 2 % runnable.size()];
}

void expect_agreement_on(const ir::Program& program, const ir::Program& meaning, uint64_t seed) {
  static GuardedBytes data_bytes, th_bytes;
  const Native native(program, target_for(seed));
  ASSERT_TRUE(native.ok()) << "seed " << seed;
  for (uint64_t i = 0; i < kInputs; ++i) {
    const ir::RandomInput input = ir::random_input(seed * kInputs + i);
    const std::span<const uint8_t> data = data_bytes.hold(input.data);
    const std::span<const uint8_t> th = th_bytes.hold(input.th);
    ipjit_ctx ctx = input.ctx;
    ctx.th = th.data();
    ctx.th_len = th.size();
    ASSERT_EQ(tier1::outcome_of_native(native, program, data, ctx),
              tier1::outcome_of_interpreter(meaning, data, ctx))
        << "seed " << seed << ", input " << i << ", " << target_for(seed).name << "\n"
        << ir::print(program);
  }
}

TEST(RandomIr, NativeCodeMeansWhatTheProgramMeans) {
  for (uint64_t seed = 0; seed < programs(); ++seed) {
    const ir::Program program = ir::random_program(seed);
    expect_agreement_on(program, program, seed);
    if (HasFailure()) return;
  }
}

TEST(RandomIr, AndSoDoesOptimisedCode) {
  for (uint64_t seed = 0; seed < programs(); ++seed) {
    const ir::Program program = ir::random_program(seed);
    ir::Program optimised = program;
    ir::optimize(optimised);
    expect_agreement_on(optimised, program, seed);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace ipjit::tier2
