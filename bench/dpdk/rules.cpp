// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dpdk/rules.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <random>

#include "bench/traffic/frame.h"

namespace ipjit::pktbench {
namespace {

constexpr size_t kColumns = 10;
constexpr uint32_t kFrame = 60;  // 64 bytes on the wire
constexpr size_t kIp = 14;

/// The limits of the columns, in their order.
constexpr std::array<uint64_t, kColumns> kMost{0xffffffff, 32,     0xffffffff, 32,  0xffff,
                                               0xffff,     0xffff, 0xffff,     255, 255};

std::optional<Rule> rule_of(const std::string& line) {
  std::array<uint64_t, kColumns> columns{};
  const char* at = line.data();
  const char* const end = at + line.size();
  for (size_t i = 0; i < kColumns; ++i) {
    while (at < end && (*at == '\t' || *at == ' ')) ++at;
    const auto [next, error] = std::from_chars(at, end, columns[i]);
    if (error != std::errc() || columns[i] > kMost[i]) return std::nullopt;
    at = next;
  }
  const auto port = [&](size_t i) { return static_cast<uint16_t>(columns[i]); };
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(columns[i]); };
  Rule rule{.source = static_cast<uint32_t>(columns[0]),
            .destination = static_cast<uint32_t>(columns[2]),
            .source_bits = byte(1),
            .destination_bits = byte(3),
            .source_port = {port(4), port(5)},
            .destination_port = {port(6), port(7)},
            .protocol = byte(8),
            .protocol_mask = byte(9)};
  const bool whole_protocol = rule.protocol_mask == 0 || rule.protocol_mask == 255;
  const bool ordered = rule.source_port[0] <= rule.source_port[1] &&
                       rule.destination_port[0] <= rule.destination_port[1];
  if (!whole_protocol || !ordered) return std::nullopt;
  return rule;
}

uint32_t mask_of(unsigned bits) { return bits ? ~uint32_t{0} << (32 - bits) : 0; }

uint32_t word_at(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

/// The first rule that matches, plus one.
uint32_t scan(const RuleSet& rules, const uint8_t* ip) {
  const uint32_t source = word_at(ip + 12), destination = word_at(ip + 16);
  const uint32_t ports = word_at(ip + 20), protocol = ip[9];
  const uint32_t source_port = ports >> 16, destination_port = ports & 0xffff;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (((source ^ rule.source) & mask_of(rule.source_bits)) == 0 &&
        ((destination ^ rule.destination) & mask_of(rule.destination_bits)) == 0 &&
        ((protocol ^ rule.protocol) & rule.protocol_mask) == 0 &&
        source_port >= rule.source_port[0] && source_port <= rule.source_port[1] &&
        destination_port >= rule.destination_port[0] &&
        destination_port <= rule.destination_port[1])
      return static_cast<uint32_t>(i + 1);
  }
  return 0;
}

class Linear : public Engine {
 public:
  explicit Linear(RuleSet rules) : rules_(std::move(rules)) {}
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    for (unsigned i = 0; i < count; ++i)
      verdicts[i] = scan(rules_, rte_pktmbuf_mtod_offset(mbufs[i], const uint8_t*, kIp));
  }

 private:
  RuleSet rules_;
};

uint32_t inside(std::mt19937& random, uint32_t prefix, unsigned bits) {
  return (prefix & mask_of(bits)) | (static_cast<uint32_t>(random()) & ~mask_of(bits));
}

uint16_t between(std::mt19937& random, const uint16_t (&bounds)[2]) {
  return static_cast<uint16_t>(bounds[0] + random() % (bounds[1] - bounds[0] + 1u));
}

}  // namespace

Result<RuleSet> read_rules(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) return Error{Stage::kUsage, Code::kIo, 0, path + ": " + std::strerror(errno)};
  RuleSet rules;
  char text[512];
  for (uint64_t number = 1; gzgets(file.get(), text, sizeof text); ++number) {
    const std::string line(text, std::strcspn(text, "\r\n"));
    if (line.empty() || line[0] == '#') continue;
    const std::optional<Rule> rule = rule_of(line);
    if (!rule)
      return Error{Stage::kUsage, Code::kSyntax, number,
                   path + ": line " + std::to_string(number) + " is no rule: " + line};
    rules.push_back(*rule);
  }
  if (rules.empty()) return Error{Stage::kUsage, Code::kEmpty, 0, path + ": no rules"};
  return rules;
}

RuleSet thinned(const RuleSet& rules, size_t count) {
  if (count >= rules.size()) return rules;
  RuleSet some;
  for (size_t i = 0; i < count; ++i) some.push_back(rules[i * rules.size() / count]);
  return some;
}

Frames frames_for(const RuleSet& rules, size_t packets, uint64_t seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  const auto memory = std::make_shared<std::vector<uint8_t>>(packets * bench::kMaxFrame);
  Frames frames{{}, memory, std::to_string(packets) + " packets of 64 bytes, 4 of 5 in a rule"};
  uint8_t* at = memory->data();
  for (size_t i = 0; i < packets; ++i) {
    Rule rule;  // everything
    if (random() % 5) rule = rules[random() % rules.size()];
    const bool udp = rule.protocol == 17 || (rule.protocol_mask == 0 && random() % 4 == 0);
    const bench::Flow flow{.protocol = udp ? bench::Protocol::kUdp4 : bench::Protocol::kTcp4,
                           .client = inside(random, rule.source, rule.source_bits),
                           .server = inside(random, rule.destination, rule.destination_bits),
                           .client_port = between(random, rule.source_port),
                           .server_port = between(random, rule.destination_port)};
    const uint32_t size = bench::write_frame(
        {.flow = &flow, .to_server = true, .size = kFrame, .tcp_flags = 0x10}, at);
    frames.packets.push_back({at, size, size});
    at += (size + 15) & ~size_t{15};
  }
  return frames;
}

std::vector<Candidate> rule_engines(const RuleSet& rules) {
  std::vector<Candidate> candidates{
      {"linear scan", std::shared_ptr<Engine>(std::make_shared<Linear>(rules))}};
  for (Candidate& acl : acl_engines(rules)) candidates.push_back(std::move(acl));
  return candidates;
}

std::vector<uint32_t> expected_rules(const RuleSet& rules, std::span<const ipjit_packet> packets) {
  std::vector<uint32_t> verdicts;
  for (const ipjit_packet& packet : packets) verdicts.push_back(scan(rules, packet.data + kIp));
  return verdicts;
}

}  // namespace ipjit::pktbench
