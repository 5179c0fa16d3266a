// SPDX-License-Identifier: BSD-2-Clause
// The C API through libipjit.so: what each function does, and every way in which it can refuse.
#include "ipjit/ipjit.h"

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<ipjit_insn> kOnlyIp = {
    {BPF_LD | BPF_H | BPF_ABS, 0, 0, 12},
    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x0800},
    {BPF_RET | BPF_K, 0, 0, 65535},
    {BPF_RET | BPF_K, 0, 0, 0},
};
const std::vector<ipjit_insn> kBad = {{0x00ff, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, 0}};

std::array<uint8_t, 64> ip_packet() {
  std::array<uint8_t, 64> packet = {};
  packet[12] = 0x08;
  return packet;
}

ipjit_options options() {
  ipjit_options result = {};
  result.size = sizeof result;
  return result;
}

/// A filter freed at the end of its scope, and the error if there is none.
struct Owned {
  Owned(const std::vector<ipjit_insn>& insns, const ipjit_options* options)
      : filter(ipjit_compile(insns.data(), insns.size(), options, &error)) {}
  Owned(const char* expression, const ipjit_options* options)
      : filter(ipjit_compile_expression(expression, options, &error)) {}
  ~Owned() { ipjit_filter_free(filter); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  ipjit_stats stats() const {
    ipjit_stats stats = {};
    stats.size = sizeof stats;
    EXPECT_EQ(ipjit_filter_stats(filter, &stats), 0);
    return stats;
  }

  ipjit_error error = {};
  ipjit_filter* filter;
};

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Capi, CompilesRunsCountsAndFrees) {
  Owned owned(kOnlyIp, nullptr);
  ASSERT_NE(owned.filter, nullptr) << owned.error.text;
  const auto packet = ip_packet();
  EXPECT_EQ(ipjit_filter_run(owned.filter, packet.data(), 64, 64), 65535u);
  EXPECT_EQ(ipjit_filter_run(owned.filter, packet.data(), 13, 64), 0u) << "truncated";
  const ipjit_stats stats = owned.stats();
  EXPECT_STREQ(stats.engine, "tier1");
  EXPECT_EQ(stats.packets, 2u);
  EXPECT_EQ(stats.matched, 1u);
  EXPECT_GT(stats.code_bytes, 0u);
  ipjit_filter_free(nullptr);
}

TEST(Capi, InlinedAndCalledRunsAreTheSame) {
  Owned owned(kOnlyIp, nullptr);
  const auto packet = ip_packet();
  uint32_t (*called)(const ipjit_filter*, const uint8_t*, uint32_t, uint32_t) = &ipjit_filter_run;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(ipjit_filter_run(owned.filter, packet.data(), 64, 64), 65535u);
    EXPECT_EQ(called(owned.filter, packet.data(), 64, 64), 65535u);
  }
  EXPECT_EQ(owned.stats().packets, 2000u);
}

TEST(Capi, CompilesAnExpressionForALinkType) {
  Owned ethernet("ip", nullptr);
  ASSERT_NE(ethernet.filter, nullptr) << ethernet.error.text;
  ipjit_options raw = options();
  raw.dlt = 12;  // DLT_RAW: no link header
  raw.snaplen = 96;
  Owned without("ip", &raw);
  ASSERT_NE(without.filter, nullptr) << without.error.text;
  const auto packet = ip_packet();
  EXPECT_EQ(ipjit_filter_run(ethernet.filter, packet.data(), 64, 64), 262144u);
  EXPECT_EQ(ipjit_filter_run(without.filter, packet.data() + 14, 50, 50), 0u);
  const uint8_t header[20] = {0x45};
  EXPECT_EQ(ipjit_filter_run(without.filter, header, 20, 20), 96u);
}

TEST(Capi, RefusesABadProgramWithPlaceAndReason) {
  Owned owned(kBad, nullptr);
  EXPECT_EQ(owned.filter, nullptr);
  EXPECT_STREQ(owned.error.stage, "frontend");
  EXPECT_STREQ(owned.error.code, "kBadOpcode");
  EXPECT_EQ(owned.error.at, 0u);
  EXPECT_THAT(owned.error.text, StartsWith("ipjit: frontend: 0: kBadOpcode: "));
}

