// SPDX-License-Identifier: BSD-2-Clause
// /dev/shm is writable for everybody, so the directory is trusted only if it is ours, no symbolic
// link, and closed to others; runtime/stats_file.h keeps its files in the same one.  The sticky bit
// above keeps others from putting something else in its place after the check.
#include "tier2-llvm/remote/meeting_place.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "tier2-llvm/remote/fd.h"
#include "tier2-llvm/remote/version.h"

namespace ipjit::tier2 {

namespace {

/// Room for the name under which a server binds before it takes the final one.
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 12;

Error unavailable(const std::string& why) { return {Stage::kTier2, Code::kUnavailable, 0, why}; }

}  // namespace

std::string version() {
  static_assert(kLanguage.size() > 100);
  char language[16];
  std::snprintf(language, sizeof language, "%08x", fold(kLanguage));
  return std::string(IPJIT_VERSION) + "-" + std::to_string(kProtocol) + "." +
         std::to_string(IPJIT_ABI_VERSION) + "-" + language;
}

Result<MeetingPlace> meeting_place(const std::string& root) {
  MeetingPlace place;
  place.directory = root + "/ipjit-" + std::to_string(geteuid());
  place.socket = place.directory + "/tier2-" + version() + ".socket";
  place.lock = place.directory + "/tier2-" + version() + ".lock";
  if (place.socket.size() > kMaxSocketPath)
    return unavailable(place.socket + " is too long for a socket");
  mkdir(place.directory.c_str(), 0700);
  const Fd directory(
      open(place.directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!directory || fstat(directory.get(), &status) != 0)
    return unavailable(place.directory + ": " + strerrordesc_np(errno));
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
    return unavailable(place.directory + " is not ours alone");
  return place;
}

bool same_user(int socket) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

}  // namespace ipjit::tier2
