// SPDX-License-Identifier: BSD-2-Clause
// One compile is one connection: connect, one frame out, one frame in, close.
//
//   nobody listens                          start a server, connect again
//   it went away before a byte came back    the same, once: it was leaving, idle, or was killed
//   it answers with an error                that is the result
//
// Nothing is kept between calls, so a fork, a chroot or another user is simply another first call.
// A process with more rights than its user gets no tier 2: what it runs would be chosen by that
// user's server.  Neither does one that has shut itself into a sandbox since this object was made:
// its rules were written without sockets and clone() in mind, and may kill it.
#include "tier2-llvm/remote/remote_tier2.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "ir/text.h"
#include "tier2-llvm/remote/find_program.h"
#include "tier2-llvm/remote/frame_stream.h"
#include "tier2-llvm/remote/meeting_place.h"
#include "tier2-llvm/remote/patience.h"
#include "tier2-llvm/remote/start.h"
#include "tier2-llvm/remote/version.h"

namespace ipjit::tier2 {

namespace {

constexpr int kExchanges = 3;  ///< the first; after a start; after one more that went away

Error refused(Code code, const std::string& why) { return {Stage::kTier2, code, 0, why}; }
Error unavailable(const std::string& why) { return refused(Code::kUnavailable, why); }

int seccomp_mode() { return prctl(PR_GET_SECCOMP, 0, 0, 0, 0); }

/// Real, effective and saved user and group are the same.
bool is_one_user() {
  uid_t uid[3];
  gid_t gid[3];
  return getresuid(&uid[0], &uid[1], &uid[2]) == 0 && getresgid(&gid[0], &gid[1], &gid[2]) == 0 &&
         uid[0] == uid[1] && uid[1] == uid[2] && gid[0] == gid[1] && gid[1] == gid[2];
}

Result<FrameStream> connect_to(const std::string& path, const Patience& patience) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return unavailable(strerrordesc_np(errno));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  while (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // EAGAIN: more clients than it has room for in its queue.
    if (errno != EAGAIN && errno != EINTR) return unavailable(path + ": " + strerrordesc_np(errno));
    patience.sleep(5);
    if (patience.over()) return unavailable(path + ": too many wait already");
  }
  if (!same_user(socket.get())) return refused(Code::kRefused, path + " is another user's");
  return FrameStream(std::move(socket), kMaxBody);
}

Error no_more_patience(const Patience& patience) {
  return unavailable(patience.stopped() ? "stopped" : "no answer in time");
}

struct Exchange {
  Result<CompileReply> reply;
  bool nobody = false;  ///< there was no server to hear the question, or none any more
};

Exchange exchange(const std::string& path, const Bytes& question, const Patience& patience) {
  Result<FrameStream> server = connect_to(path, patience);
  if (!server) return {server.error(), server.error().code == Code::kUnavailable};
  server->send(question);
  for (;;) {
    if (!patience.wait(server->fd(), server->events())) return {no_more_patience(patience)};
    // A server that refuses may answer before it has read all: look at its answer first.
    const Result<bool> whole = server->receive();
    if (!whole)
      return {whole.error(), whole.error().code == Code::kUnavailable && server->heard_nothing()};
    if (*whole) return {decode_reply_frame(server->take_frame())};
    if (Status wrote = server->write_some(); !wrote) {
      const Result<bool> last_word = server->receive();
      if (last_word && *last_word) return {decode_reply_frame(server->take_frame())};
      return {wrote.error(), true};
    }
  }
}

std::vector<std::string> environment_of_server() {
  std::vector<std::string> environment;
  for (const char* name : {"HOME", "XDG_CACHE_HOME", "ASAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = secure_getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  return environment;
}

}  // namespace

RemoteTier2::RemoteTier2(RemoteOptions options)
    : options_(std::move(options)),
      environment_(environment_of_server()),
      sandbox_(seccomp_mode()) {
  const char* named = secure_getenv("IPJIT_TIER2");
  if (options_.program.empty() && named) options_.program = named;
}

Result<ir::MachineCode> RemoteTier2::compile(const ir::Program& program,
                                             const arch::Target& target) {
  // The seed is no part of a request: a server that everybody asks must not learn it.
  if (target.constant_seed != 0)
    return refused(Code::kRefused, "no constant may stand in the code: only tier 1 splits them");
  const uint64_t now_ms = now_us() / 1000;
  if (const uint64_t wait_ms = back_off_.wait_ms(now_ms))
    return unavailable("asked again in " + std::to_string(wait_ms) + " ms: " + last_failure_);
  Result<ir::MachineCode> code = ask(program, target);
  const bool stopped = options_.stop && options_.stop->load(std::memory_order_relaxed);
  if (code || code.error().code != Code::kUnavailable) {
    back_off_.succeeded();
  } else if (!stopped) {
    back_off_.failed(now_us() / 1000);
    last_failure_ = code.error().why;
  }
  return code;
}

Result<ir::MachineCode> RemoteTier2::ask(const ir::Program& program, const arch::Target& target) {
  const uint64_t begin_us = now_us();
  const Patience patience(options_.wait_ms, options_.stop);
  if (getauxval(AT_SECURE) || !is_one_user())
    return unavailable("this process has more rights than its user");
  if (seccomp_mode() != sandbox_) return unavailable("this process has entered a sandbox");
  CompileRequest request = {.cpu_ms = options_.cpu_ms,
                            .mib = options_.mib,
                            .version = version(),
                            .target = std::string(target.name),
                            .program = ir::print(program)};
  if (request.program.size() > kMaxProgramText)
    return refused(Code::kTooLong, "its text has " + std::to_string(request.program.size()) +
                                       " bytes, " + std::to_string(kMaxProgramText) +
                                       " are the most");
  Result<MeetingPlace> place = meeting_place(options_.root);
  if (!place) return place.error();
  const Bytes question = encode(request);
  RemoteReport report;
  for (int round = 1;; ++round) {
    Exchange exchanged = exchange(place->socket, question, patience);
    if (exchanged.reply) {
      if (const Error* error = std::get_if<Error>(&*exchanged.reply)) return *error;
      CompiledCode& compiled = std::get<CompiledCode>(*exchanged.reply);
      report.cached = compiled.cached;
      report.compile_us = compiled.compile_us;
      report.round_trip_us = now_us() - begin_us;
      last_ = report;
      return std::move(compiled.code);
    }
    if (!exchanged.nobody || round == kExchanges || !options_.start) return exchanged.reply.error();
    Result<std::string> server = find_program(options_.program);
    if (!server) return server.error();
    Status started =
        start_server(*server, {"--started", "--root=" + options_.root}, environment_, patience);
    if (!started) return started.error();
    report.started = true;
  }
}

}  // namespace ipjit::tier2
