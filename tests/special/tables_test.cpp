// SPDX-License-Identifier: BSD-2-Clause
// How many tables a specialised program may have.
#include <gtest/gtest.h>

#include <string>

#include "ipjit/abi.h"
#include "ir/special/specialise.h"
#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

/// `bytes` bytes in a row, of which each is one of two.
std::string pairs(uint32_t bytes) {
  const auto name = [](uint32_t block) { return "b" + std::to_string(block); };
  const std::string out = name(2 * bytes + 1);
  std::string text = "filter pairs\n";
  for (uint32_t i = 0; i < bytes; ++i) {
    const std::string value = "v" + std::to_string(i), on = name(2 * i + 2);
    const auto branch = [&](uint32_t key, const std::string& other, uint32_t source) {
      return "    br " + value + " == " + std::to_string(key) + " -> " + on + ", " + other +
             " ; src " + std::to_string(source) + "\n";
    };
    text += name(2 * i) + ": need " + std::to_string(i + 1) + " else " + out + "\n    " + value +
            " = load_u8 " + std::to_string(i) + "\n" + branch(3 + i, name(2 * i + 1), 2 * i) +
            name(2 * i + 1) + ":" + branch(120 + 5 * i, out, 2 * i + 1).substr(3);
  }
  return text + name(2 * bytes) + ": ret 1\n" + out + ": ret 0\n";
}

TEST(SetShapes, MakesNoMoreTablesThanAKernelsContextHolds) {
  constexpr uint32_t kBytes = 24;
  const Result<Program> general = parse(pairs(kBytes));
  ASSERT_TRUE(general) << to_string(general.error()) << pairs(kBytes);
  ASSERT_TRUE(validate(*general));
  Profile profile;
  profile.packets = 1000;
  profile.matched = 1000;
  for (uint32_t i = 0; i < kBytes; ++i) {
    profile.branches[2 * i] = {.taken = 500, .other = 500, .mispredicted = 400};
    profile.branches[2 * i + 1] = {.taken = 500, .mispredicted = 0};
  }
  const Specialised made = specialise(*general, profile, {}, {});
  ASSERT_TRUE(validate(made.program));
  EXPECT_GT(made.program.tables.size(), 4u);
  EXPECT_LE(made.program.tables.size(), size_t{IPJIT_MAX_CTX_TABLES});
}

}  // namespace
}  // namespace ipjit::ir