TEST(Capi, RefusesEachBadArgument) {
  const auto refused = [](const ipjit_options& bad) {
    Owned owned(kOnlyIp, &bad);
    EXPECT_EQ(owned.filter, nullptr);
    EXPECT_STREQ(owned.error.stage, "usage");
    EXPECT_STREQ(owned.error.code, "kBadOption");
    return std::string(owned.error.text);
  };
  ipjit_options no_size = options();
  no_size.size = 0;
  EXPECT_THAT(refused(no_size), HasSubstr("size"));
  ipjit_options engine = options();
  engine.engine = static_cast<ipjit_engine>(9);
  EXPECT_THAT(refused(engine), HasSubstr("engine 9"));
  ipjit_options dialect = options();
  dialect.dialect = static_cast<ipjit_dialect>(5);
  EXPECT_THAT(refused(dialect), HasSubstr("dialect 5"));
  ipjit_error error = {};
  EXPECT_EQ(ipjit_compile(nullptr, 3, nullptr, &error), nullptr);
  EXPECT_THAT(error.text, HasSubstr("insns is NULL"));
  EXPECT_EQ(ipjit_compile_expression(nullptr, nullptr, &error), nullptr);
  EXPECT_THAT(error.text, HasSubstr("expression is NULL"));
}

TEST(Capi, RefusesNothingAndTooMuch) {
  ipjit_error error = {};
  EXPECT_EQ(ipjit_compile(nullptr, 0, nullptr, &error), nullptr);
  EXPECT_STREQ(error.code, "kEmpty");
  ipjit_options linux_dialect = options();
  linux_dialect.dialect = IPJIT_DIALECT_LINUX;
  const std::vector<ipjit_insn> long_program(4097, {BPF_RET | BPF_K, 0, 0, 0});
  Owned owned(long_program, &linux_dialect);
  EXPECT_EQ(owned.filter, nullptr);
  EXPECT_STREQ(owned.error.code, "kTooLong");
}

TEST(Capi, RefusesABadExpressionAndLinkType) {
  Owned syntax("tcp port 80 and (", nullptr);
  EXPECT_EQ(syntax.filter, nullptr);
  EXPECT_STREQ(syntax.error.stage, "expression");
  EXPECT_STREQ(syntax.error.code, "kSyntax");
  ipjit_options link = options();
  link.dlt = 9999;
  Owned unknown("ip", &link);
  EXPECT_EQ(unknown.filter, nullptr);
  EXPECT_STREQ(unknown.error.stage, "expression");
}

TEST(Capi, TakesNullForTheError) {
  EXPECT_EQ(ipjit_compile(kBad.data(), kBad.size(), nullptr, nullptr), nullptr);
  EXPECT_EQ(ipjit_compile_expression("(", nullptr, nullptr), nullptr);
  Owned owned(kOnlyIp, nullptr);
  EXPECT_EQ(ipjit_filter_replace(owned.filter, kBad.data(), kBad.size(), nullptr), -1);
  EXPECT_EQ(ipjit_filter_replace_expression(owned.filter, "(", nullptr), -1);
}

TEST(Capi, EnginesAskedForByNameDoNotFallBack) {
  for (const auto& [engine, name] :
       {std::pair(IPJIT_ENGINE_INTERP, "interp"), std::pair(IPJIT_ENGINE_TIER1, "tier1")}) {
    ipjit_options named = options();
    named.engine = engine;
    Owned owned(kOnlyIp, &named);
    ASSERT_NE(owned.filter, nullptr) << owned.error.text;
    EXPECT_STREQ(owned.stats().engine, name);
  }
  ipjit_options tier2 = options();
  tier2.engine = IPJIT_ENGINE_TIER2;
  Owned owned(kOnlyIp, &tier2);
  EXPECT_EQ(owned.filter, nullptr);
  EXPECT_STREQ(owned.error.stage, "tier2");
  EXPECT_STREQ(owned.error.code, "kUnavailable");
  ipjit_options tier1 = options();
  tier1.engine = IPJIT_ENGINE_TIER1;
  Owned loop("ip6 protochain 6", &tier1);
  EXPECT_EQ(loop.filter, nullptr);
  EXPECT_STREQ(loop.error.code, "kBackwardJump");
}

