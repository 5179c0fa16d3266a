// SPDX-License-Identifier: BSD-2-Clause
// Kernel form pulls where it cannot tell, and only there.
//
//   U  the program as translate_for_kernel() gives it      O  the same behind
//   optimize_kernel_form() G  the general program, on the whole packet
//
// The rules, on random programs and packets, with any part of the packet in sight:
//   1. U and O pull, or give G's verdict.
//   2. U pulls only if a need fails or a load is no place in the packet; so not where G accepts a
//      packet that is wholly in sight, and the program has no such load.
//   3. What O asks for beyond U are 42 bytes and 12 more than U asks for: with so many bytes more
//      behind a packet that U decides, O decides it too.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/kernel_form.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {
namespace {

constexpr uint64_t kEveryField = (uint64_t{1} << IPJIT_FIELD_COUNT) - 1;
constexpr uint64_t kPull = uint64_t{IPJIT_NEED_BYTES} << 32;
constexpr uint64_t kPrograms = 3000;
constexpr int kPackets = 8;

ir::Program form_of(std::span<const Insn> insns, uint64_t fields) {
  Result<ir::Program> program = translate_for_kernel(insns, fields);
  if (!program) ADD_FAILURE() << to_string(program.error());
  return program ? std::move(*program) : ir::Program();
}

ir::Program optimised(ir::Program program) {
  ir::optimize_kernel_form(program);
  Status valid = ir::validate(program);
  EXPECT_TRUE(valid) << to_string(valid.error()) << ir::print(program);
  return program;
}

/// Loads that kernel form cannot give: see translate.h.
bool may_leave_the_packet(std::span<const Insn> insns) {
  return std::ranges::any_of(insns, [](const Insn& insn) {
    const bool loads = BPF_CLASS(insn.code) == BPF_LD || BPF_CLASS(insn.code) == BPF_LDX;
    return loads && (BPF_MODE(insn.code) == BPF_IND || insn.k >= kLinkOffset);
  });
}

TEST(KernelForm, PullsOrGivesTheVerdictOfTheWholePacket) {
  uint64_t decided = 0, pulled = 0, accepted = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    Random random(seed);
    const InsnList source = random_program(random, Dialect::kLinux, 16);
    const uint64_t fields = random.one_in(2) ? kEveryField : random.next() & kEveryField;
    const ir::Program plain = form_of(source, fields), fast = optimised(plain);
    ASSERT_TRUE(ir::is_kernel_form(plain) && ir::is_kernel_form(fast));
    ASSERT_EQ(ir::fields_read(plain) & ~fields, 0u) << "seed " << seed << ": reads a stranger";
    for (int i = 0; i < kPackets; ++i) {
      const RandomPacket packet = random_packet(random, source);
      const uint32_t verdict = interpret(source, Dialect::kLinux, packet.data, packet.ctx);
      for (size_t seen = 0; seen <= packet.data.size(); seen += 1 + random.below(9)) {
        const auto head = std::span(packet.data).first(seen);
        for (const ir::Program* program : {&plain, &fast}) {
          const uint64_t result = ir::interpret(*program, head, packet.ctx);
          ASSERT_TRUE(result == kPull || result == verdict)
              << "seed " << seed << ": " << result << ", not " << verdict << ", of " << seen
              << " bytes of " << packet.data.size() << "\n"
              << print(source) << ir::print(*program);
          ++(result == kPull ? pulled : decided);
          accepted += result != kPull && result != 0;
        }
      }
      if (verdict != 0 && fields == kEveryField && !may_leave_the_packet(source)) {
        ASSERT_EQ(ir::interpret(plain, packet.data, packet.ctx), verdict) << "seed " << seed;
      }
    }
  }
  EXPECT_GT(decided, pulled / 4) << "little is decided";
  EXPECT_GT(pulled, decided / 20) << "little is pulled";
  EXPECT_GT(accepted, decided / 20);
}

/// As libpcap compiles it for Ethernet.
InsnList compiled(const char* expression) {
  pcap_t* const pcap = pcap_open_dead(DLT_EN10MB, 65535);
  bpf_program program = {};
  EXPECT_EQ(pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0) << expression;
  InsnList insns;
  for (u_int i = 0; i < program.bf_len; ++i) {
    const bpf_insn& insn = program.bf_insns[i];
    insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
  }
  pcap_freecode(&program);
  pcap_close(pcap);
  return insns;
}

