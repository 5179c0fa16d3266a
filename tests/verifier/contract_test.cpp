// SPDX-License-Identifier: BSD-2-Clause
// Contracts that no caller could keep are turned down before any code is read.
#include <gtest/gtest.h>

#include <functional>

#include "verifier/verifier.h"
#include "verifier/verify.h"

namespace ipjit::verifier {
namespace {

constexpr int kNonsense = -22;
constexpr int kRefusedCode = -1;
const std::vector<uint8_t> kUnit = {0x31, 0xc0, 0xc3, 0xcc, 0, 1, 2, 3};  // xor eax, eax; ret
constexpr uint32_t kCodeLen = 4;

ipjit_contract plain() {
  ipjit_contract c = {};
  c.abi = IPJIT_ABI_VERSION;
  c.bases = IPJIT_BASE_DATA;
  c.max_len = 65535;
  return c;
}

int check(const ipjit_contract& c, size_t code_len = kCodeLen, size_t missing = 0) {
  std::vector<uint8_t> workspace(ipjit_verify_workspace(code_len));
  ipjit_report report;
  return ipjit_verify(&c, kUnit.data(), code_len, kUnit.size(), workspace.data(),
                      workspace.size() - missing, &report);
}

TEST(Contract, PlainOneIsKept) { EXPECT_EQ(check(plain()), 0); }

TEST(Contract, NonsenseIsTurnedDown) {
  const std::vector<std::pair<const char*, std::function<void(ipjit_contract&)>>> wrong = {
      {"abi", [](ipjit_contract& c) { c.abi = IPJIT_ABI_VERSION + 1; }},
      {"isa", [](ipjit_contract& c) { c.isa = 1u << 31; }},
      {"bases", [](ipjit_contract& c) { c.bases = 4; }},
      {"stack", [](ipjit_contract& c) { c.stack_bytes = IPJIT_MAX_STACK + 1; }},
      {"max_len", [](ipjit_contract& c) { c.max_len = uint64_t{1} << 48; }},
      {"max_th_len", [](ipjit_contract& c) { c.max_th_len = ~uint64_t{0}; }},
      {"fields", [](ipjit_contract& c) { c.fields = uint64_t{1} << IPJIT_FIELD_COUNT; }},
      {"actions", [](ipjit_contract& c) { c.actions = IPJIT_MAX_ACTIONS + 1; }},
      {"counters", [](ipjit_contract& c) { c.counters = IPJIT_MAX_COUNTERS + 1; }},
      {"tables", [](ipjit_contract& c) { c.nr_tables = IPJIT_MAX_TABLES + 1; }},
      {"pad", [](ipjit_contract& c) { c.pad = 1; }},
      {"table place",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {2, 4, 4};
       }},
      {"table empty",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {1, 0, 0};
       }},
      {"table in code",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {0, 3, 4};
       }},
      {"table past unit",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {0, 5, 4};
       }},
      {"table wraps",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {0, 5, ~uint64_t{4}};
       }},
      {"table slot",
       [](ipjit_contract& c) {
         c.nr_tables = 1, c.table[0] = {1, 16, 4};
       }},
      {"table twice",
       [](ipjit_contract& c) {
         c.nr_tables = 2, c.table[0] = {1, 3, 4}, c.table[1] = {1, 3, 8};
       }},
  };
  for (const auto& [name, spoil] : wrong) {
    ipjit_contract c = plain();
    spoil(c);
    EXPECT_EQ(check(c), kNonsense) << name;
    EXPECT_EQ(verify(kUnit, kCodeLen, c).error().code, Code::kBadInput) << name;
  }
}

TEST(Contract, SmallWorkspaceIsTurnedDown) { EXPECT_EQ(check(plain(), kCodeLen, 1), kNonsense); }

TEST(Contract, EmptyAndEndlessCodeIsRefused) {
  EXPECT_EQ(check(plain(), 0), kRefusedCode);
  EXPECT_EQ(check(plain(), IPJIT_MAX_CODE + 1), kRefusedCode);
  EXPECT_FALSE(verify(kUnit, static_cast<uint32_t>(kUnit.size() + 1), plain()));
}

TEST(Contract, WorkspaceGrowsWithTheCode) {
  const size_t one = ipjit_verify_workspace(1 << 19), two = ipjit_verify_workspace(1 << 20);
  EXPECT_LE(two, 2 * one);
  EXPECT_LE(two, size_t{80} << 20);
}

}  // namespace
}  // namespace ipjit::verifier
