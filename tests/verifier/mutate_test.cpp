// SPDX-License-Identifier: BSD-2-Clause
// Mutants of good code are refused, or stay inside the contract when they run.
//
// Bit flips anywhere, and changes where they hurt: displacements, immediates and registers of one
// instruction.  Many mutants are harmless (another constant, another verdict); those must be
// accepted only if the guarded child finds nothing.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>

#include "arch-detect/target.h"
#include "bpf-frontend/translate.h"
#include "tests/bpf/random_bpf.h"
#include "tests/verifier/budget.h"
#include "tests/verifier/case_file.h"
#include "tests/verifier/clang_file.h"
#include "tests/verifier/guarded.h"
#include "tests/verifier/random_code.h"
#include "tests/verifier/zydis_agrees.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/core/decode.h"
#include "verifier/verifier.h"

namespace ipjit::verifier {
namespace {

constexpr uint32_t kPackets = 6;
constexpr size_t kBatch = 64;

std::vector<GuardedUnit> good_units() {
  std::vector<GuardedUnit> units;
  for (const auto& path : clang_files()) {
    const ClangFile file = read_clang_file(path);
    const auto size = static_cast<uint32_t>(file.units[0].code.size());
    units.push_back({file.units[0].code, size, file.contract});
  }
  for (const auto& path : cases_in("pass")) {
    Case c = read_case(path);
    if (c.unit.size() < 4096) units.push_back({c.unit, c.code_len, c.contract});
  }
  tier1::Tier1 tier;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    bpf::Random random(seed);
    const bpf::Dialect dialect = seed % 2 == 0 ? bpf::Dialect::kLibpcap : bpf::Dialect::kLinux;
    const auto program = bpf::translate(bpf::random_program(random, dialect), dialect);
    if (!program) continue;
    auto code = tier.compile(*program, arch::detect());
    if (code) units.push_back({code->bytes, code->code_len, code->contract});
  }
  // Code for instructions that this machine lacks cannot run here.
  std::erase_if(units, [](const GuardedUnit& unit) {
    return (unit.contract.isa & ~arch::detect().isa) != 0;
  });
  return units;
}

/// A byte of the code's instruction `i` that holds its ModRM, displacement or immediate.
void mutate_operand(std::mt19937_64& random, GuardedUnit& unit) {
  std::vector<std::pair<uint32_t, uint32_t>> insns;
  for (uint32_t at = 0; at < unit.code_len;) {
    insn one;
    if (ipjit_decode(&one, unit.bytes.data(), unit.code_len, at, unit.contract.isa) != 0) return;
    insns.push_back({at, one.len});
    at += one.len;
  }
  const auto [at, len] = insns[random() % insns.size()];
  uint8_t& byte = unit.bytes[at + random() % len];
  const int deltas[] = {1, -1, 2, -2, 4, -4, 8, -8, 16, 64, -128};
  byte = static_cast<uint8_t>(byte + deltas[random() % std::size(deltas)]);
}

void mutate_bit(std::mt19937_64& random, GuardedUnit& unit) {
  const uint64_t bit = random() % (8 * unit.code_len);
  unit.bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
}

GuardedUnit mutant_of(std::mt19937_64& random, const GuardedUnit& good) {
  GuardedUnit unit = good;
  for (uint64_t n = 1 + (random() % 4 == 0); n != 0; --n)
    random() % 2 == 0 ? mutate_bit(random, unit) : mutate_operand(random, unit);
  return unit;
}

TEST(Guarded, GoodCodeBehaves) {
  const std::vector<GuardedUnit> units = good_units();
  ASSERT_GE(units.size(), 100u);
  for (const Misbehaved& bad : run_guarded(units, 200, 7))
    ADD_FAILURE() << "unit " << bad.unit << " " << bad.what << ": " << hex(units[bad.unit].bytes);
}

// The child itself must notice: these units break one promise each, and no verifier is asked.
TEST(Guarded, NoticesBrokenPromises) {
  std::vector<GuardedUnit> bad;
  for (const char* name : {"load-past-need",          "load-before-data",
                           "store-to-packet",         "store-to-ctx",
                           "return-rbx-lost",         "stack-return-address",
                           "uninit-result",           "uninit-register",
                           "uninit-flags-sbb",        "ctx-field-undeclared",
                           "action-index-undeclared", "action-count-too-large",
                           "counter-undeclared",      "return-exit-too-large",
                           "return-high-half",        "stack-read-before-write",
                           "opcode-undefined",        "reaches-int3",
                           "divide-unproved",         "jump-to-itself"}) {
    const Case c = read_case(std::filesystem::path(IPJIT_SOURCE_DIR) / "tests/verifier/fail" /
                             (std::string(name) + ".s"));
    bad.push_back({c.unit, c.code_len, c.contract});
  }
  std::vector<bool> noticed(bad.size());
  for (const Misbehaved& found : run_guarded(bad, 60, 11)) noticed[found.unit] = true;
  for (size_t i = 0; i < bad.size(); ++i)
    EXPECT_TRUE(noticed[i]) << "unit " << i << ": " << hex(bad[i].bytes);
}

TEST(Mutants, AreRefusedOrStayInside) {
  const std::vector<GuardedUnit> good = good_units();
  std::mt19937_64 random(3);
  const Budget budget(0.4);
  uint64_t tried = 0, refused = 0;
  while (!budget.spent()) {
    std::vector<GuardedUnit> accepted;
    while (accepted.size() < kBatch && !budget.spent()) {
      GuardedUnit mutant = mutant_of(random, good[random() % good.size()]);
      ++tried;
      if (verify(mutant.bytes, mutant.code_len, mutant.contract))
        accepted.push_back(std::move(mutant));
      else
        ++refused;
    }
    for (const Misbehaved& bad : run_guarded(accepted, kPackets, tried)) {
      ADD_FAILURE() << bad.what << ": " << hex(accepted[bad.unit].bytes);
      return;
    }
  }
  std::cout << tried << " mutants: " << refused << " refused, " << tried - refused
            << " accepted and run\n";
}

TEST(RandomCode, IsRefusedOrStaysInside) {
  const Budget budget(0.4);
  uint64_t tried = 0, accepted_total = 0;
  std::map<std::string, uint64_t> rules;
  while (!budget.spent()) {
    std::vector<GuardedUnit> accepted;
    std::vector<uint64_t> seeds;
    while (accepted.size() < kBatch && !budget.spent()) {
      GuardedUnit unit = random_code(tried++, arch::detect().isa);
      const Result<Proof> proof = verify(unit.bytes, unit.code_len, unit.contract);
      if (!proof) {
        ++rules[proof.error().why.substr(0, proof.error().why.find(':'))];
        continue;
      }
      accepted.push_back(std::move(unit));
      seeds.push_back(tried - 1);
    }
    accepted_total += accepted.size();
    for (const Misbehaved& bad : run_guarded(accepted, 3 * kPackets, tried)) {
      ADD_FAILURE() << "seed " << seeds[bad.unit] << " " << bad.what << ": "
                    << hex(accepted[bad.unit].bytes);
      return;
    }
  }
  std::cout << tried << " random programs, " << accepted_total << " accepted and run; refused by";
  for (const auto& [rule, count] : rules) std::cout << " " << rule << " " << count;
  std::cout << "\n";
  EXPECT_GE(accepted_total * 100, tried * 20) << "too few are accepted to mean anything";
}

}  // namespace
}  // namespace ipjit::verifier
