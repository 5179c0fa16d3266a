// SPDX-License-Identifier: BSD-2-Clause
// A size "on the wire" counts the frame check sequence, as line rates do; the frame in memory is
// four bytes shorter, as a card delivers it.
#include "bench/dpdk/frames.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ipjit::pktbench {
namespace {

constexpr uint32_t kFcs = 4;
constexpr uint32_t kLeast = 64, kMost = 1518;
constexpr uint32_t kMostCaptured = 16384;  // bytes of a frame that one mbuf holds

/// 0: not a number.
uint32_t number_of(const std::string& text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

Frames synthesised(const FramesWish& wish, bench::Shape shape) {
  const auto traffic =
      std::make_shared<bench::Traffic>(bench::generate(wish.packets, wish.seed, shape));
  const auto packets = traffic->packets();
  const std::string size =
      shape.size ? std::to_string(shape.size + kFcs) + " bytes" : std::string("IMIX");
  return {{packets.begin(), packets.end()},
          traffic,
          std::to_string(packets.size()) + " packets of " + size + ", " +
              std::to_string(shape.flows) + " flows"};
}

Result<Frames> captured(const FramesWish& wish) {
  char why[PCAP_ERRBUF_SIZE];
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> file(
      pcap_open_offline(wish.traffic.c_str(), why), pcap_close);
  if (!file) return Error{Stage::kCapture, Code::kIo, 0, why};
  if (pcap_datalink(file.get()) != DLT_EN10MB)
    return Error{Stage::kCapture, Code::kBadInput, 0,
                 wish.traffic + ": link type " + std::to_string(pcap_datalink(file.get())) +
                     ", DPDK's ports are Ethernet"};
  auto bytes = std::make_shared<std::vector<std::unique_ptr<uint8_t[]>>>();
  Frames frames;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (frames.packets.size() < wish.packets && pcap_next_ex(file.get(), &header, &data) == 1) {
    // An mbuf has no length on the wire beside its own.
    const uint32_t size = std::min(header->caplen, kMostCaptured);
    if (size == 0) continue;
    bytes->push_back(std::make_unique<uint8_t[]>(size));
    std::memcpy(bytes->back().get(), data, size);
    frames.packets.push_back({bytes->back().get(), size, size});
  }
  if (frames.packets.empty())
    return Error{Stage::kCapture, Code::kBadInput, 0, wish.traffic + ": no packets"};
  frames.memory = bytes;
  frames.described = std::to_string(frames.packets.size()) + " packets of " + wish.traffic;
  return frames;
}

/// Untagged IPv4 without options and fragments: what the usual mix is made of.
bool usual(const ipjit_packet& packet) {
  const uint8_t* p = packet.data;
  return packet.caplen > 21 && p[12] == 0x08 && p[13] == 0x00 && p[14] == 0x45 &&
         (p[20] & 0x3f) == 0 && p[21] == 0;
}

bool is_ipv4_fragment(const ipjit_packet& packet) {
  const uint8_t* const p = packet.data;
  size_t at = 12;
  while (at + 4 < packet.caplen && p[at] == 0x81 && p[at + 1] == 0) at += 4;
  return at + 10 <= packet.caplen && p[at] == 0x08 && p[at + 1] == 0 &&
         ((p[at + 8] & 0x3f) != 0 || p[at + 9] != 0);
}

}  // namespace

Result<Frames> frames_of(const FramesWish& wish) {
  bench::Shape shape = wish.shape;
  if (wish.traffic == "imix") return synthesised(wish, shape);
  if (wish.traffic.find_first_not_of("0123456789") != std::string::npos) return captured(wish);
  const uint32_t size = number_of(wish.traffic);
  if (size < kLeast || size > kMost)
    return Error{Stage::kUsage, Code::kBadOption, 0,
                 "frames of '" + wish.traffic + "' bytes: " + std::to_string(kLeast) + " to " +
                     std::to_string(kMost) + " with FCS are possible"};
  shape.size = size - kFcs;
  return synthesised(wish, shape);
}

Frames only_rare(const Frames& frames) {
  std::vector<ipjit_packet> rare;
  for (const ipjit_packet& packet : frames.packets)
    if (!usual(packet)) rare.push_back(packet);
  Frames result{{}, frames.memory, "only what is rare in " + frames.described};
  if (rare.empty()) rare = frames.packets;
  while (result.packets.size() < frames.packets.size())
    result.packets.push_back(rare[result.packets.size() % rare.size()]);
  return result;
}

Frames without_fragments(Frames frames) {
  const size_t left_out = std::erase_if(frames.packets, is_ipv4_fragment);
  if (left_out)
    frames.described +=
        ", without " + std::to_string(left_out) + " IPv4 fragments, which this port keeps";
  return frames;
}

}  // namespace ipjit::pktbench
