// SPDX-License-Identifier: BSD-2-Clause
// The street for filters of the kernel: what comes out is what INSTALL takes.
#include "runtime/kernel/compile.h"

#include <gtest/gtest.h>

#include <cstring>

#include "bpf-frontend/check.h"
#include "bpf-frontend/expression.h"
#include "ir/interpret.h"
#include "ir/kernel_form.h"
#include "ir/special/specialise.h"
#include "kernel-glue/uapi/ipjit.h"
#include "lookup/table.h"
#include "runtime/code_memory.h"
#include "tests/bpf/random_bpf.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::kernel {
namespace {

constexpr uint64_t kFields = uint64_t{1} << IPJIT_FIELD_wire_len;

Machine machine() { return {.isa = arch::detect().isa, .fields = kFields, .constant_seed = 0}; }

bpf::InsnList expression(const std::string& text) {
  Result<bpf::InsnList> insns = bpf::compile_expression(text, {});
  EXPECT_TRUE(insns) << to_string(insns.error());
  return insns ? *insns : bpf::InsnList();
}

std::string hosts(int count) {
  std::string text = "host 192.0.2.1";
  for (int i = 2; i <= count; ++i) text += " or host 192.0.2." + std::to_string(i);
  return text;
}

TEST(KernelCompile, KeepsTheModulesContract) {
  const bpf::InsnList insns = expression(hosts(30));
  const Result<Unit> unit = compile(insns, machine());
  ASSERT_TRUE(unit) << to_string(unit.error());
  const ipjit_contract& contract = unit->code.contract;
  EXPECT_TRUE(ir::is_kernel_form(unit->program));
  EXPECT_EQ(contract.bases, uint32_t{IPJIT_BASE_DATA});
  EXPECT_EQ(contract.exits + contract.resumes + contract.actions + contract.counters, 0u);
  EXPECT_EQ(contract.isa & ~machine().isa, 0u);
  EXPECT_EQ(contract.fields & ~kFields, 0u);
  ASSERT_EQ(contract.nr_tables, 1u);
  EXPECT_EQ(contract.table[0].place, uint32_t{IPJIT_TABLE_IN_CTX});
  EXPECT_EQ(code_of(unit->code).size(), unit->code.code_len);
  EXPECT_EQ(tables_of(unit->code).size(), contract.table[0].size);
}

/// Every ret has room for a jump to the return thunk.
TEST(KernelCompile, LeavesFiveBytesForEachReturn) {
  const Result<Unit> unit = compile(expression("tcp port 80"), machine());
  ASSERT_TRUE(unit);
  const std::span<const uint8_t> code = code_of(unit->code);
  static constexpr uint8_t kRet[] = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
  ASSERT_GE(code.size(), sizeof kRet);
  EXPECT_EQ(std::memcmp(code.data() + code.size() - sizeof kRet, kRet, sizeof kRet), 0);
  for (size_t at = 0; at + sizeof kRet <= code.size(); ++at) {
    if (code[at] != 0xc3 || code[at + 1] != 0xcc) continue;
    EXPECT_EQ(std::memcmp(code.data() + at, kRet, sizeof kRet), 0) << at;
  }
}

TEST(KernelCompile, TheModulesVerifierNeedsNothingButCodeAndContract) {
  const Result<Unit> unit = compile(expression(hosts(30)), machine());
  ASSERT_TRUE(unit);
  EXPECT_TRUE(verifier::verify(code_of(unit->code), unit->code.code_len, unit->code.contract));
}

TEST(KernelCompile, TablesLieWhereTheContractSaysInOrder) {
  const Result<Unit> unit = compile(expression(hosts(30)), machine());
  ASSERT_TRUE(unit);
  ASSERT_EQ(unit->program.tables.size(), 1u);
  Result<runtime::InstalledCode> code = runtime::CodeMemory::seal(
      unit->code.bytes,
      *verifier::verify(unit->code.bytes, unit->code.code_len, unit->code.contract));
  ASSERT_TRUE(code);
  ipjit_ctx ctx = {};
  ctx.wire_len = 60;
  const std::vector<uint8_t> tables(tables_of(unit->code).begin(), tables_of(unit->code).end());
  ctx.tables[unit->code.contract.table[0].at] = tables.data();
  std::vector<uint8_t> packet(60);
  packet[12] = 8;
  for (int last = 0; last < 256; ++last) {
    const uint8_t source[] = {192, 0, 2, static_cast<uint8_t>(last)};
    std::copy_n(source, 4, packet.begin() + 26);
    const uint64_t result = code->entry()(packet.data(), packet.size(), &ctx);
    EXPECT_EQ(result != 0, last >= 1 && last <= 30) << last;
    EXPECT_EQ(result, ir::interpret(unit->program, packet, ctx)) << last;
  }
}

TEST(KernelCompile, SpecialisedProgramsGoTheSameWay) {
  const Result<Unit> unit = compile(expression("tcp port 80"), machine());
  ASSERT_TRUE(unit);
  tier1::Tier1 tier1;
  const ir::Specialised special = ir::specialise(unit->program, {});
  const Result<Unit> again = compile_special(special.program, machine(), tier1);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(again->program, special.program);
}

TEST(KernelCompile, RefusesWhatTheModuleWouldRefuse) {
  ir::Program counting;
  counting.exits = 1;
  counting.blocks.resize(1);
  counting.blocks[0].term.kind = ir::TermKind::kExit;
  tier1::Tier1 tier1;
  const Result<Unit> unit = compile_special(counting, machine(), tier1);
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().stage, Stage::kKernel);
  EXPECT_EQ(unit.error().code, Code::kRefused);

