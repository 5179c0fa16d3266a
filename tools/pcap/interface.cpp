// SPDX-License-Identifier: BSD-2-Clause
#include "tools/pcap/interface.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/dlt.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace ipjit::pcap {
namespace {

constexpr uint32_t kEthernetHeader = 14;
constexpr uint32_t kTags = 8;  // of 802.1Q in 802.1ad

}  // namespace

uint32_t longest_frame(int fd, int dlt) {
  sockaddr_ll address = {};
  socklen_t size = sizeof address;
  if (dlt != DLT_EN10MB || getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sll_family != AF_PACKET || address.sll_ifindex == 0)
    return UINT32_MAX;
  ifreq request = {};
  request.ifr_ifindex = address.sll_ifindex;
  if (ioctl(fd, SIOCGIFNAME, &request) != 0 || ioctl(fd, SIOCGIFMTU, &request) != 0)
    return UINT32_MAX;
  return static_cast<uint32_t>(request.ifr_mtu) + kEthernetHeader + kTags;
}

}  // namespace ipjit::pcap
