// SPDX-License-Identifier: BSD-2-Clause
// The case files in pass/ and fail/: one hazard a file, each rule at least once.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/verifier/case_file.h"
#include "verifier/verifier.h"
#include "verifier/verify.h"

namespace ipjit::verifier {
namespace {

std::string printable(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem();
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

ipjit_report check(const Case& c, uint8_t left_behind) {
  std::vector<uint8_t> workspace(ipjit_verify_workspace(c.code_len), left_behind);
  ipjit_report report;
  const int status = ipjit_verify(&c.contract, c.unit.data(), c.code_len, c.unit.size(),
                                  workspace.data(), workspace.size(), &report);
  EXPECT_EQ(status == 0, report.accepted == 1);
  EXPECT_NE(status, -22) << "the contract is nonsense";
  return report;
}

std::string text_of(const ipjit_report& report) {
  return std::string(ipjit_rule_name(report.rule)) + " at " + std::to_string(report.offset) + ": " +
         report.insn + "; " + report.state;
}

class Cases : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Cases, EndAsTheySay) {
  const Case c = read_case(GetParam());
  ASSERT_EQ(c.error, "");
  const ipjit_report report = check(c, 0);
  EXPECT_EQ(text_of(report), text_of(check(c, 0xa5))) << "what is in the workspace shows";
  if (c.accept) {
    EXPECT_TRUE(report.accepted) << c.about << "\n" << text_of(report);
    return;
  }
  EXPECT_FALSE(report.accepted) << c.about;
  EXPECT_EQ(ipjit_rule_name(report.rule), c.rule) << c.about << "\n" << text_of(report);
  if (!c.anywhere) {
    EXPECT_EQ(report.offset, c.at) << c.about << "\n" << text_of(report);
  }
  EXPECT_STRNE(report.insn, "");
  EXPECT_STRNE(report.state, "");
}

INSTANTIATE_TEST_SUITE_P(Pass, Cases, testing::ValuesIn(cases_in("pass")), printable);
INSTANTIATE_TEST_SUITE_P(Fail, Cases, testing::ValuesIn(cases_in("fail")), printable);

/// The words of a file's `# expect` line.
std::string expectation(const std::filesystem::path& path) {
  std::ifstream in(path);
  const std::string head = "# expect ";
  for (std::string line; std::getline(in, line);)
    if (line.rfind(head, 0) == 0) return line.substr(line.find_first_not_of(' ', head.size()));
  return "";
}

TEST(CaseFiles, CoverEveryRule) {
  std::set<std::string> seen = {"none", "code_size"};  // no case file is empty or 1 MiB
  for (const std::filesystem::path& path : cases_in("fail")) {
    std::istringstream words(expectation(path));
    std::string refuse, rule;
    words >> refuse >> rule;
    seen.insert(rule);
  }
  for (uint32_t rule = 0; rule < IPJIT_RULE_COUNT; ++rule)
    EXPECT_TRUE(seen.contains(ipjit_rule_name(rule))) << ipjit_rule_name(rule);
}

TEST(Docs, NameEveryRule) {
  std::ifstream in(std::filesystem::path(IPJIT_SOURCE_DIR) / "docs/verifier.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  for (uint32_t rule = IPJIT_RULE_none + 1; rule < IPJIT_RULE_COUNT; ++rule) {
    const std::string row =
        std::string("| `") + ipjit_rule_name(rule) + "` | " + ipjit_rule_meaning(rule) + " |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(CaseFiles, InPassAndFailSayWhatTheFolderSays) {
  for (const std::filesystem::path& path : cases_in("pass")) EXPECT_EQ(expectation(path), "accept");
  for (const std::filesystem::path& path : cases_in("fail")) EXPECT_NE(expectation(path), "accept");
}

}  // namespace
}  // namespace ipjit::verifier
