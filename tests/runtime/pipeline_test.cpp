// SPDX-License-Identifier: BSD-2-Clause
// Which engine runs, and what is said when it cannot be the one that was asked for.
#include "runtime/pipeline.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/runtime/programs.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

ipjit_ctx ctx_of(uint32_t wire_len) {
  ipjit_ctx ctx = {};
  ctx.wire_len = wire_len;
  return ctx;
}

TEST(Pipeline, MakesNativeCodeOfAnOrdinaryFilter) {
  Result<std::unique_ptr<Unit>> unit = build(only_ip(), {});
  ASSERT_TRUE(unit);
  EXPECT_EQ((*unit)->engine, Engine::kTier1);
  EXPECT_NE((*unit)->direct, nullptr);
  EXPECT_GT((*unit)->code_bytes, 0u);
  EXPECT_GT((*unit)->compile_ns, 0u);
  EXPECT_FALSE((*unit)->refusal);
}

TEST(Pipeline, EveryEngineGivesTheSameVerdict) {
  const auto ip = ip_packet();
  const auto arp = arp_packet();
  for (Engine engine : {Engine::kLibpcap, Engine::kInterp, Engine::kTier1}) {
    Result<std::unique_ptr<Unit>> unit = build(only_ip(), {.engine = engine});
    ASSERT_TRUE(unit) << name_of(engine);
    EXPECT_EQ((*unit)->engine, engine);
    for (size_t size = 0; size <= ip.size(); ++size) {
      const uint32_t expected = size >= 14 ? 65535 : 0;
      EXPECT_EQ((*unit)->run({ip.data(), size}, ctx_of(64)), expected) << name_of(engine);
      EXPECT_EQ((*unit)->run_packet({ip.data(), size}, ctx_of(64)), expected) << name_of(engine);
      EXPECT_EQ((*unit)->run_replaced({ip.data(), size}, ctx_of(64)), expected);
      EXPECT_EQ((*unit)->run({arp.data(), size}, ctx_of(64)), 0u) << name_of(engine);
    }
  }
}

TEST(Pipeline, RunsABackwardJumpInTheInterpreterAndSaysWhy) {
  Result<std::unique_ptr<Unit>> unit = build(loops(), {});
  ASSERT_TRUE(unit);
  EXPECT_EQ((*unit)->engine, Engine::kInterp);
  EXPECT_EQ((*unit)->run({}, ctx_of(0)), 7u);
  ASSERT_TRUE((*unit)->refusal);
  EXPECT_EQ((*unit)->refusal->code, Code::kBackwardJump);
}

TEST(Pipeline, DoesNotFallBackFromAnEngineAskedForByName) {
  Result<std::unique_ptr<Unit>> unit = build(loops(), {.engine = Engine::kTier1});
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().stage, Stage::kFrontend);
  EXPECT_EQ(unit.error().code, Code::kBackwardJump);
}

TEST(Pipeline, MakesNoTier2ByName) {
  Result<std::unique_ptr<Unit>> unit = build(only_ip(), {.engine = Engine::kTier2});
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().stage, Stage::kTier2);
  EXPECT_EQ(unit.error().code, Code::kUnavailable);
  EXPECT_THAT(unit.error().why, HasSubstr("needs packets"));
}

TEST(Pipeline, HasNoLinuxDialectInLibpcap) {
  Result<std::unique_ptr<Unit>> unit =
      build(only_ip(), {.dialect = bpf::Dialect::kLinux, .engine = Engine::kLibpcap});
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().code, Code::kUnavailable);
}

TEST(Pipeline, RefusesABadProgramWhateverTheEngine) {
  const bpf::InsnList bad = {insn(0x00ff, 0), insn(BPF_RET | BPF_K, 0)};
  for (std::optional<Engine> engine :
       {std::optional<Engine>(), std::optional(Engine::kInterp), std::optional(Engine::kTier1),
        std::optional(Engine::kLibpcap)}) {
    Result<std::unique_ptr<Unit>> unit = build(bad, {.engine = engine});
    ASSERT_FALSE(unit);
    EXPECT_EQ(unit.error().stage, Stage::kFrontend);
    EXPECT_EQ(unit.error().code, Code::kBadOpcode);
    EXPECT_EQ(unit.error().at, 0u);
  }
  Result<std::unique_ptr<Unit>> none = build({}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kEmpty);
}

TEST(Pipeline, RefusesATargetThatThisMachineLacks) {
  arch::Target other = arch::detect();
  for (const arch::Target& target : arch::targets())
    if (!arch::supported(target)) other = target;
  if (arch::supported(other)) GTEST_SKIP() << "this machine has every known target";
  Result<std::unique_ptr<Unit>> unit = build(only_ip(), {.target = &other});
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().stage, Stage::kTarget);
  EXPECT_EQ(unit.error().code, Code::kUnavailable);
}

TEST(Pipeline, RunsOnEveryTargetOfThisMachine) {
  const auto packet = ip_packet();
  for (const arch::Target& target : arch::targets()) {
    if (!arch::supported(target)) continue;
    Result<std::unique_ptr<Unit>> unit = build(only_ip(), {.target = &target});
    ASSERT_TRUE(unit) << target.name;
    EXPECT_EQ((*unit)->run(packet, ctx_of(64)), 65535u) << target.name;
  }
}

TEST(Pipeline, ReadsTheEngineFromTheEnvironment) {
  setenv("IPJIT_ENGINE", "interp", 1);
  EXPECT_EQ(*engine_from_environment(), Engine::kInterp);
  setenv("IPJIT_ENGINE", "auto", 1);
  EXPECT_EQ(*engine_from_environment(), std::nullopt);
  setenv("IPJIT_ENGINE", "", 1);
  EXPECT_EQ(*engine_from_environment(), std::nullopt);
  setenv("IPJIT_ENGINE", "turbo", 1);
  Result<std::optional<Engine>> unknown = engine_from_environment();
  unsetenv("IPJIT_ENGINE");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kBadOption);
  EXPECT_THAT(unknown.error().why, HasSubstr("'turbo'"));
}

}  // namespace
}  // namespace ipjit::runtime
