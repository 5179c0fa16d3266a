// SPDX-License-Identifier: BSD-2-Clause
// Constants that a stranger chose do not stand in code for a target that hides them.
//
// The scan is the module's (kernel-glue/harden.c): four bytes in a row, at any offset, in either
// byte order.  Code for the same programs on a plain target shows that it finds something.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/kernel_form.h"
#include "ir/text.h"
#include "tests/bpf/random_bpf.h"
#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

constexpr uint64_t kSeed = 0x452821e638d01377;
constexpr uint64_t kAllFields = (uint64_t{1} << IPJIT_FIELD_COUNT) - 1;

bool is_small(uint32_t k) { return k <= 0xffff || ~k <= 0xffff; }

/// Two bytes around zeros, as in 0x80000001, stand in code by accident: a long jump ends in the
/// first, a comparison begins with the last.
bool is_common(uint32_t k) { return is_small(k) || (k & 0x00ffff00) == 0; }

/// The program's constants that may not stand in its code.
std::vector<uint32_t> chosen(std::span<const bpf::Insn> insns) {
  std::vector<uint32_t> all;
  for (const bpf::Insn& insn : insns) {
    if (is_common(insn.k) || is_small(__builtin_bswap32(insn.k))) continue;
    all.push_back(insn.k);
    all.push_back(__builtin_bswap32(insn.k));
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// Where one of them does; nothing if none.
std::optional<uint32_t> shown(const ir::MachineCode& code, const std::vector<uint32_t>& chosen) {
  for (uint32_t at = 0; at + 4 <= code.code_len; ++at) {
    uint32_t word = 0;
    std::memcpy(&word, code.bytes.data() + at, sizeof word);
    if (std::binary_search(chosen.begin(), chosen.end(), word)) return at;
  }
  return std::nullopt;
}

TEST(Hidden, NoChosenConstantStandsInTheCodeOfRandomPrograms) {
  uint64_t plain_shows = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    bpf::Random random(seed);
    const bpf::InsnList source = bpf::random_program(random, bpf::Dialect::kLinux, 20);
    const Result<ir::Program> general = bpf::translate(source, bpf::Dialect::kLinux);
    Result<ir::Program> form = bpf::translate_for_kernel(source, kAllFields);
    ASSERT_TRUE(general && form);
    ir::optimize_kernel_form(*form);
    for (const ir::Program* program : {&std::as_const(*general), &std::as_const(*form)}) {
      const std::vector<uint32_t> constants = chosen(source);
      const Native hiding(*program, arch::kernel_target(arch::detect().isa, kSeed + seed));
      ASSERT_TRUE(hiding.ok()) << "seed " << seed;
      const std::optional<uint32_t> at = shown(hiding.code(), constants);
      EXPECT_FALSE(at) << "seed " << seed << ", byte " << *at << "\n"
                       << bpf::print(source) << ir::print(*program);
      const Native plain(*program, arch::kernel_target(arch::detect().isa));
      plain_shows += shown(plain.code(), constants).has_value();
    }
  }
  EXPECT_GE(plain_shows, 1000u) << "the scan finds too little to show anything";
}

/// What folding makes of two constants is as much chosen as they are.
TEST(Hidden, NorWhatTheCompilerMakesOfThem) {
  const std::vector<uint32_t> made = {0x90c3580f};
  const ir::Program program = program_of(
      "filter f\n"
      "b0: need 4 else b2\n"
      "    v0 = load_be32 0\n"
      "    v1 = xor v0, 0x12345678\n"
      "    br v1 == 0x12345678 -> b1, b2\n"
      "b1: ret 0x90c3580f\n"
      "b2: ret 0\n");
  const Native hiding(program, arch::kernel_target(arch::detect().isa, kSeed));
  EXPECT_FALSE(shown(hiding.code(), made));
  EXPECT_FALSE(shown(hiding.code(), {0x12345678, 0x78563412}));
  const Native plain(program, arch::kernel_target(arch::detect().isa));
  EXPECT_TRUE(shown(plain.code(), made));
}

TEST(Hidden, KeysDifferBySeedAndByUse) {
  const ir::Program program = program_of("filter f\nb0: ret 0x90c3580f\n");
  const auto code = [&](uint64_t seed) {
    return Native(program, arch::kernel_target(arch::detect().isa, seed)).code().bytes;
  };
  EXPECT_EQ(code(1), code(1));
  EXPECT_NE(code(1), code(2));
}

}  // namespace
}  // namespace ipjit::tier1
