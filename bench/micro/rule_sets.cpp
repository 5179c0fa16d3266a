// SPDX-License-Identifier: BSD-2-Clause
// Written as a firewall's rules would be translated, in IR.
#include "bench/micro/rule_sets.h"

#include <array>
#include <utility>

#include "ipjit/error.h"
#include "ir/optimize.h"
#include "ir/text.h"

namespace ipjit::bench {
namespace {

ir::Program general_of(const std::string& text) {
  Result<ir::Program> program = ir::parse(text);
  IPJIT_CHECK(bool(program));
  ir::optimize(*program);
  ir::number_sources(*program);
  return std::move(*program);
}

/// IPv4 from one of 200 addresses in a row.
std::string hosts_in_a_row() {
  std::string keys;
  for (uint32_t i = 0; i < 200; ++i)
    keys += (i ? ", " : "") + std::to_string(0xac100007u + i);  // from 172.16.0.7
  return "filter hosts\ntable0: u32 miss 0 {" + keys +
         "}\n"
         "b0: need 34 else b3\n"
         "    v0 = load_be16 12\n"
         "    br v0 == 0x800 -> b1, b3\n"
         "b1: v1 = load_be32 26\n"
         "    br v1 in table0 -> b2, b3\n"
         "b2: ret 262144\n"
         "b3: ret 0\n";
}

/// TCP by interface and port, a rule each; the bench traffic has interface 0.
std::string rules_by_interface() {
  constexpr std::array<std::pair<uint32_t, uint16_t>, 18> kRules = {{{1, 80},
                                                                     {2, 443},
                                                                     {3, 22},
                                                                     {0, 443},
                                                                     {4, 25},
                                                                     {5, 993},
                                                                     {6, 3306},
                                                                     {0, 22},
                                                                     {7, 5432},
                                                                     {8, 1883},
                                                                     {9, 8080},
                                                                     {0, 8080},
                                                                     {10, 6443},
                                                                     {11, 9200},
                                                                     {12, 27017},
                                                                     {13, 80},
                                                                     {14, 443},
                                                                     {15, 22}}};
  const std::string accept = "b" + std::to_string(2 + 2 * kRules.size());
  const std::string drop = "b" + std::to_string(3 + 2 * kRules.size());
  std::string text = "filter rules\nb0: need 38 else " + drop +
                     "\n    v0 = load_be16 12\n    br v0 == 0x800 -> b1, " + drop +
                     "\nb1: v1 = load_u8 23\n    v2 = meta iif\n    v3 = load_be16 36\n"
                     "    br v1 == 6 -> b2, " +
                     drop + "\n";
  for (size_t i = 0; i < kRules.size(); ++i) {
    const std::string port = "b" + std::to_string(3 + 2 * i);
    const std::string next = i + 1 == kRules.size() ? drop : "b" + std::to_string(4 + 2 * i);
    text += "b" + std::to_string(2 + 2 * i) + ": br v2 == " + std::to_string(kRules[i].first) +
            " -> " + port + ", " + next + "\n" + port +
            ": br v3 == " + std::to_string(kRules[i].second) + " -> " + accept + ", " + next + "\n";
  }
  return text + accept + ": ret 262144\n" + drop + ": ret 0\n";
}

}  // namespace

std::vector<RuleSet> rule_sets() {
  return {{'k', general_of(hosts_in_a_row()), {}},
          {'l',
           general_of(rules_by_interface()),
           {.fields = {{IPJIT_FIELD_iif, 0}}, .min_len = 0, .max_len = UINT32_MAX}}};
}

}  // namespace ipjit::bench
