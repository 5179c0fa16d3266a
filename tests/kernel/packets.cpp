// SPDX-License-Identifier: BSD-2-Clause
// Datagrams at a rate: packets ADDRESS PORT A_SECOND SECONDS.
//
// Says how many it sent.  Late packets are sent at once, so that the rate holds in the mean.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: packets ADDRESS PORT A_SECOND SECONDS\n");
    return 2;
  }
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  const double rate = std::atof(argv[3]), seconds = std::atof(argv[4]);
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0 || connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 1;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const char bytes[64] = {};
  uint64_t sent = 0;
  while (true) {
    const double now = std::chrono::duration<double>(Clock::now() - start).count();
    if (now >= seconds) break;
    for (; static_cast<double>(sent) < now * rate; ++sent)
      if (send(socket, bytes, sizeof bytes, 0) < 0) continue;  // nobody listens: ICMP says so
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}
