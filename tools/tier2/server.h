// SPDX-License-Identifier: BSD-2-Clause
// The compile server of one user: a socket, a cache, a few workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tier2-llvm/remote/meeting_place.h"
#include "tools/tier2/cache.h"
#include "tools/tier2/compiler_source.h"
#include "tools/tier2/worker.h"

namespace ipjit::tier2 {

struct ServerOptions {
  std::string root = "/dev/shm";
  uint32_t idle_ms = 60'000;  ///< ends after so long without a request; 0: never
  uint32_t workers = 0;       ///< at most; 0: one for each processor, up to four
  std::function<void(const std::string&)> log = {};
};

class Server {
 public:
  /// Takes the lock and the socket.
  /// Gives: nothing where another server answers already.
  /// Fails: kUnavailable.
  static Result<std::unique_ptr<Server>> open(ServerOptions options, CompilerSource compilers,
                                              std::optional<Cache> cache);
  ~Server();

  /// Serves until it was idle for long enough, or a byte can be read from `stop_fd`.
  void run(int stop_fd);

  const std::string& socket_path() const { return place_.socket; }

 private:
  struct Client;
  struct Busy;

  Server(ServerOptions options, CompilerSource compilers, std::optional<Cache> cache,
         MeetingPlace place);
  Status take_socket();
  void leave();
  bool still_mine() const;
  bool idle_for_long() const;
  int timeout_ms() const;

  bool accept_clients();
  void hear(Client& client);
  void answer(Client& client, const CompileReply& reply);
  CompileRequest key_of(const CompileRequest& request) const;
  void attend(Busy& busy);
  void finish(Busy& busy);
  void fail(Busy& busy, const std::string& why);
  void dispatch();
  void fork_spare();
  bool give_to_worker(Client& client);
  void end_overdue();
  void log(const std::string& line) const;

  ServerOptions options_;
  CompilerSource compilers_;
  std::string identity_;  ///< of everything that decides what a compile gives
  std::optional<Cache> cache_;
  MeetingPlace place_;
  Fd lock_, listening_;
  uint64_t device_ = 0, inode_ = 0;  ///< of the socket that is ours
  uint64_t asked_us_ = 0;            ///< when a question was last answered
  bool leaving_ = false;
  bool wants_spare_ = true;  ///< a worker is to be warm before somebody asks
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Busy>> workers_;
};

}  // namespace ipjit::tier2
