// SPDX-License-Identifier: BSD-2-Clause
#include "tests/kernel/replay/taps.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>

#include "tests/kernel/replay/sender.h"

namespace ipjit::replay {
namespace {

constexpr bpf_u_int32 kNetmask = 0x00ffffff;  // 255.255.255.0, network order
constexpr uint32_t kNetOff = static_cast<uint32_t>(SKF_NET_OFF);
constexpr uint32_t kLinkOff = static_cast<uint32_t>(SKF_LL_OFF);

constexpr uint32_t ancillary(uint32_t field) { return static_cast<uint32_t>(SKF_AD_OFF) + field; }

sock_filter statement(uint32_t code, uint32_t k) { return {static_cast<uint16_t>(code), 0, 0, k}; }

/// Reads with one instruction and answers with what was read, and 1 more: 0 would be no answer.
Program reading(std::string name, std::vector<sock_filter> insns) {
  insns.push_back(statement(BPF_ALU | BPF_AND | BPF_K, 0xff));
  insns.push_back(statement(BPF_ALU | BPF_ADD | BPF_K, 1));
  insns.push_back(statement(BPF_RET | BPF_A, 0));
  return {std::move(name), std::move(insns)};
}

int tap_socket(const std::vector<sock_filter>& insns) {
  // Bound to nothing until the filter is on, so that no packet passes without it.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  if (fd < 0) die("packet socket");
  if (!insns.empty()) {
    const sock_fprog attached{static_cast<unsigned short>(insns.size()),
                              const_cast<sock_filter*>(insns.data())};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) != 0) {
      close(fd);
      return -1;
    }
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("bind");
  return fd;
}

/// Reads one packet: how much of it the filter took.  False: nothing is there.
bool receive(int fd, uint32_t& bytes, bool& outgoing) {
  std::array<uint8_t, 16> head;
  sockaddr_ll from{};
  socklen_t size = sizeof(from);
  const ssize_t got =
      recvfrom(fd, head.data(), head.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) return false;
  bytes = static_cast<uint32_t>(got);
  outgoing = from.sll_pkttype == PACKET_OUTGOING;
  return true;
}

}  // namespace

std::vector<Program> compiled(const std::string& file, const std::string& interface) {
  char why[PCAP_ERRBUF_SIZE];
  pcap_t* const live = pcap_open_live(interface.c_str(), 262144, 1, 0, why);
  if (!live) {
    errno = ENODEV;
    die(why);
  }
  std::vector<Program> programs;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    bpf_program program;
    if (pcap_compile(live, &program, line.c_str(), 1, kNetmask) != 0) {
      errno = EINVAL;
      die("'" + line + "': " + pcap_geterr(live));
    }
    const auto* const insns = reinterpret_cast<const sock_filter*>(program.bf_insns);
    programs.push_back({line, {insns, insns + program.bf_len}});
    pcap_freecode(&program);
  }
  pcap_close(live);
  return programs;
}

std::vector<Program> handwritten() {
  const auto load = [](uint32_t width, uint32_t k) {
    return statement(BPF_LD | width | BPF_ABS, k);
  };
  const auto indirect = [](uint32_t x, uint32_t width, uint32_t k) {
    return std::vector<sock_filter>{statement(BPF_LDX | BPF_IMM, x),
                                    statement(BPF_LD | width | BPF_IND, k)};
  };
  const std::pair<const char*, uint32_t> fields[] = {
      {"protocol", SKF_AD_PROTOCOL},    {"pkttype", SKF_AD_PKTTYPE},
      {"ifindex", SKF_AD_IFINDEX},      {"mark", SKF_AD_MARK},
      {"queue", SKF_AD_QUEUE},          {"hatype", SKF_AD_HATYPE},
      {"vlan tci", SKF_AD_VLAN_TAG},    {"vlan present", SKF_AD_VLAN_TAG_PRESENT},
      {"vlan proto", SKF_AD_VLAN_TPID}, {"payload offset", SKF_AD_PAY_OFFSET},
      {"alu xor x", SKF_AD_ALU_XOR_X},
  };
  std::vector<Program> programs;
  for (const auto& [name, field] : fields) {
    programs.push_back(reading(name, {load(BPF_W, ancillary(field))}));
  }
  programs.push_back(reading("len", {statement(BPF_LD | BPF_W | BPF_LEN, 0)}));
  programs.push_back(reading(
      "msh", {statement(BPF_LDX | BPF_B | BPF_MSH, 14), statement(BPF_LD | BPF_H | BPF_IND, 16)}));
  for (const uint32_t k : {0u, 9u, 40u, 100u}) {
    const std::string at = std::to_string(k);
    programs.push_back(reading("net byte " + at, {load(BPF_B, kNetOff + k)}));
    programs.push_back(reading("link half " + at, {load(BPF_H, kLinkOff + k)}));
    programs.push_back(reading("word " + at, {load(BPF_W, k)}));
    programs.push_back(reading("indirect net " + at, indirect(kNetOff, BPF_B, k)));
    programs.push_back(reading("indirect wraps " + at, indirect(0xfffffff0u, BPF_B, 16 + k)));
    programs.push_back(reading("far " + at, indirect(0x7fffff00u, BPF_W, k)));
  }
  return programs;
}

Taps::Taps(const std::vector<Program>& programs)
    : witness_(tap_socket({})), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (size_t i = 0; i < programs.size(); ++i) {
    const int fd = tap_socket(programs[i].insns);
    if (fd < 0) {
      std::fprintf(stderr, "replay: the kernel refuses '%s'\n", programs[i].name.c_str());
      continue;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    fds_[i] = fd;
  }
}

Taps::~Taps() {
  for (const auto& [tap, fd] : fds_) close(fd);
  close(epoll_);
  close(witness_);
}

bool Taps::take(std::vector<Taken>& taken) {
  taken.clear();
  uint32_t bytes = 0;
  bool outgoing = false;
  for (bool out = false, in = false; !out || !in;) {
    pollfd ready{witness_, POLLIN, 0};
    if (poll(&ready, 1, 1000) <= 0) return false;
    while (receive(witness_, bytes, outgoing)) (outgoing ? out : in) = true;
  }
  std::vector<epoll_event> events(fds_.size());
  const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < ready; ++i) {
    const size_t tap = events[static_cast<size_t>(i)].data.u64;
    while (receive(fds_[tap], bytes, outgoing)) taken.push_back({tap, outgoing, bytes});
  }
  std::sort(taken.begin(), taken.end());
  return true;
}

}  // namespace ipjit::replay
