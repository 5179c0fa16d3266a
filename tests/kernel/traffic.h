// SPDX-License-Identifier: BSD-2-Clause
// Packets for filters to look at.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <thread>

#include "tests/kernel/door.h"

namespace ipjit::door {

/// Datagrams to nobody over lo, so that every packet socket has packets to filter.
class Traffic {
 public:
  Traffic() : thread_([](const std::stop_token& stop) { run(stop); }) {}

 private:
  static void run(const std::stop_token& stop) {
    Fd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const uint8_t bytes[200] = {};
    while (!stop.stop_requested()) {
      for (size_t n = 0; n < sizeof bytes; n += 40)
        sendto(socket.get(), bytes, n, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), sizeof to);
      usleep(500);
    }
  }
  std::jthread thread_;
};

}  // namespace ipjit::door
