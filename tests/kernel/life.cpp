// SPDX-License-Identifier: BSD-2-Clause
// The life of a filter, one scene at a time:  life SCENE
//
//   - take, replace, detach, close, fork, clone, lock, raw, unix, extended: on a loaded module
//   - hold N TAG: attaches filters that return TAG, +1, +2, +3 to a packet, a UDP, a TCP and a raw
//     socket, prints "held", waits N seconds; hold-behind-thread N TAG: a thread of that process
//     has a lower number than its own
//   - find TAG: succeeds once a filter that returns TAG is taken over; absent TAG: if it is not
//   - native TAG: the same, and installs code for it that returns TAG
//   - idle: succeeds if no filter is taken over and no code is left
//   - traffic N: sends N frames over lo past a filter with code of ours, must receive all N, and
//   have
//     installed code
//   - churn N SEED: N times: attach, install, send, replace or close, at random; some installs must
//     succeed, and others may only find that the filter is not there (yet)
//
// Filters are told apart by what they return.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "tests/kernel/filters.h"

namespace ipjit::door {
namespace {

Tally tally;

/// For what comes at once, unless the host has no time for the guest.
constexpr int kPatienceMs = 10'000;

/// What makes a frame this process's own; a fork has its parent's.
const auto kSender = static_cast<uint16_t>(getpid());

/// A frame of an EtherType that nobody else uses.
void send_frame(int fd, uint32_t number) {
  uint8_t frame[60] = {};
  frame[12] = 0x88;
  frame[13] = 0xb5;
  std::memcpy(frame + 14, &number, sizeof number);
  std::memcpy(frame + 18, &kSender, sizeof kSender);
  sockaddr_ll to = {};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
  to.sll_halen = 6;
  if (sendto(fd, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0)
    std::perror("sendto");
}

bool is_ours(const uint8_t* frame, std::optional<uint32_t> number) {
  return std::memcmp(frame + 18, &kSender, sizeof kSender) == 0 &&
         (!number || std::memcmp(frame + 14, &*number, sizeof *number) == 0);
}

/// Bytes of the next frame of ours that arrives, or of the one with this number; 0 if none does.
/// No verdict here cuts a frame before its sender.
size_t receive(int fd, std::optional<uint32_t> number = {}) {
  const auto latest = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (std::chrono::steady_clock::now() < latest) {
    uint8_t frame[256] = {};
    pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, kPatienceMs) <= 0) return 0;
    sockaddr_ll from = {};
    socklen_t size = sizeof from;
    const ssize_t got =
        recvfrom(fd, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got > 0 && from.sll_protocol == htons(0x88b5) && from.sll_pkttype != PACKET_OUTGOING &&
        is_ours(frame, number))
      return static_cast<size_t>(got);
  }
  return 0;
}

void take(const Fd& device) {
  Fd fd = packet_socket();
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("an attached filter is taken over", taken(device, tag));
  const auto filter = look(device, tag).value_or(ipjit_dev_filter{});
  tally.equal("its family", filter.family, AF_PACKET);
  tally.equal("its type", filter.type, SOCK_RAW);
  tally.equal("its interface", filter.ifindex, if_nametoindex("lo"));
  tally.equal("its uid", filter.uid, getuid());
  Fd sender = packet_socket();
  send_frame(sender.get(), 1);
  tally.equal("before code: all of a frame", receive(fd.get()), 60);
  tally.gives("code is installed", install(device, tag, 20), {0});
  send_frame(sender.get(), 2);
  tally.equal("our verdict counts", receive(fd.get()), 20);
  const auto now = look(device, tag).value_or(ipjit_dev_filter{});
  tally.expect("packets are counted", now.packets >= 2 && now.native >= 1,
               std::to_string(now.packets) + " packets, " + std::to_string(now.native) + " ours");
  ipjit_dev_target target = {.id = now.id, .version = now.version};
  tally.gives("a retreat", call(device, IPJIT_IOC_RETREAT, &target), {0});
  send_frame(sender.get(), 3);
  tally.equal("the kernel's verdict counts again", receive(fd.get()), 60);
  tally.gives("install again", install(device, tag, 21), {0});
  target = {.id = now.id, .version = 0};
  tally.gives("evict", call(device, IPJIT_IOC_EVICT, &target), {0});
  send_frame(sender.get(), 4);
  tally.equal("an evicted filter is the kernel's", receive(fd.get()), 60);
  tally.gives("and is offered no code", install(device, tag, 22), {EBUSY});
}

void replace(const Fd& device) {
  Fd fd = packet_socket(), sender = packet_socket();
  const uint32_t first = fresh_tag(), second = fresh_tag();
  attach(fd.get(), first);
  tally.expect("the first is taken over", taken(device, first));
  tally.gives("with code", install(device, first, 20), {0});
  attach(fd.get(), second);
  send_frame(sender.get(), 1);
  tally.equal("the second decides at once", receive(fd.get()), 60);
  tally.expect("the second is taken over", taken(device, second));
  tally.expect("the first is given back", released(device, first));
}

void detach(const Fd& device) {
  Fd fd = packet_socket(), sender = packet_socket();
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("taken over", taken(device, tag));
  tally.gives("with code", install(device, tag, 20), {0});
  const int none = 0;
  tally.equal(
      "detached",
      static_cast<uint64_t>(setsockopt(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none)),
      0);
  send_frame(sender.get(), 1);
  tally.equal("no filter decides", receive(fd.get()), 60);
  tally.expect("given back", released(device, tag));
}

void close(const Fd& device) {
  Fd fd = packet_socket();
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("taken over", taken(device, tag));
  tally.gives("with code", install(device, tag, 20), {0});
  fd.close();
  tally.expect("given back", released(device, tag));
}

/// A child holds the socket longer than its parent.
void fork(const Fd& device) {
  Fd fd = packet_socket();
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("taken over", taken(device, tag));
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) std::perror("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    char byte;
    ::close(pipe_fds[1]);
    (void)!read(pipe_fds[0], &byte, 1);
    _exit(0);
  }
  fd.close();
  usleep(700'000);
  tally.expect("the child's copy keeps it", look(device, tag).has_value());
  ::close(pipe_fds[1]);
  waitpid(child, nullptr, 0);
  ::close(pipe_fds[0]);
  tally.expect("given back when the child ends", released(device, tag));
}

/// A connection inherits its listener's filter, and holds it longer.
void clone(const Fd& device) {
  Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      listen(listener.get(), 4) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    std::perror("listen");
  const uint32_t tag = fresh_tag();
  attach(listener.get(), tag);
  tally.expect("a listener's filter is taken over", taken(device, tag));
  tally.gives("with code", install(device, tag, 0xffff), {0});
  Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  tally.equal(
      "connect",
      static_cast<uint64_t>(connect(client.get(), reinterpret_cast<sockaddr*>(&at), sizeof at)), 0);
  Fd server(accept(listener.get(), nullptr, nullptr));
  listener.close();
  usleep(700'000);
  tally.expect("the connection keeps it", look(device, tag).has_value());
  char text[8] = {};
  (void)!write(client.get(), "hello", 5);
  tally.expect("and talks",
               read(server.get(), text, sizeof text) == 5 && std::string(text) == "hello", text);
  tally.expect("through our code", look(device, tag).value_or(ipjit_dev_filter{}).native > 0);
  server.close();
  client.close();
  tally.expect("given back with the last one", released(device, tag));
}

void lock(const Fd& device) {
  Fd fd = packet_socket(), sender = packet_socket();
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  const int yes = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_LOCK_FILTER, &yes, sizeof yes) != 0)
    std::perror("SO_LOCK_FILTER");
  tally.expect("a locked filter is taken over", taken(device, tag));
  tally.expect("and known to be locked", soon([&] {
                 return (look(device, tag).value_or(ipjit_dev_filter{}).flags & IPJIT_DEV_LOCKED) !=
                        0;
               }));
  tally.gives("with code", install(device, tag, 20), {0});
  send_frame(sender.get(), 1);
  tally.equal("which decides", receive(fd.get()), 20);
  tally.equal("and stays locked",
              setsockopt(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, &yes, sizeof yes)
                  ? static_cast<uint64_t>(errno)
                  : 0,
              EPERM);
  fd.close();
  tally.expect("given back", released(device, tag));
}

