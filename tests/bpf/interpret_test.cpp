// SPDX-License-Identifier: BSD-2-Clause
// What the dialects decide, case by case; random_test.cpp compares the rest with libpcap.
#include "bpf-frontend/interpret.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstring>

#include "bpf-frontend/check.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {
namespace {

Insn insn(int code, uint32_t k = 0, uint8_t jt = 0, uint8_t jf = 0) {
  return {static_cast<uint16_t>(code), jt, jf, k};
}

const Insn kRetA = insn(BPF_RET | BPF_A);
const Insn kTxa = insn(BPF_MISC | BPF_TXA);

// Sixteen bytes 0x10, 0x11, ...; the network header is at 4.
class Dialects : public testing::Test {
 protected:
  Dialects() {
    std::memset(&ctx_, 0, sizeof ctx_);
    ctx_.wire_len = 60;
    ctx_.net_off = 4;
    ctx_.vlan_tci = 7;
    ctx_.vlan_present = 1;
    for (uint8_t i = 0; i < 16; ++i) data_.push_back(0x10 + i);
  }

  // The oracle and the IR interpreter must agree.
  uint32_t run(Dialect dialect, const InsnList& program) {
    uint32_t result = interpret(program, dialect, data_, ctx_);
    Result<ir::Program> ir = translate(program, dialect);
    EXPECT_TRUE(ir) << to_string(ir.error());
    if (!ir) return ~result;
    EXPECT_EQ(ir::interpret(*ir, data_, ctx_), result);
    return result;
  }
  uint32_t libpcap(const InsnList& program) { return run(Dialect::kLibpcap, program); }
  uint32_t linux_result(const InsnList& program) { return run(Dialect::kLinux, program); }

