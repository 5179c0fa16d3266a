// SPDX-License-Identifier: BSD-2-Clause
// Random calls to /dev/ipjit from several threads, without manners.
//
//   ioctl_fuzz [SEED [SECONDS [THREADS]]]      in the virtual machine
//
// The threads share a few device files and a few sockets and take no turns: one closes what another
// is using, replaces the filter that a third installs code for, pauses, evicts, lowers the budget.
// Arguments are sensible, or sensible with a few bits changed, or noise.  No answer is wrong here;
// what counts is that the machine stays whole, which the script that calls this sees in the
// kernel's log, and that nothing stays behind once everything is closed.
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/kernel/door.h"

namespace ipjit::door {
namespace {

constexpr size_t kFiles = 6;
constexpr size_t kSockets = 12;
constexpr size_t kSample = 64 << 10;  ///< bytes mapped of the sample area, at most

/// What the threads share; numbers of files, closed and opened by whoever comes by.
struct World {
  std::array<std::atomic<int>, kFiles> file;
  std::array<std::atomic<int>, kSockets> socket;
  std::atomic<uint64_t> newest_id = 1, newest_version = 0;
  std::atomic<uint64_t> calls = 0, installs = 0;
};

void swap_fd(std::atomic<int>& place, int fd) {
  const int old = place.exchange(fd);
  if (old >= 0) close(old);
}

class Monkey {
 public:
  Monkey(World& world, uint64_t seed) : world_(world), random_(seed) {}

  void step() {
    ++world_.calls;
    switch (random_.below(16)) {
      case 0:
        return open_or_close();
      case 1:
        return attach();
      case 2:
        return detach();
      case 3:
        return send();
      case 4:
        return read_events();
      case 5:
        return map_samples();
      case 6:
        return policy();
      case 7:
        return noise();
      case 8:
        return random_.below(20) ? ask() : fork_and_ask();
      case 9:
        return ask();
      case 10:
        return look();
      default:
        return install();
    }
  }

 private:
  int file() { return world_.file[random_.below(kFiles)]; }
  std::atomic<int>& socket() { return world_.socket[random_.below(kSockets)]; }

  /// A word that is one of these, or one off, or any.
  uint64_t word(std::initializer_list<uint64_t> some) {
    const uint64_t value = some.begin()[random_.below(some.size())];
    switch (random_.below(8)) {
      case 0:
        return value + 1;
      case 1:
        return value ^ uint64_t { 1 } << random_.below(64);
      case 2:
        return random_();
      default:
        return value;
    }
  }
  uint64_t id() { return word({world_.newest_id - random_.below(4), world_.newest_id}); }
  uint64_t version() {
    return word({0, world_.newest_version, world_.newest_version - random_.below(4)});
  }

  void open_or_close() {
    const int flags[] = {O_RDWR, O_RDWR, O_RDONLY, O_WRONLY};
    const int fd = random_.below(4)
                       ? open(IPJIT_DEV_PATH, flags[random_.below(4)] | O_NONBLOCK | O_CLOEXEC)
                       : -1;
    swap_fd(world_.file[random_.below(kFiles)], fd);
  }

