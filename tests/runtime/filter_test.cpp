// SPDX-License-Identifier: BSD-2-Clause
// One filter, one thread: verdicts, counts, samples, replacement, signals, the edge of memory.
#include "runtime/filter.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>

#include "runtime/sample.h"
#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

uint32_t run(const Filter& filter, std::span<const uint8_t> packet) {
  return filter.run(packet.data(), static_cast<uint32_t>(packet.size()),
                    static_cast<uint32_t>(packet.size()));
}

TEST(Filter, CountsPacketsAndMatches) {
  auto filter = make_filter(only_ip());
  for (int i = 0; i < 1000; ++i) run(*filter, ip_packet());
  for (int i = 0; i < 500; ++i) run(*filter, arp_packet());
  const FilterRecord record = filter->record();
  EXPECT_EQ(record.packets, 1500u);
  EXPECT_EQ(record.matched, 1000u);
  EXPECT_EQ(record.engine, "tier1");
  EXPECT_EQ(record.dialect, "libpcap");
  EXPECT_EQ(record.name, "test");
  EXPECT_EQ(record.swaps, 0u);
  EXPECT_GT(record.code_bytes, 0u);
  EXPECT_GT(record.compile_ns, 0u);
}

TEST(Filter, AdoptedUnitsStayAsTheyAre) {
  auto general = build(only_ip(), {.engine = Engine::kInterp});
  ASSERT_TRUE(general) << general.error().why;
  tier1::Tier1 compiler;
  auto unit = build_special(**general, *(*general)->program, compiler, **arch::default_target());
  ASSERT_TRUE(unit) << unit.error().why;
  auto filter = Filter::adopt(std::move(*unit), {.name = "adopted"});
  general->reset();
  EXPECT_EQ(filter->tier(), nullptr);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NE(run(*filter, ip_packet()), 0u);
    EXPECT_EQ(run(*filter, arp_packet()), 0u);
  }
  EXPECT_EQ(filter->record().engine, "tier2");
  EXPECT_EQ(filter->record().name, "adopted");
  ASSERT_TRUE(filter->replace(only_ip())) << "another program may still take its place";
}

/// Takes an interpreter longer than the time stamp counter's step, which is 10 ns on AMD Zen 5.
bpf::InsnList long_way() {
  bpf::InsnList insns(100, insn(BPF_ALU | BPF_ADD | BPF_K, 3));
  insns.insert(insns.begin(), insn(BPF_LD | BPF_H | BPF_ABS, 12));
  insns.push_back(insn(BPF_RET | BPF_K, 65535));
  return insns;
}

