// SPDX-License-Identifier: BSD-2-Clause
// Our decoder beside Zydis: whatever ours accepts, Zydis reads in the same way.
//
// Enumerated: every opcode of every map with every ModRM byte, under every prefix that matters and
// a SIB byte of each shape.  Random: bytes until the time is up.
#include "verifier/core/decode.h"

#include <Zydis/Zydis.h>
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <random>

#include "tests/verifier/budget.h"
#include "tests/verifier/zydis_agrees.h"

namespace ipjit::verifier {
namespace {

constexpr uint32_t kAllIsa =
    IPJIT_ISA_MOVBE | IPJIT_ISA_BMI1 | IPJIT_ISA_BMI2 | IPJIT_ISA_POPCNT | IPJIT_ISA_LZCNT;
constexpr size_t kBytes = 16;

struct Tally {
  uint64_t tried = 0, accepted = 0;
  std::array<uint64_t, OP_COUNT> by_op = {};
};

void try_bytes(std::span<const uint8_t> bytes, Tally& tally) {
  insn got;
  ++tally.tried;
  if (ipjit_decode(&got, bytes.data(), static_cast<uint32_t>(bytes.size()), 0, kAllIsa) != 0)
    return;
  ++tally.accepted;
  ++tally.by_op[got.op];
  const std::string difference = zydis_difference(got, bytes);
  ASSERT_EQ(difference, "") << hex(bytes.first(got.len)) << " is " << ipjit_insn_name(got.op);
}

TEST(Decode, AgreesWithZydisOnEveryOpcode) {
  const std::vector<std::vector<uint8_t>> prefixes = {
      {},           {0x66},       {0xf3},       {0xf2},       {0x40}, {0x41}, {0x42},
      {0x44},       {0x48},       {0x49},       {0x4a},       {0x4c}, {0x4f}, {0x66, 0x41},
      {0x66, 0x48}, {0xf3, 0x48}, {0xf3, 0x41}, {0x48, 0x66}, {0x67}, {0x2e}, {0xf0}};
  const std::vector<std::vector<uint8_t>> escapes = {{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};
  const std::array<uint8_t, 6> sibs = {0x00, 0x24, 0x25, 0x64, 0xad, 0xfc};
  Tally tally;
  for (const auto& prefix : prefixes)
    for (const auto& escape : escapes)
      for (uint32_t opcode = 0; opcode < 256; ++opcode)
        for (uint32_t modrm = 0; modrm < 256; ++modrm)
          for (const uint8_t sib : sibs) {
            const bool has_sib = (modrm & 7) == 4 && modrm < 0xc0;
            if (!has_sib && sib != sibs[0]) continue;
            std::vector<uint8_t> bytes = prefix;
            bytes.insert(bytes.end(), escape.begin(), escape.end());
            bytes.insert(bytes.end(), {static_cast<uint8_t>(opcode), static_cast<uint8_t>(modrm),
                                       sib, 0x12, 0x34, 0x56, 0x78, 0x9a});
            bytes.resize(kBytes, 0x81);
            try_bytes(bytes, tally);
            if (HasFatalFailure()) return;
          }
  std::cout << tally.tried << " strings, " << tally.accepted << " accepted\n";
}

TEST(Decode, AgreesWithZydisOnEveryVexOpcode) {
  Tally tally;
  for (uint32_t b1 = 0; b1 < 256; ++b1) {
    if ((b1 & 31) > 4) continue;
    for (uint32_t b2 = 0; b2 < 256; ++b2)
      for (uint32_t opcode = 0xe0; opcode < 256; ++opcode)
        for (const uint8_t modrm : {0x00, 0x05, 0x0c, 0x4b, 0x94, 0xc8, 0xd1, 0xda, 0xe3, 0xff}) {
          const std::array<uint8_t, kBytes> bytes = {0xc4,
                                                     static_cast<uint8_t>(b1),
                                                     static_cast<uint8_t>(b2),
                                                     static_cast<uint8_t>(opcode),
                                                     modrm,
                                                     0x53};
          try_bytes(bytes, tally);
          if (HasFatalFailure()) return;
        }
  }
  std::cout << tally.tried << " strings, " << tally.accepted << " accepted\n";
}

TEST(Decode, AgreesWithZydisOnRandomBytes) {
  Tally tally;
  std::mt19937_64 random(1);
  const Budget budget(0.1);
  while (!budget.spent()) {
    for (int i = 0; i < 10000; ++i) {
      std::array<uint8_t, kBytes> bytes;
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
      // Rare maps would hardly come up by chance.
      if (random() % 4 == 0) bytes[0] = 0x0f;
      if (random() % 16 == 0) bytes[0] = 0xc4, bytes[1] = (bytes[1] & 0xe0) | 2 | (bytes[1] & 1);
      const size_t length = random() % 8 == 0 ? 1 + random() % kBytes : kBytes;
      try_bytes(std::span(bytes).first(length), tally);
      if (HasFatalFailure()) return;
    }
  }
  std::cout << tally.tried << " strings, " << tally.accepted << " accepted\n";
}

TEST(Decode, NeverReadsPastTheCode) {
  // Every prefix of an accepted string is refused as truncated, or is itself an instruction.
  std::mt19937_64 random(2);
  for (int i = 0; i < 200000; ++i) {
    std::vector<uint8_t> bytes(kBytes);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    insn whole, part;
    if (ipjit_decode(&whole, bytes.data(), kBytes, 0, kAllIsa) != 0) continue;
    for (uint32_t length = 1; length < whole.len; ++length) {
      // A copy of just these bytes, so that a sanitizer sees a read behind them.
      const std::vector<uint8_t> exact(bytes.begin(), bytes.begin() + length);
      EXPECT_NE(ipjit_decode(&part, exact.data(), length, 0, kAllIsa), IPJIT_RULE_none)
          << hex(bytes);
    }
  }
}

}  // namespace
}  // namespace ipjit::verifier