/// A raw socket's filter sees packets from the IP header on.
void raw(const Fd& device) {
  Fd fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP)),
      sender(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const uint8_t payload[32] = {};
  const auto send_and_receive = [&]() -> uint64_t {
    if (sendto(sender.get(), payload, sizeof payload, 0, reinterpret_cast<sockaddr*>(&to),
               sizeof to) < 0)
      std::perror("sendto");
    pollfd ready = {.fd = fd.get(), .events = POLLIN, .revents = 0};
    uint8_t packet[256];
    if (poll(&ready, 1, kPatienceMs) <= 0) return 0;
    return static_cast<uint64_t>(recv(fd.get(), packet, sizeof packet, 0));
  };
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("a raw socket's filter is taken over", taken(device, tag));
  const auto filter = look(device, tag).value_or(ipjit_dev_filter{});
  tally.equal("its family", filter.family, AF_INET);
  tally.equal("its type", filter.type, SOCK_RAW);
  tally.equal("its protocol", filter.protocol, IPPROTO_UDP);
  // A packet socket's is not known if a sweep is quicker than the probe.
  tally.expect("its process", std::string(filter.comm) == "life", filter.comm);
  tally.equal("before code: headers and payload", send_and_receive(), 60);
  // Version and header length are the first byte that it sees: 0x45, and no link header.
  const Bytes first_byte = Bytes{0x48, 0x83, 0xfe, 0x01, 0x72, 0x08,  // cmp rsi, 1; jb + 8
                                 0x0f, 0xb6, 0x07} +                  // movzx eax, byte [rdi]
                           kRet +
                           Bytes{0x31, 0xc0} + kRet;  // xor eax, eax
  tally.gives("code is installed", Unit(filter.id, first_byte, filter.version).send(device), {0});
  tally.equal("our verdict, 0x45 if it were longer", send_and_receive(), 60);
  tally.gives("other code", install(device, tag, 28), {0});
  tally.equal("our verdict counts", send_and_receive(), 28);
  fd.close();
  tally.expect("given back", released(device, tag));
}