TEST(Filter, TimesAFewPacketsOnBothEngines) {
  auto filter = make_filter(long_way());
  const auto packet = ip_packet();
  for (int i = 0; i < 100'000; ++i) run(*filter, packet);
  const FilterRecord record = filter->record();
  EXPECT_GE(record.samples, 10u);
  EXPECT_LE(record.samples, 120u) << "sampling must stay rare";
  EXPECT_GT(record.replaced_ns_per_packet, 0);
  EXPECT_DOUBLE_EQ(record.saved_seconds,
                   (record.replaced_ns_per_packet - record.ns_per_packet) * 100'000 / 1e9);
  EXPECT_EQ(record.packets, 100'000u) << "a timed packet counts once";
}

TEST(Filter, SamplesTakeWhatALoopTakes) {
  const Result<std::unique_ptr<Unit>> unit = build(long_way(), {.engine = Engine::kTier1});
  ASSERT_TRUE(unit);
  const auto packet = ip_packet();
  constexpr int kTimes = 4096;
  std::vector<double> ratios;
  for (int turn = 0; turn < 9; ++turn) {
    const uint64_t begun = monotonic_ns();
    for (int i = 0; i < kTimes; ++i) (*unit)->run_replaced(packet, {});
    const uint64_t loop_ns = std::max<uint64_t>(monotonic_ns() - begun, 1);
    int64_t samples_ps = 0;
    for (int i = 0; i < kTimes; ++i) samples_ps += time_packet(**unit, packet, {}).replaced_ps;
    ratios.push_back(static_cast<double>(samples_ps) / 1e3 / static_cast<double>(loop_ns));
  }
  std::sort(ratios.begin(), ratios.end());
  // Fences around each run on the one side, runs that overlap on the other.
  EXPECT_GT(ratios[4], 0.5);
  EXPECT_LT(ratios[4], 2);
}

TEST(Filter, PassesTheLengthOnTheWireByEveryDoor) {
  for (Engine engine : {Engine::kInterp, Engine::kTier1, Engine::kLibpcap}) {
    auto filter = make_filter(wire_length(), {.engine = engine});
    const auto packet = ip_packet();
    for (uint32_t wire_len = 0; wire_len < 3000; ++wire_len)
      ASSERT_EQ(filter->run(packet.data(), packet.size(), wire_len), wire_len);
    ipjit_ctx ctx = {};
    ctx.wire_len = 1234;
    EXPECT_EQ(filter->run_ctx(packet.data(), packet.size(), ctx), 1234u);
    std::vector<ipjit_packet> packets;
    for (uint32_t i = 0; i < 1000; ++i) packets.push_back({packet.data(), 64, i});
    std::vector<uint32_t> verdicts(packets.size());
    filter->slot().run_burst(packets, verdicts.data());
    for (uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(verdicts[i], i);
    EXPECT_EQ(filter->record().packets, 4001u);
    EXPECT_EQ(filter->record().matched, 3999u);
  }
}

TEST(Filter, GivesAncillaryFieldsFromTheContextAndZeroWithout) {
  const bpf::InsnList mark = {insn(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_MARK),
                              insn(BPF_RET | BPF_A, 0)};
  for (Engine engine : {Engine::kInterp, Engine::kTier1}) {
    auto filter = make_filter(mark, {.dialect = bpf::Dialect::kLinux, .engine = engine});
    const auto packet = ip_packet();
    ipjit_ctx ctx = {};
    ctx.mark = 77;
    EXPECT_EQ(filter->run_ctx(packet.data(), packet.size(), ctx), 77u);
    EXPECT_EQ(run(*filter, packet), 0u);
    EXPECT_EQ(filter->record().dialect, "linux");
  }
}

TEST(Filter, ReplacesItsProgram) {
  auto filter = make_filter(always(1));
  EXPECT_EQ(run(*filter, ip_packet()), 1u);
  ASSERT_TRUE(filter->replace(always(2)));
  EXPECT_EQ(run(*filter, ip_packet()), 2u);
  ASSERT_TRUE(filter->replace("arp"));
  EXPECT_EQ(run(*filter, ip_packet()), 0u);
  EXPECT_EQ(filter->record().swaps, 2u);
  EXPECT_EQ(filter->record().refusals, 0u);
}

TEST(Filter, KeepsItsProgramWhenTheNextOneIsRefused) {
  auto filter = make_filter(always(1));
  const Status bad = filter->replace(bpf::InsnList{insn(BPF_LD | BPF_IMM, 0)});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kNoReturn);
  const Status syntax = filter->replace("tcp port http and (");
  ASSERT_FALSE(syntax);
  EXPECT_EQ(syntax.error().stage, Stage::kExpression);
  EXPECT_EQ(run(*filter, ip_packet()), 1u);
  const FilterRecord record = filter->record();
  EXPECT_EQ(record.swaps, 0u);
  EXPECT_EQ(record.refusals, 2u);
  EXPECT_THAT(record.last_refusal, HasSubstr("expression: "));
}

TEST(Filter, ReadsNothingBehindThePacket) {
  const size_t page = 4096;
  auto* base = static_cast<uint8_t*>(
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(mprotect(base + page, page, PROT_NONE), 0);
  const auto packet = ip_packet();
  for (Engine engine : {Engine::kInterp, Engine::kTier1, Engine::kLibpcap}) {
    auto filter = *Filter::create("tcp port 80 or udp port 53 or ip6", {}, {.engine = engine}, {});
    for (size_t size = 0; size <= packet.size(); ++size) {
      uint8_t* data = base + page - size;
      std::memcpy(data, packet.data(), size);
      data[-1] = 0xff;
      run(*filter, {data, size});
    }
    EXPECT_EQ(filter->record().packets, packet.size() + 1);
  }
  munmap(base, 2 * page);
}

const Filter* handler_filter = nullptr;
std::atomic<uint64_t> handler_runs = 0;
std::atomic<uint64_t> handler_wrong = 0;

void on_signal(int) {
  const auto packet = ip_packet();
  for (int i = 0; i < 5; ++i) {
    if (run(*handler_filter, packet) != 65535) ++handler_wrong;
    ++handler_runs;
  }
}

TEST(Filter, RunsInASignalHandlerInsideItsOwnRuns) {
  auto filter = make_filter(only_ip());
  handler_filter = filter.get();
  handler_runs = handler_wrong = 0;
  struct sigaction action = {}, before;
  action.sa_handler = on_signal;
  sigaction(SIGALRM, &action, &before);
  const itimerval fast = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &fast, nullptr);
  const auto packet = ip_packet();
  uint64_t runs = 0;
  for (; handler_runs < 5'000; ++runs) {
    ASSERT_EQ(run(*filter, packet), 65535u);
    if (runs % 1000 == 0) {
      ASSERT_TRUE(filter->replace(only_ip()));
    }
  }
  const itimerval off = {};
  setitimer(ITIMER_REAL, &off, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_EQ(handler_wrong, 0u);
  EXPECT_EQ(filter->record().packets, runs + handler_runs);
}

TEST(Filter, NotesAreShown) {
  auto filter = make_filter(always(1));
  filter->set_note("in kernel, not ours: load ipjit.ko");
  EXPECT_EQ(filter->record().note, "in kernel, not ours: load ipjit.ko");
}

TEST(Filter, CutsALongNameAndSaysSo) {
  auto filter = make_filter(always(1), {}, std::string(2000, 'x'));
  const std::string name = filter->record().name;
  EXPECT_LT(name.size(), 512u);
  EXPECT_THAT(name, testing::EndsWith("x..."));
}

}  // namespace
}  // namespace ipjit::runtime
