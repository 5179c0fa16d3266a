// SPDX-License-Identifier: BSD-2-Clause
// A profile's text form: what prints parses back, and what is wrong is refused at its line.
#include "ir/profile_text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "ir/text.h"
#include "profiles.h"
#include "random_program.h"

namespace ipjit::ir {
namespace {

constexpr const char* kEverything = R"(profile 1 of 0x3b9aca0012345678
packets 1000 discarded 2 matched 97
results total 1000 discarded 0 {0 = 903, 0x40000 = 97}
lengths {60 = 130, 256 = 870}
branch 1 taken 970 other 30 mispredicted 29
branch 4 taken 0 other 0 mispredicted 0
switch 7 other 1 mispredicted 4 {6 = 900, 17 = 69}
switch 8 other 3 mispredicted 0 {}
need 0 passed 1000 failed 0 first 0
value 0 total 1000 discarded 0 {0x800 = 970, 0x86dd = 30}
value 3 total 5 discarded 5 {}
joint 0 2 9 total 960 discarded 3 {0x800 6 other = 905, 0x800 6 80 = 52}
)";

TEST(ProfileText, EveryLinePrintsAsItWasRead) {
  const Result<Profile> profile = parse_profile(kEverything);
  ASSERT_TRUE(profile) << to_string(profile.error());
  EXPECT_EQ(print(*profile), kEverything);
  EXPECT_EQ(profile->program, 0x3b9aca0012345678u);
  EXPECT_EQ(profile->lengths.at(256), 870u);
  EXPECT_EQ(profile->branch(1)->other, 30u);
  EXPECT_EQ(profile->switch_at(7)->cases.at(17), 69u);
  EXPECT_EQ(profile->value(0)->count_of(0x86dd), 30u);
  EXPECT_EQ(profile->joint.begin()->second.rows[0].others, 4u);
}

TEST(ProfileText, CommentsHexadecimalAndBrokenLinesAreRead) {
  const Result<Profile> profile = parse_profile(
      "; by hand\nprofile 1 of 0\n\npackets 0x10 discarded 0 matched 0 ; none\n"
      "value 2 total 3 discarded 0 {1 = 2,\n  2 = 1}\n");
  ASSERT_TRUE(profile) << to_string(profile.error());
  EXPECT_EQ(profile->packets, 16u);
  EXPECT_EQ(profile->value(2)->count_of(2), 1u);
}

TEST(ProfileText, RandomProfilesParseBack) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Program program = random_program(seed);
    number_sources(program);
    const Profile profile = random_profile(program, seed);
    for (const Profile& each : {profile, invert(profile)}) {
      const Result<Profile> again = parse_profile(print(each));
      ASSERT_TRUE(again) << "seed " << seed << ": " << to_string(again.error()) << print(each);
      EXPECT_EQ(*again, each) << "seed " << seed;
    }
  }
}

TEST(ProfileText, WhatScalesAndMergesStillParses) {
  Program program = random_program(3);
  number_sources(program);
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Profile profile = random_profile(program, seed);
    scale(profile, 0.37);
    merge(profile, random_profile(program, seed + 1));
    const Result<Profile> again = parse_profile(print(profile));
    ASSERT_TRUE(again) << "seed " << seed << ": " << to_string(again.error());
    EXPECT_EQ(*again, profile) << "seed " << seed;
  }
}

struct Refused {
  const char* text;  // behind a valid head of two lines
  const char* why;
};

