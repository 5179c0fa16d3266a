// SPDX-License-Identifier: BSD-2-Clause
// docs/ir.md says what ops.def says, and its examples are programs.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "ir/text.h"
#include "ir/validate.h"

namespace ipjit::ir {
namespace {

std::string page() {
  std::ifstream file(std::string(IPJIT_SOURCE_DIR) + "/docs/ir.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_row(const std::string& text, const char* word, const char* meaning) {
  const size_t row = text.find("\n| `" + std::string(word) + "` |");
  ASSERT_NE(row, std::string::npos) << word;
  const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
  EXPECT_TRUE(line.ends_with("| " + std::string(meaning) + " |")) << line << "\n" << meaning;
}

TEST(Docs, EveryWordIsExplainedAsInOpsDef) {
  const std::string text = page();
#define IPJIT_OP(name, word, result, operands, meaning) expect_row(text, word, meaning);
#define IPJIT_REL(name, word, meaning) expect_row(text, word, meaning);
#define IPJIT_TERM(name, word, meaning) expect_row(text, word, meaning);
#include "ir/ops.def"
#undef IPJIT_OP
#undef IPJIT_REL
#undef IPJIT_TERM
}

TEST(Docs, ExamplesAreValidAndPrintAsShown) {
  const std::string text = page();
  int examples = 0;
  for (size_t at = text.find("```\nfilter"); at != std::string::npos; ++examples) {
    const size_t begin = at + 4;
    const size_t end = text.find("```", begin);
    const std::string example = text.substr(begin, end - begin);
    const Result<Program> program = parse(example);
    ASSERT_TRUE(program) << to_string(program.error()) << "\n" << example;
    EXPECT_EQ(print(*program), example);
    EXPECT_TRUE(validate(*program)) << to_string(validate(*program).error()) << "\n" << example;
    at = text.find("```\nfilter", end);
  }
  EXPECT_EQ(examples, 2);
}

}  // namespace
}  // namespace ipjit::ir