TEST(Capi, AutoFallsBackAndCountsTheRefusal) {
  Owned owned("ip6 protochain 6", nullptr);
  ASSERT_NE(owned.filter, nullptr) << owned.error.text;
  EXPECT_STREQ(owned.stats().engine, "interp");
  EXPECT_EQ(owned.stats().refusals, 1u);
}

TEST(Capi, TheEnvironmentNamesTheEngineAndTheTarget) {
  {
    Environment engine("IPJIT_ENGINE", "interp");
    Owned owned(kOnlyIp, nullptr);
    EXPECT_STREQ(owned.stats().engine, "interp");
    ipjit_options tier1 = options();
    tier1.engine = IPJIT_ENGINE_TIER1;
    Owned stronger(kOnlyIp, &tier1);
    EXPECT_STREQ(stronger.stats().engine, "tier1");
  }
  {
    Environment engine("IPJIT_ENGINE", "tier2");
    Owned owned(kOnlyIp, nullptr);
    EXPECT_EQ(owned.filter, nullptr);
    EXPECT_STREQ(owned.error.stage, "tier2");
  }
  {
    Environment engine("IPJIT_ENGINE", "warp");
    Owned owned(kOnlyIp, nullptr);
    EXPECT_EQ(owned.filter, nullptr);
    EXPECT_THAT(owned.error.text, HasSubstr("'warp'"));
  }
  Environment target("IPJIT_TARGET", "pdp-11");
  Owned owned(kOnlyIp, nullptr);
  EXPECT_EQ(owned.filter, nullptr);
  EXPECT_STREQ(owned.error.stage, "target");
  EXPECT_STREQ(owned.error.code, "kUnknownTarget");
}

TEST(Capi, RunsABurstOfAnySize) {
  Owned owned(kOnlyIp, nullptr);
  const auto ip = ip_packet();
  std::array<uint8_t, 64> other = {};
  for (size_t count : {0, 1, 31, 32, 33, 64, 1000}) {
    std::vector<ipjit_packet> packets;
    for (size_t i = 0; i < count; ++i)
      packets.push_back({i % 3 ? ip.data() : other.data(), 64, 64});
    std::vector<uint32_t> verdicts(count + 1, 0xdead);
    ipjit_filter_run_burst(owned.filter, packets.data(), count, verdicts.data());
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(verdicts[i], i % 3 ? 65535u : 0u) << i;
    EXPECT_EQ(verdicts[count], 0xdeadu) << "one too many";
  }
  EXPECT_EQ(owned.stats().packets, 1161u);
}

/// Calls from one 4 GiB of addresses into another are slow (runtime/code_memory.cpp).
TEST(Capi, ProgramsLieNearWhoeverCompilesAndThenRunsThem) {
  const auto packet = ip_packet();
  const auto four_gigabytes = [](auto* code) { return reinterpret_cast<uintptr_t>(code) >> 32; };
  Owned owned(kOnlyIp, nullptr);
  EXPECT_EQ(four_gigabytes(owned.filter->program->direct), four_gigabytes(&ip_packet));
  const auto replaced_lies_at = [&] {
    EXPECT_EQ(ipjit_filter_replace(owned.filter, kOnlyIp.data(), kOnlyIp.size(), nullptr), 0);
    return four_gigabytes(owned.filter->program->direct);
  };
  EXPECT_EQ(replaced_lies_at(), four_gigabytes(&ip_packet)) << "nobody has run it";
  ipjit_filter* const filter = owned.filter;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ipjit_filter_run(filter, packet.data(), 64, 64), 65535u);
  EXPECT_EQ(replaced_lies_at(), four_gigabytes(&ip_packet)) << "inlined into this program";
  for (int i = 0; i < 100; ++i) (ipjit_filter_run)(filter, packet.data(), 64, 64);
  EXPECT_EQ(replaced_lies_at(), four_gigabytes(&ipjit_version)) << "called in the library";
}

