// SPDX-License-Identifier: BSD-2-Clause
// Every refusal, with the place it names, and what both loaders take.
#include "bpf-frontend/check.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "bpf-frontend/opcodes.h"

namespace ipjit::bpf {
namespace {

constexpr Insn kRet{BPF_RET | BPF_K, 0, 0, 1};

Insn insn(int code, uint32_t k = 0, uint8_t jt = 0, uint8_t jf = 0) {
  return {static_cast<uint16_t>(code), jt, jf, k};
}

void expect_refused(const InsnList& program, Dialect dialect, Code code, uint64_t at,
                    const std::string& why) {
  Status status = check(program, dialect);
  ASSERT_FALSE(status) << name_of(dialect) << ": " << name_of(code);
  EXPECT_EQ(status.error(), (Error{Stage::kFrontend, code, at, why})) << to_string(status.error());
}

void expect_refused_by_both(const InsnList& program, Code code, uint64_t at,
                            const std::string& why) {
  expect_refused(program, Dialect::kLibpcap, code, at, why);
  expect_refused(program, Dialect::kLinux, code, at, why);
}

TEST(Check, RefusesInBothDialects) {
  expect_refused_by_both({}, Code::kEmpty, 0, "the program has no instruction");
  expect_refused_by_both({insn(0xff), kRet}, Code::kBadOpcode, 0, "opcode 0x00ff is unknown");
  expect_refused_by_both({insn(0x120), kRet}, Code::kBadOpcode, 0, "opcode 0x0120 is unknown");
  expect_refused_by_both({kRet, insn(BPF_RET | BPF_X)}, Code::kBadOpcode, 1,
                         "opcode 0x000e is unknown");
  expect_refused_by_both({insn(BPF_JMP | BPF_JA, 1), kRet}, Code::kJumpOutOfRange, 0,
                         "jump by 1 leaves the program");
  expect_refused_by_both({insn(BPF_JMP | BPF_JEQ, 5, 0, 1), kRet}, Code::kJumpOutOfRange, 0,
                         "jump by 1 leaves the program");
  expect_refused_by_both({kRet, insn(BPF_JMP | BPF_JSET, 5, 255, 0), kRet}, Code::kJumpOutOfRange,
                         1, "jump by 255 leaves the program");
  expect_refused_by_both({kRet, insn(BPF_MISC | BPF_TAX)}, Code::kNoReturn, 1,
                         "the program ends with opcode 0x0007, no return");
  for (int op : {BPF_DIV, BPF_MOD})
    expect_refused_by_both({insn(BPF_ALU | op | BPF_K, 0), kRet}, Code::kDivisionByZero, 0,
                           "division by constant 0");
  for (int op : {BPF_LSH, BPF_RSH})
    expect_refused_by_both({insn(BPF_ALU | op | BPF_K, 32), kRet}, Code::kBadShift, 0,
                           "shift by 32 bits of 32");
  for (int code : {BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM})
    expect_refused_by_both({insn(code, 16), kRet}, Code::kBadMemorySlot, 0, "M[16] does not exist");
}

TEST(Check, LimitsTheLength) {
  expect_refused(InsnList(4097, kRet), Dialect::kLinux, Code::kTooLong, 4096,
                 "the program has 4097 instructions");
  expect_refused(InsnList(kMaxLibpcapInsns + 1, kRet), Dialect::kLibpcap, Code::kTooLong,
                 kMaxLibpcapInsns, "the program has 1048577 instructions");
  EXPECT_TRUE(check(InsnList(4096, kRet), Dialect::kLinux));
  EXPECT_TRUE(check(InsnList(4097, kRet), Dialect::kLibpcap));
}

TEST(Check, LinuxWantsMemoryWrittenOnEveryPath) {
  const Insn load = insn(BPF_LD | BPF_MEM, 3);
  const Insn store = insn(BPF_ST, 3);
  const std::string why = "M[3] is read before it is written";
  expect_refused({load, kRet}, Dialect::kLinux, Code::kReadBeforeWrite, 0, why);
  expect_refused({insn(BPF_LDX | BPF_MEM, 3), kRet}, Dialect::kLinux, Code::kReadBeforeWrite, 0,
                 why);
  expect_refused({insn(BPF_JMP | BPF_JEQ, 1, 0, 1), store, load, kRet}, Dialect::kLinux,
                 Code::kReadBeforeWrite, 2, why);
  expect_refused({insn(BPF_JMP | BPF_JA, 1), store, load, kRet}, Dialect::kLinux,
                 Code::kReadBeforeWrite, 2, why);
  EXPECT_TRUE(check(InsnList{store, load, kRet}, Dialect::kLinux));
  EXPECT_TRUE(check(InsnList{insn(BPF_JMP | BPF_JEQ, 1, 0, 2), store, insn(BPF_JMP | BPF_JA, 1),
                             insn(BPF_STX, 3), load, kRet},
                    Dialect::kLinux));
  EXPECT_TRUE(check(InsnList{load, kRet}, Dialect::kLibpcap));
}

TEST(Check, LinuxKnowsItsAncillaryLoads) {
  for (uint32_t k = 0xfffff000; k != 0; ++k) {
    InsnList program = {insn(BPF_LD | BPF_H | BPF_ABS, k), kRet};
    uint32_t ancillary = k - 0xfffff000;
    if (ancillary < SKF_AD_MAX && ancillary % 4 == 0) {
      EXPECT_TRUE(check(program, Dialect::kLinux)) << ancillary;
    } else {
      expect_refused(program, Dialect::kLinux, Code::kBadAncillary, 0,
                     "ancillary load at SKF_AD_OFF + " + std::to_string(ancillary) + " is unknown");
    }
    EXPECT_TRUE(check(program, Dialect::kLibpcap));
  }
  // Only absolute loads know them: here the offset counts from the network header.
  EXPECT_TRUE(check(InsnList{insn(BPF_LD | BPF_W | BPF_IND, 0xffffffff),
                             insn(BPF_LDX | BPF_B | BPF_MSH, 0xffffffff), kRet},
                    Dialect::kLinux));
}

TEST(Check, OnlyLibpcapJumpsBack) {
  InsnList program = {insn(BPF_LD | BPF_IMM, 1), insn(BPF_JMP | BPF_JA, 0u - 2), kRet};
  EXPECT_TRUE(check(program, Dialect::kLibpcap));
  EXPECT_TRUE(has_backward_jump(program));
  expect_refused(program, Dialect::kLinux, Code::kJumpOutOfRange, 1,
                 "jump by 4294967294 leaves the program");
  program[1].k = 0u - 3;
  expect_refused(program, Dialect::kLibpcap, Code::kJumpOutOfRange, 1,
                 "jump by 4294967293 leaves the program");
  program[1].k = 0;
  EXPECT_FALSE(has_backward_jump(program));
}

// Where bpf_validate() and check() differ on one instruction, it is for the reasons in check.cpp.
TEST(Check, TakesWhatLibpcapTakesAndCanRun) {
  for (int code = 0; code < 0x200; ++code) {
    for (uint32_t k : {0u, 1u, 15u, 16u, 31u, 32u, 0xffffffffu}) {
      InsnList program = {insn(code, k), kRet, kRet};
      std::vector<bpf_insn> theirs;
      for (const Insn& i : program) theirs.push_back({i.code, i.jt, i.jf, i.k});
      bool shift = kind_of(static_cast<uint16_t>(code)) == Kind::kShift && k >= 32;
      bool aborts = kind_of(static_cast<uint16_t>(code)) == Kind::kUnknown;
      bool expected = bpf_validate(theirs.data(), 3) && !shift && !aborts;
      EXPECT_EQ(bool(check(program, Dialect::kLibpcap)), expected) << code << " k " << k;
    }
  }
}

}  // namespace
}  // namespace ipjit::bpf
