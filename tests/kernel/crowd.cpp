// SPDX-License-Identifier: BSD-2-Clause
// Many at once: what a sweep finds among them, and what they leave of the code cache.
//
//   crowd             in the virtual machine, module loaded with mode=off
//
// All of it runs on one processor, so that it goes the same way every time: a sweep is over before
// the work that it has found begins, unless it pauses.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/kernel/door.h"

namespace ipjit::door {
namespace {

using Micros = std::chrono::duration<double, std::micro>;

/// A UDP socket, so one that only a look at all open files finds.
Filter quiet(uint32_t k) {
  return Filter({{BPF_LD | BPF_IMM, 0, 0, k}, {BPF_RET | BPF_K, 0, 0, 1}}, AF_INET, SOCK_DGRAM);
}

/// From OFF to another mode is a sweep, which is over when this returns.
Micros set_mode(Tally& tally, const Fd& device, uint32_t mode) {
  const auto begun = std::chrono::steady_clock::now();
  if (const int error = call(device, IPJIT_IOC_MODE, &mode)) tally.gives("a mode", error, {0});
  return std::chrono::steady_clock::now() - begun;
}

/// A child that does `begin`, says so, and then nothing until it is killed.
template <class Begin>
pid_t child(Begin begin) {
  int says[2];
  if (pipe2(says, O_CLOEXEC) != 0) std::perror("pipe");
  const pid_t pid = fork();
  if (pid == 0) {
    [[maybe_unused]] const auto kept = begin();
    (void)!write(says[1], "!", 1);
    for (;;) pause();
  }
  char byte;
  close(says[1]);
  (void)!read(says[0], &byte, 1);
  close(says[0]);
  return pid;
}

void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);  // or until it is gone, where nobody asks for its status
}

/// Victims with many open files, and behind them, by age and by number, a process with a filter.
struct Crowd {
  static constexpr size_t kVictims = 40;
  Crowd() {
    for (size_t i = 0; i < kVictims; ++i) victims.push_back(child([] { return 0; }));
    holder = child([] { return quiet(0x5000); });
  }
  ~Crowd() {
    for (const pid_t pid : victims) end(pid);
    end(holder);
  }
  std::vector<pid_t> victims;
  pid_t holder = 0;
};

/// Kills them in any order, all within `span`.
void kill_all(Crowd& crowd, Random& random, Micros span) {
  std::vector<pid_t>& victims = crowd.victims;
  for (size_t i = victims.size(); i > 1; --i) std::swap(victims[i - 1], victims[random.below(i)]);
  for (const pid_t pid : victims) {
    std::this_thread::sleep_for(span / Crowd::kVictims);
    kill(pid, SIGKILL);
  }
}

/// Tasks that end while they are looked at do not end the look at the others.
void test_dying(Tally& tally, const Fd& device) {
  std::vector<Fd> many;
  for (int i = 0; i < 1500; ++i) many.emplace_back(open("/dev/null", O_RDONLY));
  std::signal(SIGCHLD, SIG_IGN);  // they go at once
  Random random(7);
  constexpr unsigned kSweeps = 30;
  unsigned found = 0;
  for (unsigned i = 0; i < kSweeps; ++i) {
    Crowd crowd;
    const Micros span = set_mode(tally, device, IPJIT_DEV_ON);
    set_mode(tally, device, IPJIT_DEV_OFF);
    std::thread killer([&] { kill_all(crowd, random, span); });
    set_mode(tally, device, IPJIT_DEV_ON);
    found += info(device).filters == 1;
    killer.join();
    set_mode(tally, device, IPJIT_DEV_OFF);
  }
  std::signal(SIGCHLD, SIG_DFL);
  tally.equal("sweeps that found a filter behind dying tasks", found, kSweeps);
}

