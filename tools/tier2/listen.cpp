// SPDX-License-Identifier: BSD-2-Clause
// Becoming the one server of this user, and ceasing to be it.
//
// The lock says who may bind; the name in the directory appears when the socket already listens
// (bind under another name, listen, rename), so a client finds either nobody or somebody.  What a
// killed server leaves behind is a name without anybody behind it; the rename replaces it.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "tier2-llvm/remote/patience.h"
#include "tools/tier2/server.h"

namespace ipjit::tier2 {

namespace {

constexpr uint64_t kWaitForLockMs = 5'000;

Error unavailable(const std::string& what) {
  return {Stage::kTier2, Code::kUnavailable, 0, what + ": " + strerrordesc_np(errno)};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Fd unix_socket() { return Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

bool somebody_listens(const std::string& path) {
  const Fd probe = unix_socket();
  const sockaddr_un address = address_of(path);
  return probe &&
         (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
          errno == EAGAIN);
}

/// Gives: the lock, or an empty Fd where another server answers.
Result<Fd> take_lock(const MeetingPlace& place) {
  Fd lock(open(place.lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return unavailable(place.lock);
  const Patience patience(kWaitForLockMs, nullptr);
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return unavailable(place.lock);
    if (somebody_listens(place.socket)) return Fd();
    if (patience.over()) return unavailable(place.lock + " is held by nobody who listens");
    patience.sleep(10);
  }
  return lock;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, CompilerSource compilers,
                                             std::optional<Cache> cache) {
  Result<MeetingPlace> place = meeting_place(options.root);
  if (!place) return place.error();
  Result<Fd> lock = take_lock(*place);
  if (!lock) return lock.error();
  if (!*lock) return std::unique_ptr<Server>();
  std::unique_ptr<Server> server(
      new Server(std::move(options), std::move(compilers), std::move(cache), std::move(*place)));
  server->lock_ = std::move(*lock);
  if (Status taken = server->take_socket(); !taken) return taken.error();
  return server;
}

Status Server::take_socket() {
  const std::string unfinished = place_.socket + ".new";
  unlink(unfinished.c_str());
  listening_ = unix_socket();
  const sockaddr_un address = address_of(unfinished);
  if (!listening_ ||
      bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listening_.get(), 64) != 0)
    return unavailable(unfinished);
  struct stat status;
  if (stat(unfinished.c_str(), &status) != 0 ||
      rename(unfinished.c_str(), place_.socket.c_str()) != 0) {
    const Error error = unavailable(place_.socket);
    unlink(unfinished.c_str());
    return error;
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return ok();
}

bool Server::still_mine() const {
  struct stat status;
  return inode_ && stat(place_.socket.c_str(), &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

// A logout may have cleared /dev/shm away, and a new server may be there under the same name.
void Server::leave() {
  leaving_ = true;
  if (still_mine()) unlink(place_.socket.c_str());
}

}  // namespace ipjit::tier2
