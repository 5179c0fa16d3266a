// SPDX-License-Identifier: BSD-2-Clause
// Everything that tier 1 emits is accepted: random classic programs on every target.
#include <gtest/gtest.h>

#include <iostream>

#include "arch-detect/target.h"
#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/text.h"
#include "tests/bpf/random_bpf.h"
#include "tier1-asmjit/tier1.h"
#include "verifier/verifier.h"

namespace ipjit::verifier {
namespace {

constexpr uint64_t kPrograms = 1500;

class Tier1Output : public testing::TestWithParam<bpf::Dialect> {};

TEST_P(Tier1Output, IsAccepted) {
  tier1::Tier1 tier;
  uint64_t units = 0, bytes = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    bpf::Random random(seed);
    const bpf::InsnList source = bpf::random_program(random, GetParam());
    const Result<ir::Program> program = bpf::translate(source, GetParam());
    ASSERT_TRUE(program) << to_string(program.error());
    for (const arch::Target& target : arch::targets()) {
      const Result<ir::MachineCode> code = tier.compile(*program, target);
      ASSERT_TRUE(code) << to_string(code.error());
      const Result<Proof> proof = verify(code->bytes, code->code_len, code->contract);
      ASSERT_TRUE(proof) << "seed " << seed << ", " << target.name << ": "
                         << to_string(proof.error()) << "\n"
                         << bpf::print(source) << ir::print(*program);
      ++units;
      bytes += code->code_len;
    }
  }
  std::cout << units << " units, " << bytes << " bytes of code accepted\n";
}

INSTANTIATE_TEST_SUITE_P(Dialects, Tier1Output,
                         testing::Values(bpf::Dialect::kLibpcap, bpf::Dialect::kLinux),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ipjit::verifier
