// SPDX-License-Identifier: BSD-2-Clause
// Random programs on random packets: libpcap's interpreter, ours, and the IR agree.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "bpf-frontend/check.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {
namespace {

constexpr uint64_t kPrograms = 20'000;
constexpr uint32_t kPackets = 24;

std::string describe(uint64_t seed, const InsnList& program, size_t packet_bytes) {
  return "seed " + std::to_string(seed) + ", packet of " + std::to_string(packet_bytes) +
         " bytes\n" + print(program);
}

class RandomPrograms : public testing::TestWithParam<Dialect> {};

TEST_P(RandomPrograms, IrMeansWhatTheProgramMeans) {
  uint64_t both = 0;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    Random random(seed);
    InsnList program = random_program(random, GetParam());
    Result<ir::Program> ir = translate(program, GetParam());
    ASSERT_TRUE(ir) << to_string(ir.error()) << "\n" << describe(seed, program, 0);
    Status valid = ir::validate(*ir);
    ASSERT_TRUE(valid) << to_string(valid.error()) << "\n"
                       << describe(seed, program, 0) << ir::print(*ir);
    bool accepted = false, rejected = false;
    for (uint32_t i = 0; i < kPackets; ++i) {
      RandomPacket packet = random_packet(random, program);
      uint32_t expected = interpret(program, GetParam(), packet.data, packet.ctx);
      ASSERT_EQ(ir::interpret(*ir, packet.data, packet.ctx), expected)
          << describe(seed, program, packet.data.size()) << ir::print(*ir);
      (expected != 0 ? accepted : rejected) = true;
    }
    both += accepted && rejected;
  }
  RecordProperty("accept_and_reject", static_cast<int>(both));
  EXPECT_GE(both * 100, kPrograms * 30) << "programs that both accept and reject: " << both;
}

TEST_P(RandomPrograms, IrMeansTheSameOnEveryLength) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed + 1'000'000);
    InsnList program = random_program(random, GetParam());
    Result<ir::Program> ir = translate(program, GetParam());
    ASSERT_TRUE(ir) << to_string(ir.error());
    RandomPacket packet = random_packet(random, program);
    for (size_t size = 0; size <= packet.data.size(); ++size) {
      std::vector<uint8_t> head(packet.data.begin(), packet.data.begin() + static_cast<long>(size));
      ASSERT_EQ(ir::interpret(*ir, head, packet.ctx),
                interpret(program, GetParam(), head, packet.ctx))
          << describe(seed, program, size) << ir::print(*ir);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dialects, RandomPrograms,
                         testing::Values(Dialect::kLibpcap, Dialect::kLinux),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(RandomLibpcap, OurInterpreterIsLibpcaps) {
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    Random random(seed + 2'000'000);
    InsnList program = random_program(random, Dialect::kLibpcap, 20);
    std::vector<bpf_insn> theirs;
    for (const Insn& insn : program) theirs.push_back({insn.code, insn.jt, insn.jf, insn.k});
    ASSERT_TRUE(check(program, Dialect::kLibpcap));
    ASSERT_TRUE(bpf_validate(theirs.data(), static_cast<int>(theirs.size())));
    for (uint32_t i = 0; i < kPackets; ++i) {
      RandomPacket packet = random_packet(random, program);
      packet.ctx.vlan_present = kNoVlanData;  // bpf_filter() has no auxiliary data.
      ASSERT_EQ(interpret(program, Dialect::kLibpcap, packet.data, packet.ctx),
                bpf_filter(theirs.data(), packet.data.data(), packet.ctx.wire_len,
                           static_cast<u_int>(packet.data.size())))
          << describe(seed, program, packet.data.size());
    }
  }
}

}  // namespace
}  // namespace ipjit::bpf
