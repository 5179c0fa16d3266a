// SPDX-License-Identifier: BSD-2-Clause
// Where client and server of one user meet: ROOT/ipjit-UID/, which is ours and closed to others.
#pragma once

#include <string>

#include "ipjit/error.h"

namespace ipjit::tier2 {

struct MeetingPlace {
  std::string directory;
  std::string socket;  ///< directory/tier2-VERSION.socket
  std::string lock;    ///< directory/tier2-VERSION.lock: held by the one server
};

/// Makes the directory if it is missing.
/// Fails: kUnavailable: it cannot be made, is not ours, or others may enter; the path is too long.
Result<MeetingPlace> meeting_place(const std::string& root);

/// True if the process at the other end of `socket` is of our user.
bool same_user(int socket);

}  // namespace ipjit::tier2
