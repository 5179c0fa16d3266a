// SPDX-License-Identifier: BSD-2-Clause
// What clang 19 makes of ordinary filters is accepted; with one check weakened it is not.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/verifier/clang_file.h"
#include "verifier/verifier.h"

namespace ipjit::verifier {
namespace {

class ClangOutput : public testing::TestWithParam<std::filesystem::path> {};

std::string printable(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem();
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

TEST_P(ClangOutput, IsAcceptedAndItsMutantsAreNot) {
  const ClangFile file = read_clang_file(GetParam());
  ASSERT_EQ(file.error, "");
  ASSERT_GE(file.units.size(), 1u);
  for (const ClangUnit& unit : file.units) {
    const Result<Proof> proof =
        verify(unit.code, static_cast<uint32_t>(unit.code.size()), file.contract);
    if (unit.heading == "accept") {
      EXPECT_TRUE(proof) << file.name << "\n" << to_string(proof.error());
    } else {
      EXPECT_FALSE(proof) << file.name << ": " << unit.heading;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ClangOutput, testing::ValuesIn(clang_files()), printable);

}  // namespace
}  // namespace ipjit::verifier
