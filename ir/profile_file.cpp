// SPDX-License-Identifier: BSD-2-Clause
// Profiles as files, and whether one is of a program.
#include <algorithm>

#include "ir/profile_text.h"

namespace ipjit::ir {
namespace {

// A profile that ends early holds together too: with fewer facts, or a count of fewer digits.
constexpr std::string_view kLastLine = "end\n";

}  // namespace

Status check_profile(const Profile& profile, const Program& program) {
  if (profile.program == digest(program)) return ok();
  return Error{Stage::kIr, Code::kBadInput, 0, "the profile is of another program"};
}

std::string print_file(const Profile& profile) { return print(profile).append(kLastLine); }

Result<Profile> parse_file(std::string_view text) {
  const auto lines = static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
  if (text.ends_with(kLastLine))
    text.remove_suffix(kLastLine.size());
  else
    text = {};
  if (!text.ends_with('\n'))
    return Error{Stage::kIr, Code::kSyntax, lines,
                 "the profile is cut short: its last line is not `end`"};
  return parse_profile(text);
}

}  // namespace ipjit::ir