  std::vector<uint8_t> data_;
  ipjit_ctx ctx_;
};

TEST_F(Dialects, IndexedLoadsWrapInLinuxOnly) {
  const InsnList program = {insn(BPF_LDX | BPF_IMM, 5), insn(BPF_LD | BPF_B | BPF_IND, 0u - 2),
                            kRetA};
  EXPECT_EQ(libpcap(program), 0u);
  EXPECT_EQ(linux_result(program), 0x13u);
}

TEST_F(Dialects, ShiftsByX) {
  for (uint32_t count : {0u, 1u, 31u, 32u, 33u, 0xffffffffu}) {
    for (int op : {BPF_LSH, BPF_RSH}) {
      const InsnList program = {insn(BPF_LDX | BPF_IMM, count), insn(BPF_LD | BPF_IMM, 0x80000001),
                                insn(BPF_ALU | op | BPF_X), kRetA};
      uint32_t masked = op == BPF_LSH ? 0x80000001u << (count & 31) : 0x80000001u >> (count & 31);
      EXPECT_EQ(linux_result(program), masked) << count;
      EXPECT_EQ(libpcap(program), count < 32 ? masked : 0) << count;
    }
  }
}

TEST_F(Dialects, LinuxHeaderOffsets) {
  const auto byte_at = [](uint32_t k) {
    return InsnList{insn(BPF_LD | BPF_B | BPF_ABS, k), kRetA};
  };
  EXPECT_EQ(linux_result(byte_at(0xfff00000)), 0x14u);  // network header
  EXPECT_EQ(linux_result(byte_at(0xfff0000b)), 0x1fu);  // its last byte
  EXPECT_EQ(linux_result(byte_at(0xfff0000c)), 0u);     // beyond
  EXPECT_EQ(linux_result(byte_at(0xffe00003)), 0x13u);  // link header
  EXPECT_EQ(linux_result(byte_at(0xffe00010)), 0u);     // beyond
  EXPECT_EQ(linux_result(byte_at(0xffdfffff)), 0u);     // nowhere
  EXPECT_EQ(linux_result(byte_at(0x80000000)), 0u);     // nowhere
  EXPECT_EQ(libpcap(byte_at(0xfff00000)), 0u);
  EXPECT_EQ(libpcap(byte_at(0xffe00003)), 0u);
}

TEST_F(Dialects, LinuxHeaderOffsetsThroughX) {
  const auto byte_at = [](uint32_t x, uint32_t k) {
    return InsnList{insn(BPF_LDX | BPF_IMM, x), insn(BPF_LD | BPF_B | BPF_IND, k), kRetA};
  };
  EXPECT_EQ(linux_result(byte_at(3, 0xfff00000)), 0x17u);
  EXPECT_EQ(linux_result(byte_at(0xfff00000, 3)), 0x17u);
  EXPECT_EQ(linux_result(byte_at(3, 0xffe00000)), 0x13u);
  EXPECT_EQ(linux_result(byte_at(0xfff00000 - 1, 1)), 0x14u);
  EXPECT_EQ(linux_result(byte_at(0xfff00000 - 2, 1)), 0u);  // link header + 0xfffff
  EXPECT_EQ(linux_result(byte_at(0xffe00000 - 2, 1)), 0u);  // nowhere
  // Not an ancillary load: network header + 0xff000.
  EXPECT_EQ(linux_result(byte_at(0, SKF_AD_OFF + SKF_AD_IFINDEX)), 0u);
  EXPECT_EQ(libpcap(byte_at(3, 0xfff00000)), 0u);
}

TEST_F(Dialects, LinuxHeaderOffsetsForTheHeaderLength) {
  const InsnList program = {insn(BPF_LDX | BPF_B | BPF_MSH, 0xfff00001), kTxa, kRetA};
  EXPECT_EQ(linux_result(program), 4u * 5);
  EXPECT_EQ(libpcap(program), 0u);
}

TEST_F(Dialects, LinuxOffsetsWrapAsTheKernelsIntegers) {
  ctx_.net_off = 0u - 2;  // data begins behind the network header
  EXPECT_EQ(linux_result({insn(BPF_LD | BPF_B | BPF_ABS, 0xfff00003), kRetA}), 0x11u);
  EXPECT_EQ(linux_result({insn(BPF_LD | BPF_B | BPF_ABS, 0xfff00001), kRetA}), 0u);
}

TEST_F(Dialects, VlanFields) {
  const InsnList tag = {insn(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG), kRetA};
  const InsnList present = {insn(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
                            insn(BPF_JMP | BPF_JEQ, 1, 0, 1), insn(BPF_RET | BPF_K, 5),
                            insn(BPF_RET | BPF_K, 6)};
  const InsnList word = {insn(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG), kRetA};
  EXPECT_EQ(libpcap(tag), 7u);
  EXPECT_EQ(linux_result(tag), 7u);
  EXPECT_EQ(libpcap(present), 5u);
  EXPECT_EQ(libpcap(word), 0u);  // libpcap knows the one-byte load only.
  EXPECT_EQ(linux_result(word), 7u);
  ctx_.vlan_present = 0;
  EXPECT_EQ(libpcap(present), 6u);
  EXPECT_EQ(libpcap(tag), 7u);
  ctx_.vlan_present = kNoVlanData;
  EXPECT_EQ(libpcap(present), 0u);
  EXPECT_EQ(libpcap(tag), 0u);
}

TEST_F(Dialects, XorWithXIsALoadInLinux) {
  const InsnList program = {insn(BPF_LDX | BPF_IMM, 6), insn(BPF_LD | BPF_IMM, 5),
                            insn(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_ALU_XOR_X), kRetA};
  EXPECT_EQ(linux_result(program), 3u);
  EXPECT_EQ(libpcap(program), 0u);
}

TEST_F(Dialects, LengthIsTheOneOnTheWire) {
  EXPECT_EQ(libpcap({insn(BPF_LD | BPF_W | BPF_LEN), kRetA}), 60u);
  EXPECT_EQ(linux_result({insn(BPF_LDX | BPF_W | BPF_LEN), kTxa, kRetA}), 60u);
}

TEST_F(Dialects, DivisionByZeroReturnsZero) {
  for (int op : {BPF_DIV, BPF_MOD}) {
    const InsnList program = {insn(BPF_LD | BPF_IMM, 9), insn(BPF_ALU | op | BPF_X),
                              insn(BPF_RET | BPF_K, 8)};
    EXPECT_EQ(libpcap(program), 0u);
    EXPECT_EQ(linux_result(program), 0u);
  }
}

TEST_F(Dialects, UnwrittenMemoryIsZeroInLibpcap) {
  EXPECT_EQ(libpcap({insn(BPF_LD | BPF_MEM, 3), insn(BPF_ALU | BPF_ADD | BPF_K, 5), kRetA}), 5u);
}

// libpcap writes a loop for protochain.
TEST(BackwardJumps, ProtochainRunsAsInLibpcap) {
  pcap_t* dead = pcap_open_dead(DLT_RAW, 65535);
  bpf_program compiled;
  ASSERT_EQ(pcap_compile(dead, &compiled, "ip6 protochain 17", 1, PCAP_NETMASK_UNKNOWN), 0);
  InsnList program;
  for (u_int i = 0; i < compiled.bf_len; ++i) {
    const bpf_insn& insn = compiled.bf_insns[i];
    program.push_back({insn.code, insn.jt, insn.jf, insn.k});
  }
  ASSERT_TRUE(has_backward_jump(program));
  ASSERT_TRUE(check(program, Dialect::kLibpcap));
  Random random(1);
  ipjit_ctx ctx;
  std::memset(&ctx, 0, sizeof ctx);
  uint32_t accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    // A chain of hop-by-hop (0) and destination (60) headers of 8 to 24 bytes, then UDP or TCP.
    std::vector<uint8_t> packet(40);
    packet[0] = 0x60;
    size_t next = 6;
    for (uint32_t headers = random.below(4); headers-- > 0;) {
      packet[next] = random.one_in(2) ? 0 : 60;
      next = packet.size();
      uint8_t words = static_cast<uint8_t>(random.below(3));
      packet.resize(packet.size() + 8 + 8 * words);
      packet[next + 1] = words;
    }
    packet[next] = random.one_in(3) ? 6 : 17;
    packet.resize(packet.size() + 8);
    if (random.one_in(4)) packet.resize(random.below(static_cast<uint32_t>(packet.size())));
    uint32_t size = static_cast<uint32_t>(packet.size());
    uint32_t expected = bpf_filter(compiled.bf_insns, packet.data(), size, size);
    ctx.wire_len = size;
    ASSERT_EQ(interpret(program, Dialect::kLibpcap, packet, ctx), expected) << i;
    accepted += expected != 0;
  }
  EXPECT_GT(accepted, 200u);
  EXPECT_LT(accepted, 1800u);
  pcap_freecode(&compiled);
  pcap_close(dead);
}

}  // namespace
}  // namespace ipjit::bpf