constexpr Refused kRefused[] = {
    {"branch 1 taken 3 other 1 mispredicted 5\n", "3: kSyntax: mispredicted 5 is more than 4 runs"},
    {"branch 1 taken 3 other\n", "3: kSyntax: a count of at most 2^40 is wanted, not `end of line"},
    {"branch x taken", "3: kSyntax: a source instruction is wanted, not `x`"},
    {"branch 4294967295 taken", "3: kSyntax: a source instruction is wanted, not `4294967295`"},
    {"branch 1 taken 99999999999999 other", "a count of at most 2^40 is wanted, not `99999999999"},
    {"branch 2 taken 0 other 0 mispredicted 0\nbranch 1 taken 0 other 0 mispredicted 0\n",
     "4: kSyntax: this line belongs above the one before it"},
    {"need 2 passed 0 failed 0 first 0\nneed 2 passed 0 failed 0 first 0\n",
     "4: kSyntax: a line for this stands above already"},
    {"need 2 passed 0 failed 1 first 2\n", "3: kSyntax: first 2 is more than 1 failed"},
    {"lengths {60 = 1, 60 = 2}\n", "3: kSyntax: value 60 is not above the one before it"},
    {"lengths {300 = 1}\n", "3: kSyntax: length 300 is above 256"},
    {"value 1 total 4 discarded 0 {1 = 2}\n", "the counts and discarded make 2, total is 4"},
    {"value 1 total 4 discarded 0 {1 = 1, 2 = 3}\n", "not sorted by descending count"},
    {"value 1 total 4 discarded 0 {1 = 2, 1 = 2}\n", "3: kSyntax: value 1 stands twice"},
    {"value 1 total 4 discarded 0 {1 = 2 2 = 2}\n", "`,` or `}` is wanted, not `2`"},
    {"value 1 total 4 discarded 4 {", "a value is wanted, not `end of text`"},
    {"value 1 total 13 discarded 0 {1=1,2=1,3=1,4=1,5=1,6=1,7=1,8=1,9=1,10=1,11=1,12=1,13=1}\n",
     "the entries are too many"},
    {"switch 1 other 0 mispredicted 3 {1 = 2}\n", "mispredicted 3 is more than 2 runs"},
    {"joint 1 total 0 discarded 0 {}\n", "3: kSyntax: a group has 2 to 6 fields, not 1"},
    {"joint 1 2 total 2 discarded 0 {1 2 = 1, 1 2 = 1}\n", "3: kSyntax: a row stands twice"},
    {"joint 1 2 total 2 discarded 0 {1 = 1}\n", "a value is wanted, not `=`"},
    {"results total 0 discarded 0 {} branch\n", "3: kSyntax: end of line is wanted, not `branch`"},
    {"surprise 1\n",
     "3: kSyntax: results, lengths, branch, switch, need, value or joint is wanted"},
};

TEST(ProfileText, WhatIsWrongIsRefusedAtItsLine) {
  for (const Refused& refused : kRefused) {
    const Result<Profile> profile = parse_profile(
        "profile 1 of 7\npackets 9 discarded 0 matched 0\n" + std::string(refused.text));
    ASSERT_FALSE(profile) << refused.text;
    const std::string said = to_string(profile.error());

    EXPECT_NE(said.find(refused.why), std::string::npos) << said << "\n" << refused.text;
  }
}

TEST(ProfileText, AHeadIsWanted) {
  for (const auto& [text, why] :
       {std::pair("", "1: kSyntax: `profile` is wanted, not `end of text`"),
        std::pair("profile 2 of 7\n", "1: kSyntax: version 2 is not known, only 1"),
        std::pair("profile 1 of 7\n", "`packets` is wanted"),
        std::pair("profile 1 of 7\npackets 1 discarded 0 matched 2\n",
                  "2: kSyntax: matched 2 is more than 1 packets")}) {
    const Result<Profile> profile = parse_profile(text);
    ASSERT_FALSE(profile) << text;
    EXPECT_NE(to_string(profile.error()).find(why), std::string::npos)
        << to_string(profile.error());
  }
  const Result<Profile> long_one = parse_profile(std::string(kMaxProfileText + 1, ' '));
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().code, Code::kTooLong);
}

TEST(ProfileText, AFileGoesOutAndComesBack) {
  const Result<Profile> profile = parse_profile(kEverything);
  ASSERT_TRUE(profile);
  const Result<Profile> again = parse_file(print_file(*profile));
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, *profile);
}

TEST(ProfileText, AFileThatWasCutShortIsRefused) {
  const Result<Profile> profile = parse_profile(kEverything);
  ASSERT_TRUE(profile);
  const std::string text = print_file(*profile);
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_file(std::string_view(text).substr(0, size))) << size;
  EXPECT_EQ(to_string(parse_file("profile 1\nlend\n").error()),
            "ir: 2: kSyntax: the profile is cut short: its last line is not `end`");
}

TEST(ProfileText, AProfileOfAnotherProgramIsRefused) {
  const Result<Program> program = parse("filter one\nb0: ret 1\n");
  const Result<Program> other = parse("filter other\nb0: ret 2\n");
  ASSERT_TRUE(program && other);
  Profile profile;
  profile.program = digest(*program);
  EXPECT_TRUE(check_profile(profile, *program));
  const Status refused = check_profile(profile, *other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_string(refused.error()), "ir: 0: kBadInput: the profile is of another program");
}

}  // namespace
}  // namespace ipjit::ir
