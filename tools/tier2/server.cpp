// SPDX-License-Identifier: BSD-2-Clause
// One thread in one poll(): clients come with a frame, workers come back with one.
//
//   client ── request ──▶ cache ── miss ──▶ waiting ──▶ worker ── reply ──▶ cache, client
//                           └── hit ──▶ client
//
// This process reads frames and files and never a program: what LLVM may do wrong it does in a
// worker (worker.h).  A worker that dies has refused the program that it had, and is replaced.
//
// Leaving has one hazard: a client that connects while we decide to go.  So the name goes first,
// then those who came under it are served, then the process ends; one that falls between is told so
// by the end of its connection and asks for a new server.  The lock is held to the end, and whoever
// waits for it looks whether somebody answers.
#include "tools/tier2/server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "tier2-llvm/remote/patience.h"
#include "tier2-llvm/remote/version.h"

namespace ipjit::tier2 {

namespace {

constexpr size_t kMostClients = 64;
constexpr uint64_t kTalkUs = 10'000'000;    ///< a client has to send or take its frame
constexpr uint64_t kQueueUs = 120'000'000;  ///< a client waits for a worker
constexpr uint64_t kWallPerCpu = 20;        ///< a starved worker is not a runaway
constexpr uint32_t kMaxRequestBytes = kMaxProgramText + 4096;

Error error(Code code, const std::string& why) { return {Stage::kTier2, code, 0, why}; }

}  // namespace

struct Server::Client {
  enum class State { kAsking, kWaiting, kCompiling, kAnswered };

  explicit Client(Fd socket) : stream(std::move(socket), kMaxRequestBytes) {}