/// A third engine, which knows neither our interpreters nor the kernel: what it accepts and refuses
/// of whole packets is what kernel form decides of any part, where it decides.
TEST(KernelForm, DecidesAsLibpcapDoes) {
  uint64_t decided = 0, accepted = 0;
  for (const char* expression :
       {"ip", "ip6 and tcp", "tcp port 80", "udp portrange 1000-40000", "icmp[0] = 8",
        "tcp[13] & 2 != 0", "tcp[((tcp[12] & 0xf0) >> 2)] = 0x47", "vlan 5 and ip", "greater 60",
        "host 192.168.1.1 or host 10.0.0.1", "ether[0] & 1 = 0 and ip[16] >= 224", "not arp"}) {
    const InsnList source = compiled(expression);
    const ir::Program plain = form_of(source, kEveryField), fast = optimised(plain);
    std::vector<bpf_insn> theirs;
    for (const Insn& insn : source) theirs.push_back({insn.code, insn.jt, insn.jf, insn.k});
    Random random(source.size());
    for (int i = 0; i < 300; ++i) {
      RandomPacket packet = random_packet(random, source);
      const u_int size = static_cast<u_int>(packet.data.size());
      packet.ctx.wire_len = size;
      const uint32_t verdict = bpf_filter(theirs.data(), packet.data.data(), size, size);
      for (size_t seen = 0; seen <= packet.data.size(); seen += 1 + random.below(9))
        for (const ir::Program* program : {&plain, &fast}) {
          const auto head = std::span(packet.data).first(seen);
          const uint64_t result = ir::interpret(*program, head, packet.ctx);
          ASSERT_TRUE(result == kPull || result == verdict)
              << expression << ": " << result << ", not " << verdict << ", of " << seen
              << " bytes of " << size;
          decided += result != kPull;
          accepted += result != kPull && result != 0;
        }
    }
  }
  EXPECT_GT(decided, 10'000u);
  EXPECT_GT(accepted, decided / 20);
}

TEST(KernelForm, AsksForLittleMoreThanItMust) {
  constexpr size_t kTakenForGranted = 42 + 12;
  uint64_t compared = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    Random random(seed + 1'000'000);
    const InsnList source = random_program(random, Dialect::kLinux, 16);
    const ir::Program plain = form_of(source, kEveryField), fast = optimised(plain);
    for (int i = 0; i < kPackets; ++i) {
      RandomPacket packet = random_packet(random, source);
      const uint64_t wanted = ir::interpret(plain, packet.data, packet.ctx);
      if (wanted == kPull) continue;
      packet.data.resize(packet.data.size() + kTakenForGranted);
      ASSERT_EQ(ir::interpret(fast, packet.data, packet.ctx), wanted)
          << "seed " << seed << "\n"
          << print(source) << ir::print(fast);
      ++compared;
    }
  }
  EXPECT_GT(compared, kPrograms * kPackets / 4);
}

std::string text_of(std::span<const Insn> insns, uint64_t fields) {
  return ir::print(optimised(form_of(insns, fields)));
}

TEST(KernelForm, PullsAtALoadFromTheLinkHeaderAndOfAFieldThatIsNotOffered) {
  const Insn ret{BPF_RET | BPF_A, 0, 0, 0};
  for (int32_t k : {SKF_LL_OFF, SKF_LL_OFF + 12, SKF_AD_OFF + SKF_AD_MARK,
                    SKF_AD_OFF + SKF_AD_RANDOM, SKF_AD_OFF + SKF_AD_NLATTR}) {
    const Insn load{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(k)};
    const Insn program[] = {load, ret};
    EXPECT_EQ(text_of(program, 0), "filter bpf\nb0: pull 0                              ; src 0\n")
        << k;
  }
}

TEST(KernelForm, OnlyTheWayThatNeedsItPulls) {
  const InsnList program = {
      {BPF_LD | BPF_H | BPF_ABS, 0, 0, 12},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0x800},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PAY_OFFSET)},
      {BPF_RET | BPF_A, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 7}};
  const ir::Program form = optimised(form_of(program, 0));
  std::vector<uint8_t> packet(60);
  EXPECT_EQ(ir::interpret(form, packet, {}), 7u);
  packet[12] = 8;
  EXPECT_EQ(ir::interpret(form, packet, {}), kPull);
}

TEST(KernelForm, ADeviceThatIsNotThereIsForTheKernelToJudge) {
  for (uint32_t what : {SKF_AD_IFINDEX, SKF_AD_HATYPE}) {
    const Insn program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF) + what},
        {BPF_RET | BPF_A, 0, 0, 0}};
    const ir::Program form = optimised(form_of(program, kEveryField));
    ipjit_ctx ctx = {};
    EXPECT_EQ(ir::interpret(form, {}, ctx), kPull);
    ctx.ifindex = ctx.hatype = 3;
    EXPECT_EQ(ir::interpret(form, {}, ctx), 3u);
  }
}

TEST(KernelForm, WhatIsBeforeDataIsPulledAndWhatIsBehindItRead) {
  const Insn program[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_NET_OFF + 9)},
                          {BPF_RET | BPF_A, 0, 0, 0}};
  const ir::Program form = optimised(form_of(program, kEveryField));
  const std::vector<uint8_t> packet = {0, 1, 2, 3};
  ipjit_ctx ctx = {};
  // A UDP socket's data begins behind the network header: offset -20, -8, -6.
  for (const auto& [net_off, gives] :
       {std::pair{-20, kPull}, {-8, uint64_t{1}}, {-6, uint64_t{3}}, {-5, kPull}, {14, kPull}}) {
    ctx.net_off = static_cast<uint32_t>(net_off);
    EXPECT_EQ(ir::interpret(form, packet, ctx), gives) << net_off;
  }
}

}  // namespace
}  // namespace ipjit::bpf