  void attach() {
    std::atomic<int>& place = socket();
    if (random_.below(3) == 0) {
      const bool packet = random_.below(2);
      swap_fd(place, packet ? ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))
                            : ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    }
    sock_filter insns[] = {
        {BPF_LD | BPF_IMM, 0, 0, static_cast<uint32_t>(random_())},
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, static_cast<uint32_t>(random_.below(64))},
        {BPF_RET | BPF_A, 0, 0, 0}};
    const sock_fprog program = {.len = 3, .filter = insns};
    const int fd = place, one = 1;
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    if (random_.below(16) == 0) setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof one);
  }

  void detach() {
    const int none = 0;
    if (random_.below(2))
      swap_fd(socket(), -1);
    else
      setsockopt(socket(), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
  }

  void send() {
    Fd from(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<uint8_t> bytes(random_.below(9000));
    for (uint64_t n = random_.below(64); n > 0; --n)
      sendto(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to),
             sizeof to);
  }

  void read_events() {
    std::array<ipjit_dev_event, 64> events;
    const ssize_t got =
        read(file(), events.data(), word({sizeof events, 24, 48}) % (sizeof events + 1));
    for (ssize_t i = 0; i < got / ssize_t{sizeof events[0]}; ++i)
      if (events[i].id > world_.newest_id) world_.newest_id = events[i].id;
    pollfd one = {.fd = file(), .events = POLLIN, .revents = 0};
    poll(&one, 1, 0);
  }

  void map_samples() {
    const int protections[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_NONE};
    const size_t bytes = 4096 * (1 + random_.below(kSample / 4096));
    void* at =
        mmap(nullptr, bytes, protections[random_.below(4)],
             random_.below(2) ? MAP_SHARED : MAP_PRIVATE, file(),
             static_cast<off_t>(4096 * (random_.below(4) ? random_.below(64) : random_() >> 14)));
    if (at == MAP_FAILED) return;
    if (mprotect(at, bytes, PROT_READ) == 0) seen_ += *static_cast<volatile uint8_t*>(at);
    mprotect(at, bytes, PROT_READ | PROT_WRITE);
    munmap(at, bytes);
  }

  void policy() {
    auto value = static_cast<uint32_t>(word({0, 1, 2}));
    ipjit_dev_target target = {.id = id(), .version = random_.below(8) ? 0 : version()};
    ipjit_dev_budget budget = {};
    switch (random_.below(8)) {
      case 0:
        return ask(IPJIT_IOC_MODE, &value);
      case 1:
        return ask(IPJIT_IOC_SHADOW, &value);
      case 2:
        return ask(IPJIT_IOC_PAUSE, &value);
      case 3:
        return ask(IPJIT_IOC_EVICT, &target);
      case 4:
        return ask(IPJIT_IOC_SWEEP, nullptr);
      case 5:
        budget.code_user = word({4096, 1 << 20, 0});
        budget.code_all = word({8192, 1 << 20, 0});
        budget.table_user = word({1 << 16, 1 << 26, 0});
        budget.filters_user = word({1, 1024, 0});
        return ask(IPJIT_IOC_BUDGET, &budget);
      default:
        value = IPJIT_DEV_ON;
        return ask(IPJIT_IOC_MODE, &value);
    }
  }

  /// Any number of a call, any bytes, any address.
  void noise() {
    std::array<uint64_t, 160> bytes;
    for (uint64_t& b : bytes) b = random_.below(3) ? 0 : random_();
    const uint64_t verb =
        random_.below(2) ? _IOC(random_.below(4), 'j', random_.below(0x48), random_.below(1024))
                         : random_();
    const uint64_t at =
        random_.below(4) ? address(bytes.data()) : word({0, 4096, 0xffff'ffff'8100'0000});
    ioctl(file(), verb, at);
  }

  void ask() {
    ipjit_dev_counters counters = {};
    counters.id = id();
    counters.version = version();
    ipjit_dev_target target = {.id = id(), .version = version()};
    ipjit_dev_use use = {};
    use.what = static_cast<uint32_t>(word({0, 1, 2}));
    use.key = word({0, 0, 1000});
    use.pad = random_.below(8) == 0;
    ask(IPJIT_IOC_COUNTERS, &counters);
    ask(IPJIT_IOC_RETREAT, &target);
    ask(IPJIT_IOC_USE, &use);
  }

  void look() {
    ipjit_dev_info info;
    std::array<ipjit_dev_filter, 8> some;
    ipjit_dev_list list = {.after = random_.below(2) ? 0 : id(),
                           .filters = address(some.data()),
                           .capacity = 8,
                           .count = 0};
    ask(IPJIT_IOC_INFO, &info);
    ask(IPJIT_IOC_LIST, &list);
    std::array<sock_filter, 4> insns;
    ipjit_dev_program program = {.id = id(),
                                 .insns = address(insns.data()),
                                 .capacity = static_cast<uint32_t>(random_.below(5)),
                                 .count = 0};
    ask(IPJIT_IOC_PROGRAM, &program);
  }

  void fork_and_ask() {
    const pid_t child = fork();
    if (child == 0) {
      ipjit_dev_info info;
      ask(IPJIT_IOC_INFO, &info);
      _exit(0);
    }
    if (child > 0) waitpid(child, nullptr, 0);
  }

  /// A filter that is there, mostly; else only an id.
  bool choose(int fd, ipjit_dev_filter& filter) {
    std::array<ipjit_dev_filter, kSockets> all;
    ipjit_dev_list list = {
        .after = 0, .filters = address(all.data()), .capacity = kSockets, .count = 0};
    filter.id = id();
    if (random_.below(4) == 0 || ioctl(fd, IPJIT_IOC_LIST, &list) != 0 || list.count == 0)
      return ioctl(fd, IPJIT_IOC_FILTER, &filter) == 0;
    filter = all[random_.below(list.count)];
    return true;
  }

  void install() {
    ipjit_dev_filter filter = {};
    const int fd = file();
    const bool known = choose(fd, filter);
    Unit unit(filter.id,
              random_.below(2) ? reads_ethertype() : returns(static_cast<uint32_t>(random_())),
              known && random_.below(8) ? filter.version : version());
    unit.ask.tier = static_cast<uint32_t>(word({1, 1, 2}));
    unit.ask.guard = static_cast<uint32_t>(word({0, 0, 1, 1024}));
    unit.contract.fields = random_.below(2) ? 0 : random_() & info_fields(fd);
    unit.contract.counters = static_cast<uint32_t>(word({0, 1, 64}));
    if (random_.below(3) == 0) {
      unit.contract.nr_tables = 1;
      unit.contract.table[0] = {IPJIT_TABLE_IN_CTX, static_cast<uint32_t>(random_.below(16)),
                                1 + random_.below(9000)};
      unit.tables.assign(unit.contract.table[0].size, 0x77);
    }
    if (random_.below(3) == 0)
      unit.code[random_.below(unit.code.size())] = static_cast<uint8_t>(random_());
    if (random_.below(16) == 0) unit.ask.code_len = static_cast<uint32_t>(word({1, 1 << 16}));
    if (random_.below(16) == 0)
      reinterpret_cast<uint8_t*>(&unit.contract)[random_.below(sizeof unit.contract)] ^=
          1 << random_.below(8);
    if (ioctl(fd, IPJIT_IOC_INSTALL, &unit.ready()) != 0) return;
    world_.newest_version = unit.ask.version;
    ++world_.installs;
  }

  uint64_t info_fields(int fd) {
    ipjit_dev_info info = {};
    ioctl(fd, IPJIT_IOC_INFO, &info);
    return info.fields;
  }

  void ask(unsigned long verb, void* argument) { ioctl(file(), verb, argument); }

  World& world_;
  Random random_;
  uint64_t seen_ = 0;
};

void set_back(const Fd& device) {
  uint32_t off = 0, on = IPJIT_DEV_ON;
  ipjit_dev_budget budget = {1 << 20, 1 << 20, 1 << 20, 64 << 20, 64 << 20, 64 << 20, 1024};
  call(device, IPJIT_IOC_PAUSE, &off);
  call(device, IPJIT_IOC_SHADOW, &off);
  call(device, IPJIT_IOC_BUDGET, &budget);
  call(device, IPJIT_IOC_MODE, &on);
}

int run(uint64_t seed, unsigned seconds, unsigned threads) {
  Tally tally;
  World world;
  for (auto& fd : world.file) fd = open(IPJIT_DEV_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  for (auto& fd : world.socket) fd = -1;
  tally.expect("the device opens", world.file[0] >= 0, word(errno));
  {
    std::vector<std::jthread> monkeys;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    for (unsigned i = 0; i < threads; ++i)
      monkeys.emplace_back([&world, seed, i, end] {
        Monkey monkey(world, seed * 1000 + i);
        while (std::chrono::steady_clock::now() < end) monkey.step();
      });
  }
  for (auto& fd : world.file) swap_fd(fd, -1);
  for (auto& fd : world.socket) swap_fd(fd, -1);
  std::printf("# seed %llu: %llu steps, %llu units installed\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(world.calls),
              static_cast<unsigned long long>(world.installs));
  tally.expect("units were installed", world.installs > 0);
  Fd device = open_device();
  set_back(device);
  nothing_stays(device, tally);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 1;
  const auto seconds = static_cast<unsigned>(argc > 2 ? std::strtoul(argv[2], nullptr, 0) : 10);
  const auto threads = static_cast<unsigned>(argc > 3 ? std::strtoul(argv[3], nullptr, 0) : 3);
  return ipjit::door::run(seed, seconds, threads);
}
