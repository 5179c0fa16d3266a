// SPDX-License-Identifier: BSD-2-Clause
// The graph of a program: boxes, arrows, colours, and that Graphviz takes it.
#include "ir/dot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "ir/text.h"
#include "profiles.h"
#include "random_program.h"

namespace ipjit::ir {
namespace {

using testing::HasSubstr;
using testing::Not;

Program program_of(const char* text) {
  Result<Program> program = parse(text);
  EXPECT_TRUE(program) << to_string(program.error());
  return *std::move(program);
}

constexpr const char* kFilter = R"(filter say "ip"
table0: u32 miss 0 {1, 2}
b0: need 14 else b2                     ; src 0
    v0 = load_be16 12                   ; src 1
    br v0 == 0x800 -> b1, b2            ; src 2
b1: ret 262144
b2: ret 0
)";

TEST(Dot, WithoutAProfileItIsTheControlFlow) {
  EXPECT_EQ(dot_of(program_of(kFilter)), R"(digraph filter {
  graph [fontname=monospace, fontsize=11, labelloc=b, labeljust=l, label="filter say \"ip\"\ltable0: 2 keys of 32 bits\l"];
  node [shape=box, style=filled, fillcolor=white, fontname=monospace, fontsize=10];
  edge [fontname=monospace, fontsize=9];
  b0 [label="b0\lneed 14 else b2  ; src 0\lv0 = load_be16 12  ; src 1\lbr v0 == 0x800 -> b1, b2  ; src 2\l"];
  b1 [label="b1\lret 262144\l"];
  b2 [label="b2\lret 0\l"];
  b0 -> b2 [label=" short, no"];
  b0 -> b1 [label=" yes"];
}
)");
}

TEST(Dot, WithAProfileArrowsHaveTheirPacketsAndTheHotWayIsRed) {
  Profile profile;
  profile.packets = 1000;
  profile.matched = 900;
  profile.needs[0] = {.passed = 1000};
  profile.branches[2] = {.taken = 1000, .other = 0, .mispredicted = 40};
  const std::string dot = dot_of(program_of(kFilter), &profile);
  EXPECT_THAT(dot, HasSubstr("1000 packets sampled, 90.0 % matched\\l"));
  EXPECT_THAT(dot, HasSubstr("b0 [label=\"b0   100 %\\l"));
  EXPECT_THAT(dot, HasSubstr("src 2\\l4.0 % guessed wrong\\l\", fillcolor=\"0.000 0.550 1.000\"]"));
  EXPECT_THAT(dot, HasSubstr("b0 -> b1 [label=\" yes 100 %\", penwidth=4.0, color=red3]"));
  EXPECT_THAT(dot, HasSubstr("b2 [label=\"b2   0 %\\lret 0\\l\", fillcolor=gray92"));
  EXPECT_THAT(dot, HasSubstr("b0 -> b2 [label=\" short, no 0 %\", penwidth=0.6, color=gray60"));
}

TEST(Dot, TheHotWayEndsWhereMostPacketsEnd) {
  Profile profile;
  profile.packets = 100;
  profile.needs[0] = {.passed = 97, .failed = 3};
  const std::string dot =
      dot_of(program_of("filter f\nb0: need 1 else b1 ; src 0\n ret 1\nb1: ret 0\n"), &profile);
  EXPECT_THAT(dot, HasSubstr("b0 -> b1 [label=\" short 3.0 %\""));
  EXPECT_THAT(dot, Not(HasSubstr("red3")));
}

TEST(Dot, CasesOfOneTargetAreOneArrow) {
  const std::string dot =
      dot_of(program_of("filter s\nb0: need 1 else b3\n v0 = load_u8 0\n"
                        " switch v0 {6 -> b1(v0), 17 -> b1(v0), 1 -> b2} else b3\n"
                        "b1(v1: u32): ret v1\nb2: ret 1\nb3: ret 0\n"));
  EXPECT_THAT(dot, HasSubstr("b0 -> b1 [label=\" 6, 17\"]"));
  EXPECT_THAT(dot, HasSubstr("b0 -> b3 [label=\" short, else\"]"));
  EXPECT_THAT(dot, HasSubstr("b1 [label=\"b1(v1: u32)\\lret v1\\l\"]"));
}

constexpr const char* kSpecialised = R"(filter one
counters 1
b0: need 14 else b2
    v0 = load_be16 12                   ; src 1
    br v0 == 0x800 -> b1, b2
b1: ret 1
b2: count 0
    jump b3
b3: need 14 else b4
    v1 = load_be16 12                   ; src 1
    ret v1
b4: ret 0
)";

TEST(Dot, TheGeneralPartIsABoxAndTheLogStandsBelow) {
  const std::vector<std::string> log = {"guards: one value in 97 %", "layout: b3 is cold"};
  const std::string dot = dot_of(program_of(kSpecialised), nullptr, log);
  EXPECT_THAT(dot, HasSubstr("guards: one value in 97 %\\llayout: b3 is cold\\l"));
  const size_t cluster = dot.find("subgraph cluster_general");
  ASSERT_NE(cluster, std::string::npos);
  EXPECT_LT(dot.find("  b2 [label"), cluster);
  EXPECT_GT(dot.find("    b3 [label"), cluster);
  EXPECT_GT(dot.find("    b4 [label"), cluster);
  EXPECT_THAT(dot_of(program_of(kFilter)), Not(HasSubstr("cluster")));
}

// Graphviz refuses strings of 16 KiB.
TEST(Dot, WhatIsLongIsCut) {
  std::string text = "filter f\nb0: need 1 else b1\n v0 = load_u8 0\n switch v0 {0 -> b1";
  for (int i = 1; i < 256; ++i) text += ", " + std::to_string(i) + " -> b1";
  text += "} else b2\nb1: v1 = load_u8 0\n";
  for (int i = 1; i < 2000; ++i) text += " v" + std::to_string(i + 1) + " = load_u8 0\n";
  Program program = program_of((text + " ret v2000\nb2: ret 0\n").c_str());
  program.name = std::string(20'000, '"');
  const std::vector<std::string> log(500, std::string(1000, 'x'));
  const std::string dot = dot_of(program, nullptr, log);
  EXPECT_THAT(dot, HasSubstr(" lines more\\l\"];"));
  size_t longest = 0;
  for (size_t at = 0, end; at < dot.size(); at = end + 1) {
    end = std::min(dot.find('\n', at), dot.size());
    longest = std::max(longest, end - at);
  }
  EXPECT_LT(longest, 16'384u);
  EXPECT_GT(longest, 12'000u);
}

TEST(Dot, GraphvizTakesWhatIsDrawn) {
  if (std::system("dot -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "Graphviz is not installed";
  const std::string path = testing::TempDir() + "ipjit-dot-test.dot";
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Program program = random_program(seed);
    number_sources(program);
    const Profile profile = random_profile(program, seed);
    std::ofstream(path) << dot_of(program, &profile);
    // Canonical form: reads all, lays out nothing.
    EXPECT_EQ(std::system(("dot -Tcanon '" + path + "' >/dev/null").c_str()), 0) << "seed " << seed;
  }
  std::remove(path.c_str());
}

}  // namespace
}  // namespace ipjit::ir