  const bpf::Insn bad[] = {{0xffff, 0, 0, 0}};
  const Result<Unit> refused = compile(bad, machine());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().stage, Stage::kFrontend);
  EXPECT_EQ(refused.error().code, Code::kBadOpcode);
}

TEST(KernelCompile, RandomProgramsCompileForEveryMachineHiddenConstantsToo) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    bpf::Random random(seed);
    const bpf::InsnList source = bpf::random_program(random, bpf::Dialect::kLinux, 40);
    const Machine some{.isa = random.below(32), .fields = random.next(), .constant_seed = seed % 2};
    const Result<Unit> unit = compile(source, some);
    ASSERT_TRUE(unit) << "seed " << seed << ": " << to_string(unit.error());
  }
}

/// The largest program that the kernel takes fits into one INSTALL.
TEST(KernelCompile, TheLongestProgramFits) {
  bpf::InsnList insns;
  for (uint32_t i = 0; insns.size() + 4 < bpf::kMaxLinuxInsns; ++i) {
    insns.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, i % 1400});
    insns.push_back({BPF_JMP | BPF_JGT | BPF_K, 1, 0, 0x90c3580f + i});
    insns.push_back({BPF_RET | BPF_K, 0, 0, i});
  }
  insns.push_back({BPF_RET | BPF_K, 0, 0, 1});
  const Result<Unit> unit = compile(insns, machine());
  ASSERT_TRUE(unit) << to_string(unit.error());
  EXPECT_LE(unit->code.code_len, uint32_t{IPJIT_DEV_MAX_CODE});
  EXPECT_GE(unit->code.code_len, uint32_t{IPJIT_DEV_MAX_CODE} / 2) << "not the longest";

  Machine hiding = machine();
  hiding.constant_seed = 1;
  const Result<Unit> too_long = compile(insns, hiding);
  ASSERT_FALSE(too_long) << too_long->code.code_len << " bytes";
  EXPECT_EQ(too_long.error().stage, Stage::kKernel);
  EXPECT_EQ(too_long.error().code, Code::kTooLong);
}

}  // namespace
}  // namespace ipjit::kernel
