// SPDX-License-Identifier: BSD-2-Clause
// A profile as text: sorted, so that two profiles compare line by line.
//
//   profile 1 of 0x3b9aca0012345678            version, digest of the program
//   packets 1000 discarded 2 matched 97
//   results total 1000 discarded 0 {0 = 903, 0x40000 = 97}
//   lengths {60 = 130, 256 = 870}
//   branch 1 taken 970 other 30 mispredicted 29
//   switch 7 other 1 mispredicted 4 {6 = 900, 17 = 69}
//   need 0 passed 1000 failed 0 first 0
//   value 0 total 1000 discarded 0 {0x800 = 970, 0x86dd = 30}
//   joint 0 2 9 total 960 discarded 3 {0x800 6 80 = 52, 0x800 6 other = 905}
//
// The number behind branch, switch, need and value is the source instruction, behind joint they are
// those of its fields.  Numbers are decimal or 0x hexadecimal, `;` begins a comment, and a line may
// go on inside {}.  Line kinds stand in the order above and by ascending source, once for each; all
// but the first two may be missing.
#pragma once

#include <string>
#include <string_view>

#include "ipjit/error.h"
#include "ir/profile.h"

namespace ipjit::ir {

inline constexpr size_t kMaxProfileText = size_t{16} << 20;  ///< bytes

/// Gives: text ending in a newline; parse_profile(print(p)) == p.
std::string print(const Profile& profile);

/// Takes: at most kMaxProfileText of text; counts of at most 2^40.
/// Fails: kSyntax (also: counts that do not add up, lines out of order), kTooLong; `at` is the
///        line.
Result<Profile> parse_profile(std::string_view text);

/// Refuses a profile of another program than this one.
/// Fails: kBadInput.
Status check_profile(const Profile& profile, const Program& program);

/// The text of a file: the text form and a last line `end`, without which it was cut short.
std::string print_file(const Profile& profile);

/// Reads what print_file() gave; then call check_profile().
/// Fails: kSyntax without the last line, and as parse_profile().
Result<Profile> parse_file(std::string_view text);

}  // namespace ipjit::ir