TEST(Capi, ReplacesAndKeepsTheOldOneWhenRefused) {
  Owned owned(kOnlyIp, nullptr);
  const auto packet = ip_packet();
  ipjit_error error = {};
  EXPECT_EQ(ipjit_filter_replace(owned.filter, kBad.data(), kBad.size(), &error), -1);
  EXPECT_STREQ(error.code, "kBadOpcode");
  EXPECT_EQ(ipjit_filter_replace(owned.filter, nullptr, 3, &error), -1);
  EXPECT_EQ(ipjit_filter_replace_expression(owned.filter, nullptr, &error), -1);
  EXPECT_EQ(ipjit_filter_run(owned.filter, packet.data(), 64, 64), 65535u);
  EXPECT_EQ(ipjit_filter_replace_expression(owned.filter, "arp", &error), 0) << error.text;
  EXPECT_EQ(ipjit_filter_run(owned.filter, packet.data(), 64, 64), 0u);
  EXPECT_EQ(owned.stats().swaps, 1u);
  EXPECT_EQ(owned.stats().refusals, 1u);
}

TEST(Capi, AReplacementIsCompiledForTheSameLink) {
  ipjit_options raw = options();
  raw.dlt = 12;
  raw.snaplen = 77;
  Owned owned("ip6", &raw);
  ASSERT_NE(owned.filter, nullptr);
  ASSERT_EQ(ipjit_filter_replace_expression(owned.filter, "ip", nullptr), 0);
  const uint8_t header[20] = {0x45};
  EXPECT_EQ(ipjit_filter_run(owned.filter, header, 20, 20), 77u);
}

TEST(Capi, GivesFieldsOfTheContextToTheLinuxDialect) {
  ipjit_options linux_dialect = options();
  linux_dialect.dialect = IPJIT_DIALECT_LINUX;
  const std::vector<ipjit_insn> mark = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_MARK)},
      {BPF_RET | BPF_A, 0, 0, 0}};
  Owned owned(mark, &linux_dialect);
  ASSERT_NE(owned.filter, nullptr) << owned.error.text;
  ipjit_ctx ctx = {};
  ctx.mark = 42;
  const auto packet = ip_packet();
  EXPECT_EQ(ipjit_filter_run_ctx(owned.filter, packet.data(), 64, &ctx), 42u);
}

TEST(Capi, AnOlderProgramWithShorterStructsIsServed) {
  ipjit_options shorter = options();
  shorter.size = offsetof(ipjit_options, dlt);
  shorter.dlt = 9999;  // beyond the end: must not be read
  Owned owned("ip", &shorter);
  ASSERT_NE(owned.filter, nullptr) << owned.error.text;
  ipjit_stats stats;
  std::memset(&stats, 0x55, sizeof stats);
  stats.size = offsetof(ipjit_stats, swaps);
  EXPECT_EQ(ipjit_filter_stats(owned.filter, &stats), 0);
  EXPECT_STREQ(stats.engine, "tier1");
  EXPECT_EQ(stats.swaps, 0x5555555555555555u) << "beyond the end: must not be written";
  stats.size = 0;
  EXPECT_EQ(ipjit_filter_stats(owned.filter, &stats), -1);
}

TEST(Capi, ThreadsCompileRunAndFreeTheirOwn) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto packet = ip_packet();
      for (int i = 0; i < 200; ++i) {
        Owned owned(i % 2 ? "ip" : "ip or arp", nullptr);
        if (!owned.filter || ipjit_filter_run(owned.filter, packet.data(), 64, 64) != 262144)
          ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

/// A lock of the program's that it holds when it makes a filter, and therefore takes around fork()
/// too.  Its handlers are registered before the first filter.
std::mutex around_filters;
const int registered =
    pthread_atfork([] { around_filters.lock(); }, [] { around_filters.unlock(); },
                   [] { around_filters.unlock(); });

TEST(Capi, AProgramForksUnderALockOfItsOwn) {
  ASSERT_EQ(registered, 0);
  std::atomic<bool> over{false};
  std::thread maker([&] {
    while (!over) {
      std::lock_guard lock(around_filters);
      Owned owned(kOnlyIp, nullptr);
    }
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  over = true;
  maker.join();
}

TEST(Capi, SaysItsVersion) {
  EXPECT_THAT(ipjit_version(), testing::MatchesRegex("[0-9]+[.][0-9]+[.][0-9]+"));
}

}  // namespace
