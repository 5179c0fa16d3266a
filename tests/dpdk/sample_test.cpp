// SPDX-License-Identifier: BSD-2-Clause
// An application that changes one line accepts the packets that it should.
#include <cstdio>
#include <filesystem>

#include "bench/dpdk/rte_bpf_program.h"
#include "bench/filters.h"
#include "bench/traffic/traffic.h"
#include "tests/dpdk/eal_once.h"

namespace ipjit::dpdk_test {
namespace {

class Sample : public testing::Test {
 protected:
  void SetUp() override {
    capture = testing::TempDir() + "ipjit-dpdk-sample." + std::to_string(getpid()) + ".pcap";
    ASSERT_TRUE(bench::write_pcap(traffic, capture));
  }
  void TearDown() override { std::filesystem::remove(capture); }

  size_t libpcap(const std::string& expression) {
    const bpf::InsnList insns = compiled(expression);
    size_t matches = 0;
    for (const ipjit_packet& packet : traffic.packets())
      matches += libpcap_says(insns, packet) != 0;
    return matches;
  }

  /// What the sample prints; empty where EAL does not start.
  std::string run(const char* program, const std::string& expression, const char* how) {
    const std::string command =
        std::string(program) + " '" + expression + "' " + capture + " " + how + " 2>/dev/null";
    std::FILE* const pipe = popen(command.c_str(), "r");
    char line[64] = "";
    if (!std::fgets(line, sizeof line, pipe)) line[0] = 0;
    const int status = pclose(pipe);
    if (WEXITSTATUS(status) == 77) return "";
    return line;
  }

  bench::Traffic traffic = bench::generate(4000);
  std::string capture;
};

TEST_F(Sample, WithIpjitItAcceptsWhatLibpcapAccepts) {
  for (const char id : {'c', 'd', 'f', 'j'}) {
    const std::string expression = bench::filter(id).expression;
    const std::string want = std::to_string(libpcap(expression)) + "\n";
    for (const char* how : {"poll", "callback"}) {
      const std::string got = run(CAPTURE_SAMPLE_IPJIT, expression, how);
      if (got.empty()) GTEST_SKIP() << "EAL does not start on this machine";
      EXPECT_EQ(got, want) << id << ", " << how;
    }
  }
}

TEST_F(Sample, TheSameSourceWithRteBpf) {
  const std::string easy = bench::filter('c').expression, hard = bench::filter('d').expression;
  const std::string got = run(CAPTURE_SAMPLE_RTE_BPF, easy, "callback");
  if (got.empty()) GTEST_SKIP() << "EAL does not start on this machine";
  EXPECT_EQ(got, std::to_string(libpcap(easy)) + "\n");
  EXPECT_EQ(run(CAPTURE_SAMPLE_RTE_BPF, easy, "poll"), got);
  if (RTE_VERSION < RTE_VERSION_NUM(23, 0, 0, 0)) {
    EXPECT_NE(run(CAPTURE_SAMPLE_RTE_BPF, hard, "callback"), std::to_string(libpcap(hard)) + "\n");
  }
}

}  // namespace
}  // namespace ipjit::dpdk_test
