// SPDX-License-Identifier: BSD-2-Clause
// Makes traffic that no engine can learn and every filter of filters.h finds something in.
//
// There are 8,192 flows; the flow of rank r is taken with probability 1 / (r + 20) (Zipf-like: the
// most popular has 0.8 %).  A flow keeps protocol, addresses and ports; a packet draws direction,
// size (IMIX: 7 of 60, 4 of 590, 1 of 1514 bytes), TCP flags, and the rare things: VLAN tag,
// fragment, IP options.  Shares by frames:
//
//   IPv4/TCP 87 %, IPv4/UDP 9 %, IPv4/ICMP 1.7 %, IPv6 1.6 %, ARP 0.7 %; 0.8 % carry a VLAN tag
//   port 80: 15 %, ports up to 6000: 80 %, SYN or FIN: 9 % of TCP
//   a client of the list of 100: 4 %, of the list of 1,000: 13.6 %, the server 192.168.1.1: 1.5 %
//
// With so few flows carrying so much, drawing a flow's attributes independently would miss the
// shares by a lot.  So they are dealt: flows are taken by falling popularity, and each gets the
// value whose share is furthest behind (Dealer).
//
// Hazard: IP header checksums are right, TCP and UDP checksums are zero: no filter reads them.
// Tested by tests/bench/traffic_test.cpp, which asks libpcap for the match counts.
#include "bench/traffic/traffic.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <unordered_set>

#include "bench/traffic/frame.h"

namespace ipjit::bench {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr uint32_t kServerOfFilterE = 0xc0a80101;  // 192.168.1.1

// Our own draws: std::uniform_int_distribution differs between standard libraries.
class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed) {}
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>((engine_() >> 32) * bound >> 32); }
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  bool chance(double probability) { return unit() < probability; }

 private:
  std::mt19937_64 engine_;
};

template <class T>
struct Share {
  T value;
  double share;  // of all; they need not add up to 1
};

// Deals values so that popularity-weighted shares come out as asked.
template <class T, size_t N>
class Dealer {
 public:
  explicit Dealer(const std::array<Share<T>, N>& shares) : shares_(shares) {
    for (const Share<T>& share : shares_) total_ += share.share;
  }

  T deal(double popularity) {
    dealt_ += popularity;
    size_t best = 0;
    double furthest = -1e9;
    for (size_t i = 0; i < N; ++i) {
      const double behind = shares_[i].share / total_ * dealt_ - given_[i];
      if (behind > furthest) {
        furthest = behind;
        best = i;
      }
    }
    given_[best] += popularity;
    return shares_[best].value;
  }

 private:
  std::array<Share<T>, N> shares_;
  std::array<double, N> given_ = {};
  double total_ = 0;
  double dealt_ = 0;
};

enum class Client : uint8_t { kListed100, kListed1000, kInside, kOther };

constexpr std::array<Share<Protocol>, 6> kProtocols{{{Protocol::kTcp4, 87.0},
                                                     {Protocol::kUdp4, 9.0},
                                                     {Protocol::kIcmp4, 1.7},
                                                     {Protocol::kTcp6, 1.4},
                                                     {Protocol::kUdp6, 0.2},
                                                     {Protocol::kArp, 0.7}}};
constexpr std::array<Share<uint16_t>, 12> kTcpPorts{{{80, 17.8},
                                                     {443, 38.0},
                                                     {22, 7.0},
                                                     {25, 4.0},
                                                     {993, 4.0},
                                                     {3306, 5.0},
                                                     {5432, 5.0},
                                                     {1883, 2.0},
                                                     {8080, 6.0},
                                                     {6443, 4.3},
                                                     {9200, 4.0},
                                                     {27017, 3.0}}};
constexpr std::array<Share<uint16_t>, 5> kUdpPorts{
    {{53, 50.0}, {443, 20.0}, {123, 10.0}, {51820, 15.0}, {6081, 5.0}}};
constexpr std::array<Share<Client>, 4> kClients{{{Client::kListed100, 4.1},
                                                 {Client::kListed1000, 9.8},
                                                 {Client::kInside, 20.0},
                                                 {Client::kOther, 66.1}}};
constexpr std::array<Share<bool>, 2> kToServerE{{{true, 2.75}, {false, 97.25}}};

struct Deck {
  Dealer<Protocol, 6> protocol{kProtocols};
  Dealer<uint16_t, 12> tcp4_port{kTcpPorts};
  Dealer<uint16_t, 12> tcp6_port{kTcpPorts};
  Dealer<uint16_t, 5> udp_port{kUdpPorts};
  Dealer<Client, 4> client{kClients};
  Dealer<bool, 2> to_server_e{kToServerE};
};

Flow deal_flow(Deck& deck, Draw& draw, std::span<const uint32_t> listed, double popularity) {
  Flow flow;
  flow.protocol = deck.protocol.deal(popularity);
  const bool tcp = flow.protocol == Protocol::kTcp4 || flow.protocol == Protocol::kTcp6;
  if (tcp)
    flow.server_port =
        (flow.protocol == Protocol::kTcp4 ? deck.tcp4_port : deck.tcp6_port).deal(popularity);
  else
    flow.server_port = deck.udp_port.deal(popularity);
  flow.client_port = static_cast<uint16_t>(32768 + draw.below(28232));
  switch (deck.client.deal(popularity)) {
    case Client::kListed100:
      flow.client = listed[draw.below(100)];
      break;
    case Client::kListed1000:
      flow.client = listed[100 + draw.below(900)];
      break;
    case Client::kInside:
      flow.client = 0x0a000000 | draw.below(1u << 24);
      break;
    case Client::kOther:
      flow.client = 0xc6120000 | draw.below(1u << 17);  // 198.18.0.0/15, for benchmarks
      break;
  }
  const bool ip4 = flow.protocol == Protocol::kTcp4 || flow.protocol == Protocol::kUdp4;
  if (ip4 && deck.to_server_e.deal(popularity))
    flow.server = kServerOfFilterE;
  else
    flow.server =
        draw.chance(0.5) ? 0x0a000000 | draw.below(1u << 24) : 0xc0a80200 | draw.below(1u << 12);
  return flow;
}

