// SPDX-License-Identifier: BSD-2-Clause
// 5-tuple rule sets and packets that meet them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/dpdk/engine.h"
#include "bench/dpdk/frames.h"

namespace ipjit::pktbench {

/// IPv4, host order; bounds are inclusive; the first rule of a set that matches counts.
struct Rule {
  uint32_t source = 0, destination = 0;
  uint8_t source_bits = 0, destination_bits = 0;
  uint16_t source_port[2] = {0, 0xffff}, destination_port[2] = {0, 0xffff};
  uint8_t protocol = 0, protocol_mask = 0;
};
using RuleSet = std::vector<Rule>;

/// Reads lines of tab-separated numbers, gzip or plain; `#` begins a comment:
///
///   src_ip src_len dst_ip dst_len sport_lo sport_hi dport_lo dport_hi proto proto_mask ...
///
/// What stands behind is not read.
/// Fails: kIo; kSyntax with the line.
Result<RuleSet> read_rules(const std::string& path);

/// `count` of them, evenly over the set, in order; all if there are not more.
RuleSet thinned(const RuleSet& rules, size_t count);

/// Frames of 64 bytes, TCP and UDP; four in five are inside a rule drawn at random.
Frames frames_for(const RuleSet& rules, size_t packets, uint64_t seed);

/// Every engine that knows rule sets: a plain scan (which is the judge), and rte_acl in each of its
/// forms that this machine has.  ipjit's rule sets join as one more Candidate here: verdicts are
/// the matching rule's place in the set, plus one.
std::vector<Candidate> rule_engines(const RuleSet& rules);

/// The plain scan's verdicts.
std::vector<uint32_t> expected_rules(const RuleSet& rules, std::span<const ipjit_packet> packets);

/// rte_acl alone (engine_acl.cpp).
std::vector<Candidate> acl_engines(const RuleSet& rules);

}  // namespace ipjit::pktbench
