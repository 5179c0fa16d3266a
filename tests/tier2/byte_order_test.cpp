// SPDX-License-Identifier: BSD-2-Clause
#include "tier2-llvm/byte_order.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "tests/tier1/native.h"

namespace ipjit::tier2 {
namespace {

std::string in_packet_order(const std::string& text) {
  ir::Program program = tier1::program_of(text);
  keep_packet_order(program);
  return ir::print(program);
}

std::string as_printed(const std::string& text) { return ir::print(tier1::program_of(text)); }

TEST(ByteOrder, ConstantsAreSwappedWhereAllUsersCompare) {
  EXPECT_EQ(in_packet_order("filter f\nb0: need 30 else b3\n    v0 = load_be16 12\n"
                            "    br v0 == 0x800 -> b1, b3\nb1: v1 = load_be32 26\n"
                            "    v2 = and v1, 0xffffff00\n    br v2 == 0xc0000200 -> b2, b3\n"
                            "b2: ret 1\nb3: ret 0\n"),
            as_printed("filter f\nb0: need 30 else b3\n    v0 = load_le16 12\n"
                       "    br v0 == 0x8 -> b1, b3\nb1: v1 = load_le32 26\n"
                       "    v2 = and v1, 0xffffff\n    br v2 == 0x200c0 -> b2, b3\n"
                       "b2: ret 1\nb3: ret 0\n"));
}

TEST(ByteOrder, ANumberStaysOne) {
  for (const char* user : {"br v0 < 0x800 -> b1, b2", "br v0 <= 0x800 -> b1, b2", "ret v0",
                           "v1 = add v0, 1\n    br v1 == 2 -> b1, b2"}) {
    const std::string text = std::string("filter f\nb0: need 14 else b2\n    v0 = load_be16 12\n") +
                             "    " + user + "\nb1: ret 1\nb2: ret 0\n";
    EXPECT_EQ(in_packet_order(text), as_printed(text));
  }
}

TEST(ByteOrder, ATableIsSwappedOnlyIfEveryoneWhoAsksItIs) {
  const std::string begin =
      "filter f\ntable0: u16 miss 0 {0x16, 0x50}\nb0: need 14 else b2\n    v0 = load_be16 12\n"
      "    br v0 in table0 -> b1, b2\n";
  EXPECT_NE(in_packet_order(begin + "b1: ret 1\nb2: ret 0\n").find("0x1600"), std::string::npos);
  EXPECT_EQ(in_packet_order(begin + "b1: ret v0\nb2: ret 0\n"),
            as_printed(begin + "b1: ret v0\nb2: ret 0\n"));
}

}  // namespace
}  // namespace ipjit::tier2
