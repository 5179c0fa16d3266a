// SPDX-License-Identifier: BSD-2-Clause
// The packets of a run, before they are mbufs: synthesised, or read from a capture.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/traffic/traffic.h"
#include "ipjit/error.h"
#include "ipjit/ipjit.h"

namespace ipjit::pktbench {

struct FramesWish {
  std::string traffic = "64";  ///< bytes on the wire with FCS, "imix", or a capture's path
  size_t packets = 32768;      ///< of a capture: at most
  bench::Shape shape = {};     ///< flows and their popularity; `size` comes from `traffic`
  uint64_t seed = 1;
};

/// Bytes in memory, and packets that point to them.
struct Frames {
  std::vector<ipjit_packet> packets;
  std::shared_ptr<const void> memory;
  std::string described;  ///< "32768 packets of 64 bytes, 8192 flows"
};

/// Fails: kBadOption for a size that is none, kIo and kBadInput for a capture that cannot be read.
Result<Frames> frames_of(const FramesWish& wish);

/// Those that carry a VLAN tag, IPv6, a fragment, IP options or ARP, repeated to the same number:
/// what the usual mix hardly has.
Frames only_rare(const Frames& frames);

/// Without IPv4 fragments, for ports that let none through; `described` says how many were left
/// out.
Frames without_fragments(Frames frames);

}  // namespace ipjit::pktbench
