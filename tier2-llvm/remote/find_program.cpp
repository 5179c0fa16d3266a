// SPDX-License-Identifier: BSD-2-Clause
// Where the server is, seen from the file that this code was loaded from.
//
// An installed tree may be moved as a whole, a build tree too, so nothing is looked for at an
// absolute path: the library is in lib/TRIPLET/ or, the drop-in, in lib/TRIPLET/ipjit/, a program
// in bin/; in the build tree they are two or three folders beside tools/tier2/.
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tier2-llvm/remote/find_program.h"
#include "tier2-llvm/remote/remote_tier2.h"

namespace ipjit::tier2 {

namespace {

constexpr const char* kPlaces[] = {
    "ipjit-tier2",        IPJIT_TIER2_FROM_LIB,   ("../" IPJIT_TIER2_FROM_LIB),
    IPJIT_TIER2_FROM_BIN, "../tier2/ipjit-tier2", "../../tools/tier2/ipjit-tier2",
};

const char kHere = 0;

std::string directory_of_this_code() {
  Dl_info info = {};
  std::string path = dladdr(&kHere, &info) && info.dli_fname ? info.dli_fname : "";
  // A program's own name is only what it was called with.
  if (path[0] != '/' && path.find(".so") == std::string::npos) path = "/proc/self/exe";
  char* real = realpath(path.c_str(), nullptr);
  if (!real) return "";
  std::string directory(real);
  free(real);
  return directory.substr(0, directory.rfind('/'));
}

/// A program that nobody but us and root could have put there.
bool may_run(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_uid == 0 || status.st_uid == geteuid()) && (status.st_mode & 002) == 0 &&
         access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::string> find_program(const std::string& named) {
  if (!named.empty()) {
    if (may_run(named)) return named;
    return Error{Stage::kTier2, Code::kUnavailable, 0, named + " is no program of ours or root's"};
  }
  const std::string here = directory_of_this_code();
  if (here.empty())
    return Error{Stage::kTier2, Code::kUnavailable, 0,
                 "ipjit-tier2 cannot be found: this user may not look at where this code is"};
  for (const char* place : kPlaces)
    if (const std::string path = here + "/" + place; may_run(path)) return path;
  return Error{Stage::kTier2, Code::kUnavailable, 0,
               "ipjit-tier2 is not installed: it is neither in " + here + " nor " + here + "/" +
                   IPJIT_TIER2_FROM_LIB};
}

Result<std::string> tier2_program() {
  const char* named = secure_getenv("IPJIT_TIER2");
  return find_program(named ? named : "");
}

}  // namespace ipjit::tier2
