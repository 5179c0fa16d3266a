// SPDX-License-Identifier: BSD-2-Clause
// Filters of a test's own on sockets of its own, and what the module says of them.  They are told
// apart by what they return.
#pragma once

#include <net/if.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <vector>

#include "tests/kernel/door.h"

namespace ipjit::door {

inline bool attach(int fd, uint32_t tag) {
  sock_filter insns[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, tag}};
  const sock_fprog program = {.len = 2, .filter = insns};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return true;
  std::perror("SO_ATTACH_FILTER");
  return false;
}

inline uint32_t fresh_tag() {
  static uint32_t tag = 70'000 + 16 * (static_cast<uint32_t>(getpid()) & 0xfff);
  return ++tag;
}

/// A packet socket of one interface.
inline Fd packet_socket(const char* interface = "lo") {
  Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll at = {};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) std::perror("bind");
  return fd;
}

/// The filter that returns `tag`, as the module describes it.
inline std::optional<ipjit_dev_filter> look(const Fd& device, uint32_t tag) {
  std::vector<ipjit_dev_filter> some(256);
  ipjit_dev_list list = {};
  list.filters = address(some.data());
  list.capacity = static_cast<uint32_t>(some.size());
  while (call(device, IPJIT_IOC_LIST, &list) == 0 && list.count) {
    for (uint32_t i = 0; i < list.count; ++i) {
      sock_filter read[2] = {};
      ipjit_dev_program program = {
          .id = some[i].id, .insns = address(read), .capacity = 2, .count = 0};
      if (call(device, IPJIT_IOC_PROGRAM, &program) == 0 && program.count == 2 && read[1].k == tag)
        return some[i];
    }
    list.after = some[list.count - 1].id;
  }
  return std::nullopt;
}

inline bool soon(const std::function<bool()>& holds, unsigned seconds = 60) {
  for (unsigned i = 0; i < seconds * 50; ++i, usleep(20'000))
    if (holds()) return true;
  return false;
}

inline bool taken(const Fd& device, uint32_t tag, unsigned seconds = 60) {
  return soon([&] { return look(device, tag).has_value(); }, seconds);
}
inline bool released(const Fd& device, uint32_t tag) {
  return soon([&] { return !look(device, tag); });
}

/// Code that returns `verdict`, for the filter `tag`; 0 or errno.
inline int install(const Fd& device, uint32_t tag, uint32_t verdict) {
  const auto filter = look(device, tag);
  if (!filter) return ENOENT;
  return Unit(filter->id, returns(verdict), filter->version).send(device);
}

}  // namespace ipjit::door
