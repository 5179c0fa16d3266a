// SPDX-License-Identifier: BSD-2-Clause
// Generated packets: the same for everybody who asks with the same seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ipjit/error.h"
#include "ipjit/ipjit.h"

namespace ipjit::bench {

/// The addresses that filters g and h name: IPv4, host order, no two alike.  The list of 100 is the
/// beginning of the list of 1,000.
std::vector<uint32_t> listed_hosts(size_t count);

/// Gives a mapping of `size` bytes back.
struct Unmap {
  size_t size = 0;
  void operator()(uint8_t* memory) const;
};

/// What generate() may be asked to do otherwise.
struct Shape {
  uint32_t flows = 8192;
  double skew = 1;    ///< the flow of rank r is taken with probability (r + 20) ^ -skew
  uint32_t size = 0;  ///< of every frame, without FCS, 60 to kLargestFrame; 0: IMIX
};
inline constexpr uint32_t kLargestFrame = 1514;

/// Frames in one block of memory (on huge pages where the system gives them), and where each lies.
class Traffic {
 public:
  std::span<const ipjit_packet> packets() const { return packets_; }

  /// The first `count` packets: what a hot loop runs over.
  std::span<const ipjit_packet> hot(size_t count = 1024) const;
  size_t bytes() const { return used_; }

 private:
  friend Traffic generate(size_t count, uint64_t seed, const Shape& shape);
  std::unique_ptr<uint8_t[], Unmap> memory_;
  size_t used_ = 0;
  std::vector<ipjit_packet> packets_;
};

/// Ethernet frames with the mix that traffic.cpp describes.
Traffic generate(size_t count, uint64_t seed = 1, const Shape& shape = {});

/// Writes a classic pcap file, `repeat` times the same packets, one microsecond apart.
/// Fails: kIo with the system's reason.
Status write_pcap(const Traffic& traffic, const std::string& path, size_t repeat = 1);

}  // namespace ipjit::bench
