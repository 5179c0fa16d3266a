// SPDX-License-Identifier: BSD-2-Clause
// Golden IR of small programs, for what the dialects and the SSA construction decide.
#include "bpf-frontend/translate.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::bpf {
namespace {

Insn insn(int code, uint32_t k = 0, uint8_t jt = 0, uint8_t jf = 0) {
  return {static_cast<uint16_t>(code), jt, jf, k};
}

const Insn kAccept = insn(BPF_RET | BPF_K, 9);
const Insn kReject = insn(BPF_RET | BPF_K, 0);

// The IR's text without the source comments and the blanks before them.
std::string ir_of(const InsnList& program, Dialect dialect) {
  Result<ir::Program> ir = translate(program, dialect);
  if (!ir) return to_string(ir.error());
  if (Status valid = ir::validate(*ir); !valid) return to_string(valid.error());
  std::string text = ir::print(*ir), bare;
  for (size_t at = text.find('\n') + 1; at < text.size();) {
    size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    line = line.substr(0, line.find(';'));
    bare += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    at = end + 1;
  }
  return bare;
}

std::string both(const InsnList& program) {
  std::string text = ir_of(program, Dialect::kLibpcap);
  EXPECT_EQ(ir_of(program, Dialect::kLinux), text);
  return text;
}

TEST(Translate, TcpdumpIp) {
  EXPECT_EQ(both({insn(BPF_LD | BPF_H | BPF_ABS, 12), insn(BPF_JMP | BPF_JEQ, 0x800, 0, 1), kAccept,
                  kReject}),
            "b0: need 14 else b2\n"
            "    v0 = load_be16 12\n"
            "    br v0 == 0x800 -> b1, b2\n"
            "b1: ret 9\n"
            "b2: ret 0\n");
}

TEST(Translate, KeepsTheSourceIndex) {
  Result<ir::Program> ir = translate(
      InsnList{insn(BPF_LD | BPF_W | BPF_LEN), insn(BPF_JMP | BPF_JGT, 60, 0, 1), kAccept, kReject},
      Dialect::kLibpcap);
  ASSERT_TRUE(ir);
  EXPECT_EQ(ir->insns[0].source, 0u);
  EXPECT_EQ(ir->blocks[0].term.source, 1u);
  EXPECT_EQ(ir->blocks[1].term.source, 2u);
  EXPECT_EQ(ir->blocks[2].term.source, 3u);
}

TEST(Translate, JumpsToJumpsAreOneEdge) {
  EXPECT_EQ(both({insn(BPF_LD | BPF_W | BPF_LEN), insn(BPF_JMP | BPF_JEQ, 1, 0, 1),
                  insn(BPF_JMP | BPF_JA, 2), insn(BPF_JMP | BPF_JGE, 2, 1, 0), kReject, kAccept}),
            "b0: v0 = meta wire_len\n"
            "    br v0 == 1 -> b2, b1\n"
            "b1: br v0 < 2 -> b3, b2\n"
            "b2: ret 9\n"
            "b3: ret 0\n");
}

TEST(Translate, ParametersOnlyWhereWaysDiffer) {
  EXPECT_EQ(
      both({insn(BPF_LD | BPF_W | BPF_LEN), insn(BPF_ST, 0), insn(BPF_LDX | BPF_IMM, 1),
            insn(BPF_JMP | BPF_JEQ, 7, 0, 1), insn(BPF_LDX | BPF_IMM, 2), insn(BPF_LD | BPF_MEM, 0),
            insn(BPF_ALU | BPF_ADD | BPF_X), insn(BPF_RET | BPF_A)}),
      "b0: v0 = meta wire_len\n"
      "    v1 = const 1\n"
      "    br v0 == 7 -> b1, b2(v1)\n"
      "b1: v2 = const 2\n"
      "    jump b2(v2)\n"
      "b2(v3: u32): v4 = add v0, v3\n"
      "    ret v4\n");
}

TEST(Translate, RegistersStartAtZero) {
  EXPECT_EQ(both({insn(BPF_ALU | BPF_ADD | BPF_X), insn(BPF_RET | BPF_A)}),
            "b0: v0 = const 0\n"
            "    v1 = add v0, v0\n"
            "    ret v1\n");
}

TEST(Translate, DivisionByXReturnsZeroWhereXIsZero) {
  EXPECT_EQ(both({insn(BPF_LD | BPF_W | BPF_LEN), insn(BPF_LDX | BPF_W | BPF_LEN),
                  insn(BPF_ALU | BPF_DIV | BPF_X), insn(BPF_RET | BPF_A)}),
            "b0: v0 = meta wire_len\n"
            "    v1 = meta wire_len\n"
            "    br v1 == 0 -> b2, b1\n"
            "b1: v2 = div v0, v1\n"
            "    ret v2\n"
            "b2: ret 0\n");
}

TEST(Translate, ShiftCounts) {
  const InsnList program = {insn(BPF_LD | BPF_W | BPF_LEN), insn(BPF_LDX | BPF_W | BPF_LEN),
                            insn(BPF_ALU | BPF_LSH | BPF_X), insn(BPF_RET | BPF_A)};
  EXPECT_EQ(ir_of(program, Dialect::kLibpcap),
            "b0: v0 = meta wire_len\n"
            "    v1 = meta wire_len\n"
            "    v2 = shl v0, v1\n"
            "    ret v2\n");
  EXPECT_EQ(ir_of(program, Dialect::kLinux),
            "b0: v0 = meta wire_len\n"
            "    v1 = meta wire_len\n"
            "    v2 = and v1, 31\n"
            "    v3 = shl v0, v2\n"
            "    ret v3\n");
}

TEST(Translate, AHeaderWalkIsPlainInBothDialects) {
  EXPECT_EQ(both({insn(BPF_LDX | BPF_B | BPF_MSH, 14), insn(BPF_LD | BPF_H | BPF_IND, 16),
                  insn(BPF_RET | BPF_A)}),
            "b0: need 15 else b1\n"
            "    v0 = load_u8 14\n"
            "    v1 = and v0, 15\n"
            "    v2 = shl v1, 2\n"
            "    need v2 + 18 else b1\n"
            "    v3 = load_be16 v2 + 16\n"
            "    ret v3\n"
            "b1: ret 0\n");
}

TEST(Translate, LinuxDecidesByTheComputedOffset) {
  const InsnList program = {insn(BPF_LDX | BPF_W | BPF_LEN), insn(BPF_LD | BPF_B | BPF_IND, 4),
                            insn(BPF_RET | BPF_A)};
  EXPECT_EQ(ir_of(program, Dialect::kLibpcap),
            "b0: v0 = meta wire_len\n"
            "    need v0 + 5 else b1\n"
            "    v1 = load_u8 v0 + 4\n"
            "    ret v1\n"
            "b1: ret 0\n");
  EXPECT_EQ(ir_of(program, Dialect::kLinux),
            "b0: v0 = meta wire_len\n"
            "    v1 = add v0, 4\n"
            "    br v1 < 0xffe00000 -> b4(v1), b1\n"
            "b1: br v1 < 0xfff00000 -> b2, b3\n"
            "b2: v2 = sub v1, 0xffe00000\n"
            "    jump b4(v2)\n"
            "b3: v3 = sub v1, 0xfff00000\n"
            "    v4 = meta net_off\n"
            "    v5 = add v3, v4\n"
            "    jump b4(v5)\n"
            "b4(v6: u32): need v6 + 1 else b5\n"
            "    v7 = load_u8 v6 + 0\n"
            "    ret v7\n"
            "b5: ret 0\n");
}

TEST(Translate, LinuxConstantOffsets) {
  EXPECT_EQ(
      ir_of({insn(BPF_LD | BPF_B | BPF_ABS, 0xfff00009), insn(BPF_RET | BPF_A)}, Dialect::kLinux),
      "b0: v0 = meta net_off\n"
      "    v1 = add v0, 9\n"
      "    need v1 + 1 else b1\n"
      "    v2 = load_u8 v1 + 0\n"
      "    ret v2\n"
      "b1: ret 0\n");
  EXPECT_EQ(ir_of({insn(BPF_LDX | BPF_B | BPF_MSH, 0xffe0000e), insn(BPF_MISC | BPF_TXA),
                   insn(BPF_RET | BPF_A)},
                  Dialect::kLinux),
            "b0: need 15 else b1\n"
            "    v0 = load_u8 14\n"
            "    v1 = and v0, 15\n"
            "    v2 = shl v1, 2\n"
            "    ret v2\n"
            "b1: ret 0\n");
}

TEST(Translate, AncillaryLoads) {
  const struct {
    uint32_t ancillary;
    const char* field;
  } fields[] = {{SKF_AD_PROTOCOL, "protocol"},
                {SKF_AD_PKTTYPE, "pkttype"},
                {SKF_AD_IFINDEX, "ifindex"},
                {SKF_AD_NLATTR, "nlattr"},
                {SKF_AD_NLATTR_NEST, "nlattr_nest"},
                {SKF_AD_MARK, "mark"},
                {SKF_AD_QUEUE, "queue"},
                {SKF_AD_HATYPE, "hatype"},
                {SKF_AD_RXHASH, "rxhash"},
                {SKF_AD_CPU, "cpu"},
                {SKF_AD_VLAN_TAG, "vlan_tci"},
                {SKF_AD_VLAN_TAG_PRESENT, "vlan_present"},
                {SKF_AD_PAY_OFFSET, "pay_offset"},
                {SKF_AD_RANDOM, "random"},
                {SKF_AD_VLAN_TPID, "vlan_proto"}};
  for (const auto& f : fields)
    EXPECT_EQ(
        ir_of({insn(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + f.ancillary), insn(BPF_RET | BPF_A)},
              Dialect::kLinux),
        std::string("b0: v0 = meta ") + f.field + "\n    ret v0\n");
  EXPECT_EQ(
      ir_of({insn(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_ALU_XOR_X), insn(BPF_RET | BPF_A)},
            Dialect::kLinux),
      "b0: v0 = const 0\n"
      "    v1 = xor v0, v0\n"
      "    ret v1\n");
}

TEST(Translate, LibpcapVlanNeedsAuxiliaryData) {
  EXPECT_EQ(
      ir_of({insn(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG), insn(BPF_RET | BPF_A)},
            Dialect::kLibpcap),
      "b0: v0 = meta vlan_present\n"
      "    br v0 == 0xffffffff -> b2, b1\n"
      "b1: v1 = meta vlan_tci\n"
      "    ret v1\n"
      "b2: ret 0\n");
}

TEST(Translate, Refusals) {
  EXPECT_EQ(
      ir_of({insn(BPF_LD | BPF_IMM), insn(BPF_JMP | BPF_JA, 0u - 2), kReject}, Dialect::kLibpcap),
      "frontend: 1: kBackwardJump: a backward jump needs the classic BPF interpreter");
  EXPECT_EQ(ir_of({insn(0xff), kReject}, Dialect::kLinux),
            "frontend: 0: kBadOpcode: opcode 0x00ff is unknown");
}

}  // namespace
}  // namespace ipjit::bpf
