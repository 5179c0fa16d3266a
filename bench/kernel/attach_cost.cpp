// SPDX-License-Identifier: BSD-2-Clause
// How many packets pass a new filter before our code answers for it, at 10,000 packets a second.
//
//   attach_cost SEND RECEIVE [ROUNDS]
//
// (b to j; a asks nothing of a packet and stays with the kernel.)  One process sends a frame every
// 100 us on interface SEND; meanwhile packet sockets with the filters of bench/filters.h are opened
// one by one on RECEIVE, its peer, and each is kept until the module says that our code
// answers for it.  The median and the largest go to standard output as JSON.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "bench/filters.h"
#include "bench/traffic/traffic.h"
#include "runtime/kernel/device.h"

namespace {

constexpr long kGapNs = 100'000;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

long now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void bind_to(int fd, const char* interface, uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die(interface);
}

/// Sends until it is killed; by the clock, so that a late frame does not make the next one late.
[[noreturn]] void send_for_ever(const char* interface) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const ipjit::bench::Traffic traffic = ipjit::bench::generate(256);
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) die("packet socket");
  bind_to(fd, interface, 0);
  timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (size_t i = 0;; ++i) {
    const ipjit_packet& packet = traffic.packets()[i % traffic.packets().size()];
    // What is too long for the interface is a packet less, and no error.
    (void)!send(fd, packet.data, packet.caplen, 0);
    next.tv_nsec += kGapNs;
    if (next.tv_nsec >= 1'000'000'000) {
      next.tv_nsec -= 1'000'000'000;
      ++next.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
  }
}

int open_tap(const char* interface, const ipjit::bench::Filter& filter, long& begun) {
  pcap_t* const pcap = pcap_open_dead(DLT_EN10MB, 262144);
  bpf_program program;
  if (pcap_compile(pcap, &program, filter.expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    die("compiling");
  }
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  bind_to(fd, interface, ETH_P_ALL);
  const sock_fprog attached{static_cast<unsigned short>(program.bf_len),
                            reinterpret_cast<sock_filter*>(program.bf_insns)};
  begun = now_ns();
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) != 0) die("attach");
  pcap_freecode(&program);
  pcap_close(pcap);
  return fd;
}

/// Packets that were due between `begun` and the moment when the newest filter was seen to run our
/// code; -1: it never did.  By the clock, because the module counts only what our code has seen.
long first_native(ipjit::kernel::Device& device, long begun) {
  for (int tries = 0; tries < 50'000; ++tries) {
    const auto filters = device.list();
    const long passed = (now_ns() - begun) / kGapNs;
    if (filters && !filters->empty() && filters->back().tier > 0) return passed;
    usleep(100);
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: attach_cost SEND RECEIVE [ROUNDS]\n", stderr);
    return 2;
  }
  auto device = ipjit::kernel::open_device();
  if (!device) {
    std::fprintf(stderr, "attach_cost: %s\n", to_string(device.error()).c_str());
    return 1;
  }
  const pid_t sender = fork();
  if (sender == 0) send_for_ever(argv[1]);
  std::vector<long> packets;
  for (int round = 0; round < (argc > 3 ? std::atoi(argv[3]) : 5); ++round) {
    for (const char id : std::string("bcdefgij")) {
      long begun = 0;
      const int fd = open_tap(argv[2], ipjit::bench::filter(id), begun);
      packets.push_back(first_native(**device, begun));
      close(fd);
      usleep(50'000);  // its slot goes before the next one comes
    }
  }
  kill(sender, SIGKILL);
  waitpid(sender, nullptr, 0);
  std::sort(packets.begin(), packets.end());
  std::printf("{\"filters\": %zu, \"never\": %td, \"median\": %ld, \"max\": %ld}\n", packets.size(),
              std::count(packets.begin(), packets.end(), -1L), packets[packets.size() / 2],
              packets.back());
  return packets.front() < 0 ? 1 : 0;
}
