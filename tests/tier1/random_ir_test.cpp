// SPDX-License-Identifier: BSD-2-Clause
// Random IR programs, as they are and optimised, on random packets: tier 1 is the interpreter.
#include <gtest/gtest.h>

#include "ir/optimize.h"
#include "ir/text.h"
#include "tests/ir/random_program.h"
#include "tests/tier1/native.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::tier1 {
namespace {

constexpr uint64_t kPrograms = 4000;
constexpr uint64_t kInputs = 10;

/// Both headers end at an inaccessible page.
class Headers {
 public:
  ipjit_ctx hold(const ir::RandomInput& input, size_t size) {
    data_ = data_bytes_.hold(std::span(input.data).first(size));
    const std::span<const uint8_t> th = th_bytes_.hold(input.th);
    ipjit_ctx ctx = input.ctx;
    ctx.th = th.data();
    ctx.th_len = th.size();
    return ctx;
  }
  std::span<const uint8_t> data() const { return data_; }

 private:
  GuardedBytes data_bytes_, th_bytes_;
  std::span<const uint8_t> data_;
};

/// Too many values alive at once is a refusal that tier 1 may make; anything else is a failure.
bool refused_for_size(const ir::Program& program, const arch::Target& target) {
  Tier1 tier;
  const Result<ir::MachineCode> code = tier.compile(program, target);
  return !code && code.error().code == Code::kTooLong;
}

void expect_agreement_on(const ir::Program& program, const ir::Program& meaning, uint64_t seed,
                         bool every_length) {
  static Headers headers;
  for (const arch::Target* target : targets_under_test()) {
    if (refused_for_size(program, *target)) continue;
    const Native native(program, *target);
    ASSERT_TRUE(native.ok()) << "seed " << seed;
    for (uint64_t i = 0; i < kInputs; ++i) {
      const ir::RandomInput input = ir::random_input(seed * kInputs + i);
      for (size_t size = every_length ? 0 : input.data.size(); size <= input.data.size(); ++size) {
        const ipjit_ctx ctx = headers.hold(input, size);
        ASSERT_EQ(outcome_of_native(native, program, headers.data(), ctx),
                  outcome_of_interpreter(meaning, headers.data(), ctx))
            << "seed " << seed << ", input " << i << ", " << size << " bytes, " << target->name
            << "\n"
            << ir::print(program);
      }
    }
  }
}

TEST(RandomIr, NativeCodeMeansWhatTheProgramMeans) {
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const ir::Program program = ir::random_program(seed);
    expect_agreement_on(program, program, seed, false);
    if (HasFatalFailure()) return;
  }
}

TEST(RandomIr, AndSoDoesOptimisedCode) {
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const ir::Program program = ir::random_program(seed);
    ir::Program optimised = program;
    ir::optimize(optimised);
    expect_agreement_on(optimised, program, seed, false);
    if (HasFatalFailure()) return;
  }
}

TEST(RandomIr, OnEveryLength) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const ir::Program program = ir::random_program(1'000'000 + seed);
    expect_agreement_on(program, program, seed, true);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace ipjit::tier1