/// Other families stay with the kernel, and are counted.
void unix(const Fd& device) {
  const uint64_t before = info(device).left[IPJIT_DEV_LEFT_family];
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("counted as left alone",
               soon([&] { return info(device).left[IPJIT_DEV_LEFT_family] > before; }));
  tally.expect("and not taken over", !look(device, tag));
}

/// So do eBPF programs, which sk_attach_bpf brings in.
void extended(const Fd& device) {
  const uint64_t before = info(device).left[IPJIT_DEV_LEFT_extended];
  const bpf_insn insns[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0xffff},
                            {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attr = {};
  attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insn_cnt = 2;
  attr.insns = address(insns);
  attr.license = address("GPL");
  const Fd program(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  Fd fd = packet_socket(), sender = packet_socket();
  const int number = program.get();
  tally.equal("an eBPF program is attached",
              static_cast<uint64_t>(
                  setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_BPF, &number, sizeof number)),
              0);
  tally.expect("counted as left alone",
               soon([&] { return info(device).left[IPJIT_DEV_LEFT_extended] > before; }));
  send_frame(sender.get(), 1);
  tally.equal("and decides", receive(fd.get()), 60);
}

int hold(unsigned seconds, uint32_t tag) {
  // A sweep looks at a process's files in pieces: these stand before the sockets.
  std::vector<Fd> others;
  for (int i = 0; i < 700; ++i) others.emplace_back(open("/dev/null", O_RDONLY));
  Fd packet = packet_socket(), udp(socket(AF_INET, SOCK_DGRAM, 0)),
     tcp(socket(AF_INET6, SOCK_STREAM, 0)), raw(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  if (!attach(packet.get(), tag) || !attach(udp.get(), tag + 1) || !attach(tcp.get(), tag + 2) ||
      !attach(raw.get(), tag + 3))
    return 1;
  std::puts("held");
  std::fflush(stdout);
  sleep(seconds);
  return 0;
}

/// The same in a process that has a thread with a lower number than its own, as when numbers wrap.
int hold_behind_thread(unsigned seconds, uint32_t tag) {
  const auto next_number = [](int above) {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << above << std::flush;
  };
  next_number(20'000);
  if (const pid_t child = ::fork(); child != 0) {
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }
  next_number(10'000);
  std::atomic<pid_t> number{0};
  std::thread([&] {
    number = static_cast<pid_t>(syscall(SYS_gettid));
    while (true) pause();
  }).detach();
  while (number == 0) sched_yield();
  if (number > getpid())
    return std::fprintf(stderr, "life: the thread is %d, behind %d\n", number.load(), getpid()), 1;
  return hold(seconds, tag);
}

/// What became of installs for filters that come and go: some are there, others not yet or no
/// longer.
class Installs {
 public:
  void add(int error) { ++outcomes_[error]; }
  void judge() {
    for (const auto& [error, times] : outcomes_) {
      std::printf("install: %s %u times\n", word(error).c_str(), times);
      tally.gives("an install", error, {0, ENOENT, ESTALE});
    }
    tally.expect("code of ours was there", outcomes_[0] > 0);
  }

 private:
  std::map<int, uint32_t> outcomes_;
};

/// Frames are numbered, so a lost one is known; the receive buffer holds a window of them.
int traffic(uint32_t frames) {
  Fd fd = packet_socket(), sender = packet_socket();
  // Others' frames come in here, too, also while this process does not run.
  const int room = 64 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  uint32_t missing = 0;
  Installs installs;
  for (uint32_t i = 0; i < frames && missing < 10; ++i) {
    if (i % 256 == 0) {
      // The module comes and goes; whenever it is there, our code decides.
      const Fd device = open_device();
      if (device.get() >= 0) installs.add(install(device, tag, tag));
    }
    send_frame(sender.get(), i);
    missing += receive(fd.get(), i) != 60;
  }
  tally.equal("frames lost of " + std::to_string(frames), missing, 0);
  installs.judge();
  return tally.status();
}

int churn(uint32_t rounds, uint64_t seed) {
  Random random(seed);
  Fd sender = packet_socket();
  Installs installs;
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < rounds; ++i) {
    Fd fd = packet_socket();
    const uint32_t tag = fresh_tag() % 4096 + 70'000;
    wrong += !attach(fd.get(), tag);
    if (random.below(4) == 0)
      if (const Fd device = open_device(); device.get() >= 0) {
        // Half of them wait until it is taken over.
        if (random.below(2)) taken(device, tag, 1);
        installs.add(install(device, tag, tag));
      }
    send_frame(sender.get(), i);
    if (random.below(3) == 0) wrong += !attach(fd.get(), tag + 1);
    const int none = 0;
    if (random.below(3) == 0)
      wrong += setsockopt(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) != 0;
  }
  tally.equal("attaches and detaches that failed in " + std::to_string(rounds) + " rounds", wrong,
              0);
  installs.judge();
  return tally.status();
}

int scene(const std::string& name) {
  static const std::map<std::string, void (*)(const Fd&)> scenes = {
      {"take", take},         {"replace", replace}, {"detach", detach}, {"close", close},
      {"fork", fork},         {"clone", clone},     {"lock", lock},     {"raw", raw},
      {"extended", extended}, {"unix", unix}};
  const auto found = scenes.find(name);
  if (found == scenes.end()) return std::fprintf(stderr, "life: no scene '%s'\n", name.c_str()), 2;
  found->second(open_device());
  return tally.status();
}

int run(const std::string& verb, uint32_t number, uint32_t other) {
  if (verb == "hold") return hold(number, other);
  if (verb == "hold-behind-thread") return hold_behind_thread(number, other);
  if (verb == "find") return taken(open_device(), number) ? 0 : 1;
  if (verb == "absent") return taken(open_device(), number, 2) ? 1 : 0;
  if (verb == "native") {
    const Fd device = open_device();
    return taken(device, number) && install(device, number, number) == 0 ? 0 : 1;
  }
  if (verb == "idle") {
    const ipjit_dev_info now = info(open_device());
    return now.version && now.filters == 0 && now.code_used == 0 && now.table_used == 0 ? 0 : 1;
  }
  if (verb == "traffic") return traffic(number);
  if (verb == "churn") return churn(number, other);
  return scene(verb);
}

}  // namespace
}  // namespace ipjit::door

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("life: which scene?\n", stderr), 2;
  const auto number = [&](int i) {
    return argc > i ? static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 0)) : 0;
  };
  return ipjit::door::run(argv[1], number(2), number(3));
}
