// SPDX-License-Identifier: BSD-2-Clause
// Interfaces whose sockets answer getsockname() in unusual ways:  interfaces
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <cstring>

#include "tests/kernel/filters.h"

namespace ipjit::door {
namespace {

Tally tally;

/// Addresses of 16 bytes, as an IPv6 tunnel has them, where a sockaddr_ll has room for 8.
void long_addresses(const Fd& device) {
  const Fd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request = {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strcpy(request.ifr_name, "t0");
  if (tun.get() < 0 || ioctl(tun.get(), TUNSETIFF, &request) != 0 ||
      ioctl(tun.get(), TUNSETLINK, ARPHRD_TUNNEL6) != 0) {
    std::puts("skip an interface with long addresses: there is no tun device");
    return;
  }
  const Fd fd = packet_socket("t0");
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("an interface with long addresses", taken(device, tag));
  tally.equal("its number", look(device, tag).value_or(ipjit_dev_filter{}).ifindex,
              if_nametoindex("t0"));
}

/// The oldest kind of packet socket tells its interface's name where others tell its number.
void old_packet_socket(const Fd& device) {
  const Fd fd(socket(AF_PACKET, SOCK_PACKET | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  const sockaddr at = {.sa_family = AF_PACKET, .sa_data = "lo"};
  if (bind(fd.get(), &at, sizeof at) != 0) std::perror("bind");
  const uint32_t tag = fresh_tag();
  attach(fd.get(), tag);
  tally.expect("a SOCK_PACKET socket", taken(device, tag));
  const auto filter = look(device, tag);
  tally.expect("tells no number", filter && filter->ifindex == 0);
}

}  // namespace
}  // namespace ipjit::door

int main() {
  const ipjit::door::Fd device = ipjit::door::open_device();
  ipjit::door::long_addresses(device);
  ipjit::door::old_packet_socket(device);
  return ipjit::door::tally.status();
}
