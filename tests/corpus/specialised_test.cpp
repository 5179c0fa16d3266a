// SPDX-License-Identifier: BSD-2-Clause
// Every expression specialised for no traffic, for the captures' own and for its opposite, by both
// tiers, against the general program on every packet of the captures.
//
// An opposite profile has every branch, switch and need the other way and every value another: what
// it makes is wrong for each packet in some way, so ways out are taken that true profiles never
// take.  IPJIT_TEST_SECONDS sets the budget (20 unless said), which ends no earlier than some
// packet has left by a guard; what did not fit in is said.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bpf-frontend/check.h"
#include "bpf-frontend/expression.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/replay.h"
#include "ir/special/specialise.h"
#include "ir/text.h"
#include "tests/corpus/corpus.h"
#include "tests/engines/engines.h"
#include "tests/engines/native_code.h"
#include "tests/engines/tier2_compiler.h"
#include "tests/special/profiles.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Input {
  std::vector<uint8_t> data;
  ipjit_ctx ctx;
  uint32_t verdict = 0;  ///< the general program's
};

/// At full length, and one in five cut off anywhere.
std::vector<Input> inputs_of(const std::vector<Packet>& packets) {
  std::vector<Input> inputs;
  for (size_t i = 0; i < packets.size(); ++i) {
    Input input{packets[i].data, plain_ctx(packets[i].wire_len)};
    if (i % 5 == 0) input.data.resize(i % (input.data.size() + 1));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

/// Runs all of them, and gives what they did in the program.
ir::Profile watch(const ir::Program& general, std::vector<Input>& inputs) {
  ir::Replayer replayer(general);
  for (Input& input : inputs) {
    input.verdict = ipjit_result_value(replayer.packet(
        {.head = input.data, .cap_len = static_cast<uint32_t>(input.data.size()), .follows = true},
        input.ctx));
  }
  return replayer.take();
}

struct Tally {
  size_t expressions = 0, specialised = 0, unchanged = 0, runs = 0, left = 0, too_long = 0;
};

class Comparison {
 public:
  explicit Comparison(std::vector<Input>& inputs) : inputs_(inputs) {
    tiers_.emplace_back("tier1", &tier1_);
    if (ir::Compiler* tier2 = engines::tier2_compiler()) tiers_.emplace_back("tier2", tier2);
  }

  void expression(const std::string& text) {
    const auto insns = bpf::compile_expression(text, {.netmask = 0x00ffffff});
    ASSERT_TRUE(insns) << text << ": " << to_string(insns.error());
    if (bpf::has_backward_jump(*insns)) return;  // not for compilers
    Result<ir::Program> general = bpf::translate(*insns, bpf::Dialect::kLibpcap);
    ASSERT_TRUE(general) << text << ": " << to_string(general.error());
    ir::optimize(*general);
    ir::number_sources(*general);
    const ir::Profile as_it_is = watch(*general, inputs_);
    ++tally.expressions;
    profile(text + ", no profile", *general, {});
    profile(text + ", true profile", *general, as_it_is);
    profile(text + ", opposite profile", *general, ir::opposite(as_it_is));
  }

  Tally tally;

 private:
  void profile(const std::string& name, const ir::Program& general, const ir::Profile& profile) {
    const ir::Specialised made = ir::specialise(general, profile);
    ++(made.changed ? tally.specialised : tally.unchanged);
    if (!made.changed) return;
    for (const auto& [tier, compiler] : tiers_) {
      const Result<Native> native = native_code(*compiler, made.program, arch::detect());
      if (!native && native.error().code == Code::kTooLong) {
        ++tally.too_long;  // the general program runs on
        continue;
      }
      ASSERT_TRUE(native) << name << ", " << tier << ": " << to_string(native.error()) << "\n"
                          << ir::print(made.program);
      compare(name + ", " + tier, *native, made);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  void compare(const std::string& name, const Native& native, const ir::Specialised& made) {
    uint64_t counters[IPJIT_MAX_COUNTERS] = {};
    for (const Input& input : inputs_) {
      ipjit_ctx ctx = input.ctx;
      ctx.counters = counters;
      const uint64_t result = native(guard_.place(input.data), ctx);
      ASSERT_EQ(result, input.verdict) << name << ", " << hex_of_bytes(input.data) << "\n"
                                       << ir::print(made.program);
      ++tally.runs;
    }
    if (made.counters) tally.left += counters[0];
  }

  std::vector<Input>& inputs_;
  tier1::Tier1 tier1_;
  std::vector<std::pair<const char*, ir::Compiler*>> tiers_;
  GuardedPacket guard_;
};

TEST(Corpus, SpecialisedExpressionsOverCaptures) {
  IPJIT_NEEDS_CORPUS();
  const char* seconds = std::getenv("IPJIT_TEST_SECONDS");
  const auto end =
      Clock::now() + std::chrono::seconds(seconds ? std::strtoul(seconds, nullptr, 0) : 20);
  std::vector<Input> inputs = inputs_of(ethernet_packets());
  const std::vector<std::string> expressions = corpus_expressions();
  Comparison comparison(inputs);
  for (const std::string& expression : expressions) {
    const Tally& so_far = comparison.tally;
    if (Clock::now() > end && so_far.expressions >= 20 && so_far.left > 0) break;
    comparison.expression(expression);
    if (HasFatalFailure()) return;
  }
  const Tally& tally = comparison.tally;
  std::printf(
      "%zu of %zu expressions under no, true and opposite profile: %zu specialised programs (%zu "
      "unchanged, %zu too long for a tier), %zu runs on %zu packets, %zu of them left by a guard\n",
      tally.expressions, expressions.size(), tally.specialised, tally.unchanged, tally.too_long,
      tally.runs, inputs.size(), tally.left);
  EXPECT_GT(tally.specialised, tally.expressions / 2);
  EXPECT_GT(tally.left, 0u) << "no profile was wrong enough to show anything";
}

}  // namespace
}  // namespace ipjit::testing