std::vector<Flow> deal_flows(Draw& draw, std::span<const double> popularity) {
  const std::vector<uint32_t> listed = listed_hosts(1000);
  Deck deck;
  std::vector<Flow> flows;
  flows.reserve(popularity.size());
  for (double p : popularity) flows.push_back(deal_flow(deck, draw, listed, p));
  return flows;
}

Frame draw_frame(Draw& draw, const Flow& flow, uint32_t size) {
  Frame frame;
  frame.flow = &flow;
  frame.to_server = draw.chance(0.5);
  const uint32_t imix = draw.below(12);
  frame.size = imix < 7 ? 60 : imix < 11 ? 590 : 1514;
  frame.vlan = draw.chance(0.008) ? static_cast<uint16_t>(100 + draw.below(8)) : 0;
  if (draw.chance(0.005)) frame.fragment = draw.chance(0.5) ? 0x2000 : 185;
  frame.option_words = draw.chance(0.007) ? 1 + draw.below(3) : 0;
  const double what = draw.unit();
  frame.tcp_flags = what < 0.053 ? 0x02 : what < 0.064 ? 0x12 : what < 0.1 ? 0x11 : 0x10;
  if (frame.tcp_flags & 0x02) frame.size = 60;  // a SYN carries nothing
  frame.salt = draw.below(1u << 31);
  // Drawn as for IMIX and then put aside: the other draws stay what they are.
  if (size) frame.size = frame.vlan ? std::max(size - 4, 60u) : size;
  if (size > 60 && size < 70) frame.option_words = 0;  // no room for them
  return frame;
}

}  // namespace

void Unmap::operator()(uint8_t* memory) const { munmap(memory, size); }

std::span<const ipjit_packet> Traffic::hot(size_t count) const {
  return packets().first(std::min(count, packets_.size()));
}

std::vector<uint32_t> listed_hosts(size_t count) {
  Draw draw(1000);
  std::unordered_set<uint32_t> seen;
  std::vector<uint32_t> hosts;
  while (hosts.size() < count) {
    const uint32_t host = 0xac100000 | draw.below(1u << 20);  // 172.16.0.0/12
    if (seen.insert(host).second) hosts.push_back(host);
  }
  return hosts;
}

Traffic generate(size_t count, uint64_t seed, const Shape& shape) {
  Draw draw(seed);
  std::vector<double> popularity(shape.flows), cumulative(shape.flows);
  double sum = 0;
  for (size_t r = 0; r < popularity.size(); ++r)
    sum += popularity[r] = 1 / std::pow(static_cast<double>(r + 20), shape.skew);
  double so_far = 0;
  for (size_t r = 0; r < popularity.size(); ++r) cumulative[r] = so_far += popularity[r] /= sum;
  const std::vector<Flow> flows = deal_flows(draw, popularity);

  Traffic traffic;
  const size_t room = (count * kMaxFrame + kHugePage) / kHugePage * kHugePage;
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  IPJIT_CHECK(memory != MAP_FAILED);
  madvise(memory, room, MADV_HUGEPAGE);  // a refusal costs speed, not correctness
  traffic.memory_ = {static_cast<uint8_t*>(memory), Unmap{room}};
  traffic.packets_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto flow = std::upper_bound(cumulative.begin(), cumulative.end() - 1, draw.unit());
    const Frame frame =
        draw_frame(draw, flows[static_cast<size_t>(flow - cumulative.begin())], shape.size);
    uint8_t* at = traffic.memory_.get() + traffic.used_;
    const uint32_t size = write_frame(frame, at);
    traffic.packets_.push_back({at, size, size});
    traffic.used_ += (size + 15) & ~size_t{15};
  }
  return traffic;
}

Status write_pcap(const Traffic& traffic, const std::string& path, size_t repeat) {
  const auto failed = [&](const char* call) -> Status {
    return Error{Stage::kCapture, Code::kIo, 0, path + ": " + call + ": " + std::strerror(errno)};
  };
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) return failed("open");
  const std::array<uint32_t, 6> header{0xa1b2c3d4, 4u << 16 | 2u, 0, 0, 262144, 1};
  bool good = std::fwrite(header.data(), sizeof header, 1, file) == 1;
  uint64_t us = 1'700'000'000ull * 1'000'000;
  for (size_t round = 0; good && round < repeat; ++round)
    for (const ipjit_packet& packet : traffic.packets()) {
      const std::array<uint32_t, 4> record{static_cast<uint32_t>(us / 1'000'000),
                                           static_cast<uint32_t>(us % 1'000'000), packet.caplen,
                                           packet.len};
      ++us;
      good = std::fwrite(record.data(), sizeof record, 1, file) == 1 &&
             std::fwrite(packet.data, packet.caplen, 1, file) == 1;
      if (!good) break;
    }
  if (std::fclose(file) != 0 || !good) return failed("write");
  return ok();
}

}  // namespace ipjit::bench
