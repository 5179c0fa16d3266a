// SPDX-License-Identifier: BSD-2-Clause
// Datagrams at a rate: packets ADDRESS PORT A_SECOND SECONDS.
//
// Says how many it sent, which is always as many: late packets are sent at once, so that the rate
// holds in the mean and the number in the end, however little time the machine has.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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
  for (double now = 0; now < seconds;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    now = std::chrono::duration<double>(Clock::now() - start).count();
    // Nobody listens: ICMP says so of an earlier one, which the next call gives instead of sending.
    for (; static_cast<double>(sent) < std::min(now, seconds) * rate; ++sent)
      for (int tries = 0; tries < 3 && send(socket, bytes, sizeof bytes, 0) < 0;) ++tries;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}
