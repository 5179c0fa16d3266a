// SPDX-License-Identifier: BSD-2-Clause
#include "runtime/burst.h"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

#include "ir/text.h"

namespace ipjit::runtime {
namespace {

using ::testing::ElementsAreArray;

Reach reach(const std::string& text) {
  const Result<ir::Program> program = ir::parse(text);
  EXPECT_TRUE(program) << to_string(program.error());
  return reach_of(*program);
}

TEST(Reach, FirstAndLastByteRead) {
  EXPECT_EQ(reach("filter t\n"
                  "b0: need 34 else b1\n"
                  "    v0 = load_be16 12\n"
                  "    v1 = load_be32 30\n"
                  "    v2 = add v0, v1\n"
                  "    ret v2\n"
                  "b1: ret 0\n"),
            (Reach{.first = 12, .last = 33, .reads = true}));
}

TEST(Reach, BehindAHeaderOfUsualLength) {
  EXPECT_EQ(reach("filter t\n"
                  "b0: need 15 else b1\n"
                  "    v0 = load_u8 14\n"
                  "    need v0 + 18 else b1\n"
                  "    v1 = load_be16 v0 + 16\n"
                  "    ret v1\n"
                  "b1: ret 0\n"),
            (Reach{.first = 14, .last = 37, .reads = true}));
}

TEST(Reach, NothingIsRead) { EXPECT_EQ(reach("filter t\nb0: ret 1\n"), Reach{}); }

TEST(Reach, PayloadFarAwayIsNotFetched) {
  const Reach far = reach(
      "filter t\n"
      "b0: need 4001 else b1\n"
      "    v0 = load_u8 12\n"
      "    v1 = load_u8 4000\n"
      "    v2 = add v0, v1\n"
      "    ret v2\n"
      "b1: ret 0\n");
  EXPECT_EQ(far.first, 12u);
  EXPECT_LT(far.last, 512u);
}

/// The verdict tells which packet, length and wire length the body was given.
uint64_t body(const uint8_t* data, uint64_t len, const ipjit_ctx* ctx) {
  return data[0] == 0xff ? 0 : data[0] + 1000 * len + 1'000'000 * ctx->wire_len;
}

TEST(RunLanes, EveryPacketOnceInOrder) {
  for (size_t count : {0, 1, 2, 11, 12, 13, 24, 25, 64, 200}) {
    std::vector<std::array<uint8_t, 1>> bytes(count);
    std::vector<ipjit_packet> packets(count);
    std::vector<uint32_t> expected(count);
    uint64_t matches = 0;
    for (size_t i = 0; i < count; ++i) {
      bytes[i][0] = i % 5 == 3 ? 0xff : static_cast<uint8_t>(i);
      packets[i] = {bytes[i].data(), static_cast<uint32_t>(1 + i % 60), 100};
      ipjit_ctx ctx = {};
      ctx.wire_len = 100;
      expected[i] = static_cast<uint32_t>(body(packets[i].data, packets[i].caplen, &ctx));
      matches += expected[i] != 0;
    }
    for (const uint64_t specialised : {0, 1})
      for (const Reach& ahead : {Reach{}, Reach{.first = 0, .last = 4000, .reads = true}}) {
        const ipjit_program program = {
            .direct = body, .counters = nullptr, .specialised = specialised};
        std::vector<uint32_t> verdicts(count, 7);
        ipjit_ctx ctx;
        EXPECT_EQ(run_lanes(program, ahead, ctx, packets, verdicts.data()), matches) << count;
        EXPECT_THAT(verdicts, ElementsAreArray(expected)) << count;
      }
  }
}

}  // namespace
}  // namespace ipjit::runtime