/// A listener with connections, which all share its filter.
struct Server {
  explicit Server(size_t connections) {
    const sock_filter accept_all = {BPF_RET | BPF_K, 0, 0, 0xffff};
    const sock_fprog program = {.len = 1, .filter = const_cast<sock_filter*>(&accept_all)};
    sockaddr_in at = {};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const auto address = reinterpret_cast<sockaddr*>(&at);
    if (setsockopt(listener.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
        bind(listener.get(), address, sizeof at) != 0 || listen(listener.get(), 64) != 0 ||
        getsockname(listener.get(), address, &size) != 0)
      std::perror("a listener");
    for (size_t i = 0; i < connections; ++i) {
      others.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (connect(others.back().get(), address, sizeof at) != 0) std::perror("connect");
      others.emplace_back(accept(listener.get(), nullptr, nullptr));
    }
  }
  Fd listener = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::vector<Fd> others;
};

/// One filter of many sockets takes one place, also before it is taken over.
void test_shared(Tally& tally, const Fd& device) {
  const Server server(60);
  std::vector<Filter> own;
  for (uint32_t i = 0; i < 5; ++i) own.push_back(quiet(0x5100 + i));
  ipjit_dev_use use = {};
  call(device, IPJIT_IOC_USE, &use);
  ipjit_dev_budget few = {};
  few.filters_user = 10;
  tally.gives("a limit of ten", call(device, IPJIT_IOC_BUDGET, &few), {0});
  const uint64_t left = info(device).left[IPJIT_DEV_LEFT_over_budget];
  set_mode(tally, device, IPJIT_DEV_ON);
  tally.equal("filters, one of them shared by 61 sockets", info(device).filters, 6);
  tally.equal("nobody is over a limit", info(device).left[IPJIT_DEV_LEFT_over_budget], left);
  set_mode(tally, device, IPJIT_DEV_OFF);
  tally.gives("the old limit", call(device, IPJIT_IOC_BUDGET, &use.limit), {0});
}

Unit unit_of(uint64_t id, size_t code) { return Unit(id, Bytes(code, 0x90) + returns(1)); }

/// Filters that wait between code of others do not keep a large unit out, once the others have
/// gone.
void test_pieces(Tally& tally, const Fd& device) {
  set_mode(tally, device, IPJIT_DEV_ON);
  ipjit_dev_use use = {};
  call(device, IPJIT_IOC_USE, &use);
  ipjit_dev_budget much = {};
  much.code_user = use.limit.code_all;
  tally.gives("one user may fill the cache", call(device, IPJIT_IOC_BUDGET, &much), {0});
  std::vector<Filter> filters;
  std::vector<uint64_t> ids;
  unsigned refused = 0;
  while (info(device).code_used + 8192 < info(device).code_size && filters.size() < 1000) {
    filters.push_back(quiet(0x6000 + static_cast<uint32_t>(filters.size())));
    ids.push_back(filters.back().id(device));
    refused += unit_of(ids.back(), 1000).send(device) != 0;
  }
  tally.equal("installs refused of " + std::to_string(ids.size()), refused, 0);
  tally.expect("the code cache is full", info(device).code_used + 8192 >= info(device).code_size,
               std::to_string(info(device).code_used));
  for (const uint64_t id : ids) {
    ipjit_dev_target target = {.id = id, .version = version_of(device, id)};
    call(device, IPJIT_IOC_RETREAT, &target);
  }
  const uint64_t waiting = 64 * ids.size();
  for (int i = 0; i < 3000 && info(device).code_used > waiting; ++i) usleep(20'000);
  tally.equal("only trampolines that wait are left", info(device).code_used, waiting);
  tally.gives("a large unit has room", unit_of(ids[0], 30'000).send(device), {0});
  set_mode(tally, device, IPJIT_DEV_OFF);
  tally.gives("the old limit", call(device, IPJIT_IOC_BUDGET, &use.limit), {0});
}

int run() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  const rlimit files = {.rlim_cur = 8192, .rlim_max = 8192};
  if (sched_setaffinity(0, sizeof first, &first) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
    std::perror("crowd");
  Tally tally;
  const Fd device = open_device();
  test_dying(tally, device);
  test_shared(tally, device);
  test_pieces(tally, device);
  nothing_stays(device, tally);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main() { return ipjit::door::run(); }