  FrameStream stream;
  State state = State::kAsking;
  CompileRequest request = {};
  bool asked_twice = false;
  uint64_t until_us = now_us() + kTalkUs;
};

struct Server::Busy {
  Worker worker;
  Client* client = nullptr;  ///< null: it is idle
  uint64_t until_us = UINT64_MAX;
  bool gone = false;
};

Server::Server(ServerOptions options, CompilerSource compilers, std::optional<Cache> cache,
               MeetingPlace place)
    : options_(std::move(options)),
      compilers_(std::move(compilers)),
      cache_(std::move(cache)),
      place_(std::move(place)),
      asked_us_(now_us()) {
  if (options_.workers == 0)
    options_.workers = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  char source_digest[24];
  std::snprintf(
      source_digest, sizeof source_digest, "-%016llx",
      static_cast<unsigned long long>(digest(
          {reinterpret_cast<const uint8_t*>(compilers_.name.data()), compilers_.name.size()})));
  identity_ = version() + source_digest;
}

Server::~Server() {
  leave();
  for (const std::unique_ptr<Busy>& busy : workers_) (void)reap(busy->worker, {});
}

void Server::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

bool Server::idle_for_long() const {
  return options_.idle_ms && clients_.empty() &&
         now_us() >= asked_us_ + uint64_t{options_.idle_ms} * 1000;
}

int Server::timeout_ms() const {
  uint64_t until = UINT64_MAX;
  for (const std::unique_ptr<Client>& client : clients_) until = std::min(until, client->until_us);
  for (const std::unique_ptr<Busy>& busy : workers_) until = std::min(until, busy->until_us);
  if (options_.idle_ms && clients_.empty())
    until = std::min(until, asked_us_ + uint64_t{options_.idle_ms} * 1000);
  const uint64_t now = now_us();
  if (until == UINT64_MAX) return -1;
  return until <= now ? 0 : static_cast<int>(std::min<uint64_t>((until - now) / 1000 + 1, 60'000));
}

bool Server::accept_clients() {
  bool any = false;
  while (clients_.size() < kMostClients) {
    Fd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) break;
    if (!same_user(socket.get())) {
      log("refused another user's process");
      continue;
    }
    clients_.push_back(std::make_unique<Client>(std::move(socket)));
    any = true;
  }
  return any;
}

void Server::answer(Client& client, const CompileReply& reply) {
  asked_us_ = now_us();
  if (const Error* why = std::get_if<Error>(&reply)) log(to_string(*why));
  client.stream.send(encode(reply));
  client.state = Client::State::kAnswered;
  client.until_us = now_us() + kTalkUs;
  if (!client.stream.write_some()) client.until_us = 0;
}

void Server::hear(Client& client) {
  const Result<bool> whole = client.stream.receive();
  if (!whole) {
    if (whole.error().code == Code::kBadInput) return answer(client, whole.error());
    client.until_us = 0;
    return;
  }
  if (!*whole) return;
  Result<CompileRequest> request = decode_request_frame(client.stream.take_frame());
  if (!request) return answer(client, request.error());
  if (request->version != version())
    return answer(client, error(Code::kUnavailable, "the server is of version " + version() +
                                                        ", the client of " + request->version));
  client.request = std::move(*request);
  if (std::optional<CompiledCode> kept =
          cache_ ? cache_->find(key_of(client.request)) : std::nullopt) {
    kept->cached = true;
    kept->compile_us = 0;
    log("from the cache: " + std::to_string(kept->code.bytes.size()) + " bytes");
    return answer(client, std::move(*kept));
  }
  client.state = Client::State::kWaiting;
  client.until_us = now_us() + kQueueUs;
}

CompileRequest Server::key_of(const CompileRequest& request) const {
  return {.cpu_ms = 0,
          .mib = 0,
          .version = identity_,
          .target = request.target,
          .program = request.program};
}

bool Server::give_to_worker(Client& client) {
  auto idle = std::find_if(workers_.begin(), workers_.end(),
                           [](const std::unique_ptr<Busy>& busy) { return !busy->client; });
  if (idle == workers_.end()) {
    if (workers_.size() >= options_.workers) return false;
    Result<Worker> worker = fork_worker(compilers_);
    if (!worker) {
      answer(client, worker.error());
      return true;
    }
    workers_.push_back(std::make_unique<Busy>(Busy{std::move(*worker)}));
    idle = workers_.end() - 1;
  }
  Busy& busy = **idle;
  client.request.cpu_ms = std::clamp(client.request.cpu_ms, 1u, kMostCpuMs);
  client.request.mib = std::min(client.request.mib, kMostMib);
  busy.client = &client;
  busy.until_us = now_us() + kTalkUs + client.request.cpu_ms * 1000 * kWallPerCpu;
  client.state = Client::State::kCompiling;
  client.until_us = UINT64_MAX;
  busy.worker.stream.send(encode(client.request));
  (void)busy.worker.stream.write_some();  // if it is gone, its next event says so
  return true;
}

void Server::dispatch() {
  for (const std::unique_ptr<Client>& client : clients_)
    if (client->state == Client::State::kWaiting && !give_to_worker(*client)) break;
}

void Server::fork_spare() {
  if (!wants_spare_ || leaving_ || !workers_.empty()) return;
  wants_spare_ = false;
  if (Result<Worker> spare = fork_worker(compilers_))
    workers_.push_back(std::make_unique<Busy>(Busy{std::move(*spare)}));
}

void Server::finish(Busy& busy) {
  const Bytes frame = busy.worker.stream.take_frame();
  const Result<CompileReply> reply = decode_reply_frame(frame);
  if (!busy.client || !reply) return fail(busy, "the compiler gave no proper answer");
  Client& client = *busy.client;
  busy.client = nullptr;
  busy.until_us = UINT64_MAX;
  if (const CompiledCode* code = std::get_if<CompiledCode>(&*reply)) {
    log("compiled " + std::to_string(code->code.bytes.size()) + " bytes in " +
        std::to_string(code->compile_us) + " us");
    if (cache_) cache_->keep(key_of(client.request), *code);
  }
  answer(client, *reply);
}

void Server::attend(Busy& busy) {
  (void)busy.worker.stream.write_some();
  const Result<bool> whole = busy.worker.stream.receive();
  if (!whole)
    fail(busy, "");
  else if (*whole)
    finish(busy);
}

void Server::fail(Busy& busy, const std::string& why) {
  busy.gone = true;
  Client* client = std::exchange(busy.client, nullptr);
  const Death death = reap(busy.worker, client ? client->request : CompileRequest());
  wants_spare_ = client || death.left;  // one that died idle could die again and again
  if (!client) return;
  if (death.left && why.empty() && !client->asked_twice) {
    // It went while the request was on its way.
    client->asked_twice = true;
    client->state = Client::State::kWaiting;
    client->until_us = now_us() + kQueueUs;
    return;
  }
  answer(*client, error(Code::kRefused, why.empty() ? death.why : why));
}

void Server::end_overdue() {
  const uint64_t now = now_us();
  for (const std::unique_ptr<Busy>& busy : workers_)
    if (!busy->gone && now >= busy->until_us)
      fail(*busy, "the compiler had no time to finish this program");
  std::erase_if(workers_, [](const std::unique_ptr<Busy>& busy) { return busy->gone; });
  for (const std::unique_ptr<Client>& client : clients_)
    if (client->state == Client::State::kWaiting && now >= client->until_us)
      answer(*client, error(Code::kUnavailable, "all workers are busy"));
  std::erase_if(clients_, [now](const std::unique_ptr<Client>& client) {
    using State = Client::State;
    const bool answered = client->state == State::kAnswered && client->stream.sent();
    return answered || (client->state != State::kCompiling && now >= client->until_us);
  });
}

void Server::run(int stop_fd) {
  log("serving at " + place_.socket + " with " + compilers_.name);
  for (;;) {
    fork_spare();
    const size_t nr_clients = clients_.size(), nr_workers = workers_.size();
    std::vector<pollfd> fds = {{stop_fd, POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    if (nr_clients >= kMostClients) fds[1].fd = -1;
    for (const std::unique_ptr<Client>& client : clients_) {
      const short events = client->stream.events();
      const bool asking = client->state == Client::State::kAsking;
      const bool silent =
          client->state == Client::State::kWaiting || client->state == Client::State::kCompiling;
      fds.push_back({silent ? -1 : client->stream.fd(),
                     static_cast<short>(asking ? events : events & POLLOUT), 0});
    }
    for (const std::unique_ptr<Busy>& busy : workers_)
      fds.push_back({busy->worker.stream.fd(), busy->worker.stream.events(), 0});
    if (poll(fds.data(), fds.size(), timeout_ms()) < 0 && errno != EINTR) break;
    if (fds[0].revents) break;
    for (size_t i = 0; i < nr_clients; ++i) {
      Client& client = *clients_[i];
      if (!fds[2 + i].revents) continue;
      if (client.state == Client::State::kAsking)
        hear(client);
      else if (!client.stream.write_some())
        client.until_us = 0;
    }
    for (size_t i = 0; i < nr_workers; ++i)
      if (fds[2 + nr_clients + i].revents) attend(*workers_[i]);
    if (fds[1].revents) accept_clients();
    end_overdue();
    dispatch();
    if (idle_for_long() || (leaving_ && clients_.empty())) {
      leave();
      if (!accept_clients()) break;
    }
  }
  log("ending");
}

}  // namespace ipjit::tier2
