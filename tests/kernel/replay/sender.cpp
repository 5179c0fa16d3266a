// SPDX-License-Identifier: BSD-2-Clause
// A packet socket copies what it sends into linear memory, with two exceptions, which are what this
// file is about: frames of a page or more with a virtio header are linear for as long as the header
// says, and frames of a transmit ring are linear for as long as the header says whatever their
// size; the rest stays in pages.
#include "tests/kernel/replay/sender.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ipjit::replay {
namespace {

constexpr size_t kLongest = 65535, kRingFrame = 1 << 17, kJumbo = 9000;
constexpr size_t kRingData = TPACKET2_HDRLEN - sizeof(sockaddr_ll);

/// struct virtio_net_hdr, whose header has a field that C++ takes for a keyword.
struct VirtioHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t hdr_len = 0;  ///< bytes that are linear
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
};
static_assert(sizeof(VirtioHeader) == 10);

int open_on(int ifindex, bool virtio_header) {
  // Protocol 0: this socket receives nothing.
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) die("packet socket");
  const int one = 1;
  if (virtio_header && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) != 0) {
    die("PACKET_VNET_HDR");
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = ifindex;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("bind");
  return fd;
}

uint8_t* map_ring(int fd) {
  const int version = TPACKET_V2;
  tpacket_req request{};
  request.tp_block_size = kRingFrame;
  request.tp_block_nr = 1;
  request.tp_frame_size = kRingFrame;
  request.tp_frame_nr = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) != 0) {
    die("PACKET_TX_RING");
  }
  void* const memory = mmap(nullptr, kRingFrame, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) die("mmap of the ring");
  return static_cast<uint8_t*>(memory);
}

VirtioHeader linear_header(size_t linear) { return {.hdr_len = static_cast<uint16_t>(linear)}; }

Frame tagged(std::span<const uint8_t> frame) {
  Frame with(frame.begin(), frame.begin() + 12);
  with.insert(with.end(), {0x81, 0x00, 0x60, 0x64});  // priority 3, VLAN 100
  with.insert(with.end(), frame.begin() + 12, frame.end());
  return with;
}

Frame padded(std::span<const uint8_t> frame) {
  Frame large(frame.begin(), frame.end());
  while (large.size() < kJumbo) large.push_back(static_cast<uint8_t>(large.size()));
  return large;
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "replay: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

std::string_view name_of(Form form) {
  switch (form) {
    case Form::kPlain:
      return "plain";
    case Form::kShort:
      return "short";
    case Form::kVlan:
      return "vlan";
    case Form::kSplit:
      return "split";
    case Form::kJumbo:
      return "jumbo";
  }
  return "?";
}

Sender::Sender(const std::string& interface) {
  const int ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (!ifindex) die(interface);
  plain_ = open_on(ifindex, false);
  large_ = open_on(ifindex, true);
  ring_ = open_on(ifindex, true);
  ring_memory_ = map_ring(ring_);
}

Sender::~Sender() {
  munmap(ring_memory_, kRingFrame);
  close(plain_);
  close(large_);
  close(ring_);
}

bool Sender::send_large(std::span<const uint8_t> frame, size_t linear) {
  const VirtioHeader header = linear_header(linear);
  Frame bytes(sizeof(header) + frame.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::copy(frame.begin(), frame.end(), bytes.begin() + sizeof(header));
  return ::send(large_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

bool Sender::send_split(std::span<const uint8_t> frame, size_t linear) {
  auto* const slot = reinterpret_cast<tpacket2_hdr*>(ring_memory_);
  std::atomic_ref<uint32_t> status(slot->tp_status);
  // The slot is ours again once nobody holds the frame: the receivers have read it by then.
  for (int tries = 0; status.load() != TP_STATUS_AVAILABLE; ++tries) {
    if (tries == 5000) return false;
    usleep(200);
  }
  const VirtioHeader header = linear_header(std::min(linear, frame.size()));
  std::memcpy(ring_memory_ + kRingData, &header, sizeof(header));
  std::copy(frame.begin(), frame.end(), ring_memory_ + kRingData + sizeof(header));
  slot->tp_len = static_cast<uint32_t>(sizeof(header) + frame.size());
  slot->tp_snaplen = slot->tp_len;
  status.store(TP_STATUS_SEND_REQUEST);
  return ::send(ring_, nullptr, 0, 0) >= 0;
}

bool Sender::send(Form form, std::span<const uint8_t> frame, size_t number) {
  if (frame.size() < ETH_HLEN || frame.size() + 4 > kLongest) return false;
  const auto plain = [&](std::span<const uint8_t> bytes) {
    return ::send(plain_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  };
  switch (form) {
    case Form::kPlain:
      return plain(frame);
    case Form::kShort:
      return plain(frame.first(ETH_HLEN + number * 31 % (frame.size() - ETH_HLEN + 1)));
    case Form::kVlan:
      return plain(tagged(frame));
    case Form::kSplit:
      return send_split(frame, ETH_HLEN + number * 7 % 50);
    case Form::kJumbo:
      return frame.size() <= kJumbo && send_large(padded(frame), 64 + number * 5 % 64);
  }
  return false;
}

}  // namespace ipjit::replay
