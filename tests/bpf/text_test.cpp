// SPDX-License-Identifier: BSD-2-Clause
#include "bpf-frontend/text.h"

#include <gtest/gtest.h>

#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {
namespace {

bool same(const Insn& a, const Insn& b) {
  return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
}

TEST(Ddd, PrintsWhatItParses) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    InsnList program = random_program(random, Dialect::kLinux);
    Result<InsnList> parsed = parse_ddd(print_ddd(program));
    ASSERT_TRUE(parsed) << to_string(parsed.error());
    ASSERT_TRUE(std::equal(program.begin(), program.end(), parsed->begin(), parsed->end(), same));
  }
}

TEST(Ddd, TakesBlankLinesAndBlanks) {
  Result<InsnList> parsed = parse_ddd("\n 2 \r\n40 0\t0  12\r\n\n6 0 0 4294967295");
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_TRUE(same(parsed->at(0), {40, 0, 0, 12}));
  EXPECT_TRUE(same(parsed->at(1), {6, 0, 0, 0xffffffff}));
}

TEST(Ddd, RefusesWithTheLine) {
  struct {
    const char* text;
    Code code;
    uint64_t line;
  } const cases[] = {
      {"", Code::kEmpty, 0},
      {"0\n", Code::kEmpty, 1},
      {"x\n", Code::kSyntax, 1},
      {"1 2\n6 0 0 0\n", Code::kSyntax, 1},
      {"1\n6 0 0\n", Code::kSyntax, 2},
      {"1\n6 0 0 0 0\n", Code::kSyntax, 2},
      {"1\n6 0 0 4294967296\n", Code::kSyntax, 2},
      {"1\n6 0 0 -1\n", Code::kSyntax, 2},
      {"1\n65536 0 0 0\n", Code::kSyntax, 2},
      {"1\n6 256 0 0\n", Code::kSyntax, 2},
      {"1\n6 0 256 0\n", Code::kSyntax, 2},
      {"1\n6 0 0x 0\n", Code::kSyntax, 2},
      {"1\n6 0 0 0\n6 0 0 0\n", Code::kSyntax, 3},
      {"2\n6 0 0 0\n", Code::kSyntax, 2},
      {"1048577\n6 0 0 0\n", Code::kTooLong, 1},
  };
  for (const auto& c : cases) {
    Result<InsnList> parsed = parse_ddd(c.text);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().code, c.code) << c.text;
    EXPECT_EQ(parsed.error().at, c.line) << c.text;
  }
}

TEST(Ddd, NamesTheFieldThatIsOutOfRange) {
  auto why = [](const char* text) { return parse_ddd(text).error().why; };
  EXPECT_EQ(why("1\n6 0 0 4294967296\n"), "k is 4294967296: not a number from 0 to 4294967295");
  EXPECT_EQ(why("1\n6 0 0 -1\n"), "k is -1: not a number from 0 to 4294967295");
  EXPECT_EQ(why("1\n6 256 0 0\n"), "jt is 256: not a number from 0 to 255");
  EXPECT_EQ(why("1\n65536 0 0 0\n"), "code is 65536: not a number from 0 to 65535");
  for (const char* text : {"1\n6 0 0\n", "1\n6 0 0 -\n", "1\n6 0 x 0\n", "1\n6 0 0 0 0\n"})
    EXPECT_EQ(why(text), "not four numbers \"code jt jf k\"") << text;
}

TEST(Listing, LooksAsTcpdumpPrints) {
  const InsnList program = {{BPF_LD | BPF_H | BPF_ABS, 0, 0, 12},
                            {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x800},
                            {BPF_RET | BPF_K, 0, 0, 262144},
                            {0x10ff, 1, 2, 3}};
  EXPECT_EQ(print(program),
            "(000) ldh      [12]\n"
            "(001) jeq      #0x800           jt 2\tjf 3\n"
            "(002) ret      #262144\n"
            "(003) 0x10ff   1 2 3\n");
}

}  // namespace
}  // namespace ipjit::bpf
