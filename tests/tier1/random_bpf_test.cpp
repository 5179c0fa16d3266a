// SPDX-License-Identifier: BSD-2-Clause
// Random classic programs, translated, compiled and run beside the IR interpreter.
#include <gtest/gtest.h>

#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/text.h"
#include "tests/bpf/random_bpf.h"
#include "tests/tier1/native.h"

namespace ipjit::tier1 {
namespace {

constexpr uint64_t kPrograms = 3000;
constexpr uint32_t kPackets = 12;

class RandomBpf : public testing::TestWithParam<bpf::Dialect> {};

TEST_P(RandomBpf, NativeCodeMeansWhatTheIrMeans) {
  GuardedBytes guarded;
  uint64_t both = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    bpf::Random random(seed);
    const bpf::InsnList source = bpf::random_program(random, GetParam());
    const Result<ir::Program> program = bpf::translate(source, GetParam());
    ASSERT_TRUE(program) << to_string(program.error());
    std::vector<bpf::RandomPacket> packets;
    for (uint32_t i = 0; i < kPackets; ++i) packets.push_back(bpf::random_packet(random, source));
    bool accepted = false, rejected = false;
    for (const arch::Target* target : targets_under_test()) {
      const Native native(*program, *target);
      ASSERT_TRUE(native.ok()) << "seed " << seed;
      for (const bpf::RandomPacket& packet : packets) {
        const std::span<const uint8_t> data = guarded.hold(packet.data);
        const Outcome expected = outcome_of_interpreter(*program, data, packet.ctx);
        ASSERT_EQ(outcome_of_native(native, *program, data, packet.ctx), expected)
            << "seed " << seed << ", " << target->name << ", " << data.size() << " bytes\n"
            << bpf::print(source) << ir::print(*program);
        (expected.result != 0 ? accepted : rejected) = true;
      }
    }
    both += accepted && rejected;
  }
  EXPECT_GE(both * 100, kPrograms * 30) << "programs that both accept and reject: " << both;
}

INSTANTIATE_TEST_SUITE_P(Dialects, RandomBpf,
                         testing::Values(bpf::Dialect::kLibpcap, bpf::Dialect::kLinux),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ipjit::tier1
