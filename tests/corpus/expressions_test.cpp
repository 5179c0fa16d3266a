// SPDX-License-Identifier: BSD-2-Clause
// The corpus' expressions: accepted and refused as libpcap does, and run over real captures.
#include <gmock/gmock.h>
#include <pcap/pcap.h>

#include <cstring>

#include "bpf-frontend/expression.h"
#include "tests/corpus/corpus.h"
#include "tests/engines/engines.h"

namespace ipjit::testing {
namespace {

using nlohmann::json;

bpf::Link link_of(const json& test) {
  bpf::Link link;
  link.dlt = test["dlt_value"].get<int>();
  if (test.contains("snaplen") && test["snaplen"].is_number())
    link.snaplen = test["snaplen"].get<uint32_t>();
  if (test.contains("netmask") && test["netmask"].is_number())
    link.netmask = test["netmask"].get<uint32_t>();
  return link;
}

/// What libpcap itself makes of an expression; nothing if it refuses.
std::optional<bpf::InsnList> by_libpcap(const std::string& expression, const bpf::Link& link) {
  pcap_t* handle = pcap_open_dead(link.dlt, static_cast<int>(link.snaplen));
  bpf_program program = {};
  std::optional<bpf::InsnList> insns;
  if (pcap_compile(handle, &program, expression.c_str(), link.optimize, link.netmask) == 0) {
    insns.emplace(program.bf_len);
    std::memcpy(insns->data(), program.bf_insns, program.bf_len * sizeof(bpf::Insn));
    pcap_freecode(&program);
  }
  pcap_close(handle);
  return insns;
}

bool same(const bpf::InsnList& a, const bpf::InsnList& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0;
}

TEST(Corpus, ExpressionsAreAcceptedAsByLibpcap) {
  IPJIT_NEEDS_CORPUS();
  size_t accepted = 0, refused_here = 0;
  const json suite = corpus_json("libpcap/filter_accept.json.gz");
  for (const json& test : suite["tests"]) {
    // Those want host names on this machine, or are a listing of opcodes.
    if (test["needs"].get<std::string>().starts_with("configure")) continue;
    if (test["name"] == "bpf_image") continue;
    for (const json& text : test["exprs"]) {
      bpf::Link link = link_of(test);
      auto reference = by_libpcap(text.get<std::string>(), link);
      auto ours = bpf::compile_expression(text.get<std::string>(), link);
      ASSERT_EQ(bool(ours), reference.has_value()) << text;
      if (!ours) {
        ++refused_here;  // the suite is of another libpcap version, or wants a live capture
        continue;
      }
      EXPECT_TRUE(same(*ours, *reference)) << text;
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 1500u);
  printf("%zu expressions compiled as by libpcap, %zu refused by this libpcap too\n", accepted,
         refused_here);
}

TEST(Corpus, ExpressionsAreRefusedAsByLibpcap) {
  IPJIT_NEEDS_CORPUS();
  size_t refused = 0;
  const json suite = corpus_json("libpcap/filter_reject.json.gz");
  for (const json& test : suite["tests"]) {
    if (test["needs"].get<std::string>().starts_with("configure")) continue;
    if (!test["dlt_value"].is_number()) continue;  // a link type of other systems
    bpf::Link link = link_of(test);
    std::string text = test["expr"].get<std::string>();
    auto ours = bpf::compile_expression(text, link);
    if (by_libpcap(text, link)) {
      EXPECT_TRUE(ours) << text;  // this libpcap takes it
      continue;
    }
    ASSERT_FALSE(ours) << text;
    EXPECT_EQ(ours.error().stage, Stage::kExpression) << text;
    EXPECT_FALSE(ours.error().why.empty()) << text;
    ++refused;
  }
  EXPECT_GT(refused, 10000u);
  printf("%zu expressions refused with a reason\n", refused);
}

TEST(Corpus, PfluaMatchCounts) {
  IPJIT_NEEDS_CORPUS();
  const json suite = corpus_json("pflua/pflua.json");
  for (const json& test : suite["match_counts"]) {
    Capture capture = read_capture(*corpus_folder() + "/pflua/" + test["pcap"].get<std::string>());
    bpf::Link link;
    link.dlt = test["linktype"].get<int>();
    auto insns = bpf::compile_expression(test["expr"].get<std::string>(), link);
    ASSERT_TRUE(insns) << test["expr"] << ": " << to_string(insns.error());
    auto engines = Engines::make(*insns, bpf::Dialect::kLibpcap);
    ASSERT_TRUE(engines) << to_string(engines.error());
    uint64_t matched = 0;
    for (const Packet& packet : capture.packets) {
      auto verdict = engines->run(packet.data, plain_ctx(packet.wire_len));
      ASSERT_TRUE(verdict) << verdict.error().why;
      matched += *verdict != 0;
    }
    EXPECT_EQ(matched, test["ref_count"].get<uint64_t>()) << test["expr"];
  }
}

// Every expression over every capture of its link type, at full length and cut off.
TEST(Corpus, ExpressionsOverCaptures) {
  IPJIT_NEEDS_CORPUS();
  std::vector<std::string> expressions = corpus_expressions();
  expressions.insert(expressions.end(), {"ip6 protochain 6", "ip protochain 17"});
  const std::vector<Packet> packets = ethernet_packets();
  size_t runs = 0, matched = 0;
  for (const std::string& expression : expressions) {
    for (bool optimize : {true, false}) {
      auto insns =
          bpf::compile_expression(expression, {.netmask = 0x00ffffff, .optimize = optimize});
      ASSERT_TRUE(insns) << expression << ": " << to_string(insns.error());
      auto engines = Engines::make(*insns, bpf::Dialect::kLibpcap);
      ASSERT_TRUE(engines) << expression << ": " << to_string(engines.error());
      for (const Packet& packet : packets) {
        size_t cut = runs % 5 == 0 ? runs % (packet.data.size() + 1) : packet.data.size();
        auto verdict = engines->run(std::span(packet.data).first(cut), plain_ctx(packet.wire_len));
        ASSERT_TRUE(verdict) << expression << ": " << verdict.error().why;
        matched += *verdict != 0;
        ++runs;
      }
    }
  }
  EXPECT_GT(matched, 0u);
  printf("%zu packet runs on every engine, %zu matched\n", runs, matched);
}

}  // namespace
}  // namespace ipjit::testing
