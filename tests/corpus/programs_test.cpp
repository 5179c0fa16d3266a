// SPDX-License-Identifier: BSD-2-Clause
// The corpus' programs, optimised and unoptimised bytecode, on every engine and packet.
#include <gmock/gmock.h>
#include <pcap/pcap.h>

#include "bpf-frontend/check.h"
#include "tests/corpus/corpus.h"
#include "tests/engines/engines.h"

namespace ipjit::testing {
namespace {

using nlohmann::json;

// One packet of every capture and its cut-off forms: enough to take most branches of most programs.
std::vector<Packet> packet_pool() {
  std::vector<Packet> pool;
  for (const char* folder : {"captures", "libpcap/savefiles"}) {
    for (const std::string& path : captures_in(folder)) {
      Capture capture = read_capture(path);
      if (capture.packets.empty()) continue;
      pool.push_back(capture.packets.front());
      pool.push_back(capture.packets.back());
      Packet cut = capture.packets.front();
      cut.data.resize(cut.data.size() * (pool.size() % 7) / 7);
      pool.push_back(std::move(cut));
    }
  }
  return pool;
}

void run_on(const std::string& name, const json& program, const std::vector<Packet>& packets,
            size_t& runs) {
  if (program.is_null()) return;
  bpf::InsnList insns = insns_of(program);
  auto engines = Engines::make(insns, bpf::Dialect::kLibpcap);
  ASSERT_TRUE(engines) << name << ": " << to_string(engines.error());
  for (const Packet& packet : packets) {
    auto verdict = engines->run(packet.data, plain_ctx(packet.wire_len));
    ASSERT_TRUE(verdict) << name << ": " << verdict.error().why;
    ++runs;
  }
}

TEST(Corpus, LibpcapAcceptedPrograms) {
  IPJIT_NEEDS_CORPUS();
  std::vector<Packet> pool = packet_pool();
  size_t programs = 0, runs = 0;
  const json suite = corpus_json("libpcap/filter_accept.json.gz");
  for (const json& test : suite["tests"]) {
    for (const char* form : {"opt", "unopt"}) {
      // A listing of every opcode, no program: its jumps lead nowhere.
      if (test["name"] == "bpf_image") continue;
      run_on(test["name"].get<std::string>() + "/" + form, test[form], pool, runs);
      if (HasFatalFailure()) return;
      programs += !test[form].is_null();
    }
  }
  EXPECT_GT(programs, 1500u);
  printf("%zu programs, %zu packet runs on every engine\n", programs, runs);
}

TEST(Corpus, LibpcapAppliedPrograms) {
  IPJIT_NEEDS_CORPUS();
  size_t checked = 0;
  const json suite = corpus_json("libpcap/filter_apply.json");
  for (const json& test : suite["tests"]) {
    Capture capture = read_capture(*corpus_folder() + "/libpcap/savefiles/" +
                                   test["savefile"].get<std::string>());
    for (const char* form : {"opt", "unopt"}) {
      if (test[form].is_null() || !test.value(std::string("ref_ok_") + form, true)) continue;
      auto engines = Engines::make(insns_of(test[form]), bpf::Dialect::kLibpcap);
      ASSERT_TRUE(engines) << test["name"] << ": " << to_string(engines.error());
      ASSERT_EQ(capture.packets.size(), test["results"].size()) << test["name"];
      for (size_t i = 0; i < capture.packets.size(); ++i) {
        auto verdict =
            engines->run(capture.packets[i].data, plain_ctx(capture.packets[i].wire_len));
        ASSERT_TRUE(verdict) << test["name"] << ": " << verdict.error().why;
        EXPECT_EQ(*verdict, test["results"][i].get<uint32_t>())
            << test["name"] << "/" << form << " packet " << i;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1000u);
  printf("%zu verdicts as libpcap's suite expects them\n", checked);
}

TEST(Corpus, BpfjitPrograms) {
  IPJIT_NEEDS_CORPUS();
  const json suite = corpus_json("bpfjit/bpfjit.json");
  size_t runs = 0;
  for (const json& test : suite["tests"]) {
    bpf::InsnList insns = insns_of(test["insns"]);
    // That compiler takes divisions by constant zero, which libpcap's check refuses, and an opcode
    // that libpcap's check lets through to an abort() of its interpreter.
    bool aborts = test["linux_check"].is_string() &&
                  test["linux_check"].get<std::string>().starts_with("opcode");
    if (aborts || !bpf_validate(reinterpret_cast<const bpf_insn*>(insns.data()),
                                static_cast<int>(insns.size()))) {
      EXPECT_FALSE(bpf::check(insns, bpf::Dialect::kLibpcap)) << test["name"];
      runs += test["runs"].size();
      continue;
    }
    auto engines =
        Engines::make(insns_of(test["insns"]), bpf::Dialect::kLibpcap, Breadth::kAllTargets);
    ASSERT_TRUE(engines) << test["name"] << ": " << to_string(engines.error());
    for (const json& run : test["runs"]) {
      std::vector<uint8_t> packet = *bytes_of_hex(run[0].get<std::string>());
      auto verdict = engines->run(packet, plain_ctx(run[1].get<uint32_t>()));
      ASSERT_TRUE(verdict) << test["name"] << ": " << verdict.error().why;
      EXPECT_EQ(*verdict, run[2].get<uint32_t>()) << test["name"];
      ++runs;
    }
  }
  EXPECT_EQ(runs, 1466u);
  for (const json& test : suite["reject"]) {
    bpf::InsnList insns = insns_of(test["insns"]);
    bool libpcap_refuses = !test["libpcap_check"].is_null();
    EXPECT_EQ(!bpf::check(insns, bpf::Dialect::kLibpcap), libpcap_refuses) << test["name"];
    EXPECT_FALSE(bpf::check(insns, bpf::Dialect::kLinux)) << test["name"];
  }
}

TEST(Corpus, XnetPrograms) {
  IPJIT_NEEDS_CORPUS();
  size_t runs = 0;
  const json suite = corpus_json("xnet_bpf/vm_tests.json");
  for (const json& test : suite["tests"]) {
    bpf::InsnList insns = insns_of(test["insns"]);
    for (bpf::Dialect dialect : {bpf::Dialect::kLibpcap, bpf::Dialect::kLinux}) {
      std::string which = std::string(name_of(dialect));
      if (test.contains("expect_reject")) {
        bool refuse = !test[which + "_check"].is_null();
        EXPECT_EQ(!bpf::check(insns, dialect), refuse) << test["name"] << " " << which;
        continue;
      }
      if (!test["ref_" + which].is_number()) continue;
      auto engines = Engines::make(insns, dialect, Breadth::kAllTargets);
      ASSERT_TRUE(engines) << test["name"] << ": " << to_string(engines.error());
      std::vector<uint8_t> packet = *bytes_of_hex(test["packet"].get<std::string>());
      auto verdict = engines->run(packet, plain_ctx(static_cast<uint32_t>(packet.size())));
      ASSERT_TRUE(verdict) << test["name"] << ": " << verdict.error().why;
      EXPECT_EQ(*verdict, test["ref_" + which].get<uint32_t>()) << test["name"] << " " << which;
      ++runs;
    }
  }
  EXPECT_GT(runs, 60u);
}

}  // namespace
}  // namespace ipjit::testing
