// SPDX-License-Identifier: BSD-2-Clause
// What a capture promises to its filter, and who takes it back when.
#include "tools/pcap/engine.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/runtime/child.h"
#include "tools/pcap/interface.h"

namespace ipjit::pcap {
namespace {

using Fields = std::vector<std::pair<ipjit_field, uint32_t>>;

const std::array<bpf_insn, 2> kLastByte = {
    {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 618}, {BPF_RET | BPF_A, 0, 0, 0}}};
constexpr uint32_t kLongest = 618;

std::unique_ptr<Engine> live_engine() {
  auto engine = Engine::compile(kLastByte, "last byte", {.longest = kLongest, .untagged = true});
  EXPECT_TRUE(engine);
  return std::move(*engine);
}

const ir::Facts& facts_of(const Engine& engine) { return engine.filter().tier()->facts; }

TEST(PcapEngine, PromisesWhatTheCaptureSaysUntilAPacketIsLonger) {
  const auto engine = live_engine();
  ASSERT_TRUE(engine->filter().tier());
  const std::vector<u_char> packet(kLongest + 1, 7);
  EXPECT_EQ(engine->run_live(packet.data(), kLongest, 1500, {}), 0u);
  EXPECT_EQ(facts_of(*engine).max_len, kLongest);
  EXPECT_EQ(engine->run_live(packet.data(), kLongest + 1, 1500, {}), 7u);
  EXPECT_EQ(facts_of(*engine).max_len, UINT32_MAX);
  EXPECT_EQ(facts_of(*engine).fields, (Fields{{IPJIT_FIELD_vlan_present, 0}})) << "still holds";
}

TEST(PcapEngine, PromisesNoTagsUntilOneComes) {
  const auto engine = live_engine();
  const std::vector<u_char> packet(60);
  engine->run_live(packet.data(), 60, 60, {});
  EXPECT_EQ(facts_of(*engine).fields, (Fields{{IPJIT_FIELD_vlan_present, 0}}));
  engine->run_live(packet.data(), 60, 60, {.present = true, .tci = 7});
  EXPECT_EQ(facts_of(*engine).fields, Fields{});
  EXPECT_EQ(facts_of(*engine).max_len, kLongest) << "still holds";
}

/// In a network namespace of its own.  Gives: 0, 77 where that may not be made, or what went wrong.
int follows_the_mtu() {
  if (unshare(CLONE_NEWNET) != 0) return 77;
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return 77;
  if (longest_frame(fd, DLT_EN10MB) != UINT32_MAX) return 1;  // of no interface
  ifreq request = {};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  if (ioctl(fd, SIOCGIFINDEX, &request) != 0) return 2;
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = request.ifr_ifindex;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 3;
  for (const int mtu : {600, 1500, 9000}) {
    request.ifr_mtu = mtu;
    if (ioctl(fd, SIOCSIFMTU, &request) != 0) return 4;
    if (longest_frame(fd, DLT_EN10MB) != static_cast<uint32_t>(mtu) + 22) return 5;
  }
  if (longest_frame(fd, DLT_LINUX_SLL) != UINT32_MAX) return 6;
  return longest_frame(STDIN_FILENO, DLT_EN10MB) == UINT32_MAX ? 0 : 7;
}

TEST(PcapEngine, TheLongestFrameFollowsTheInterfacesMtu) {
  const int status = runtime::in_child(follows_the_mtu);
  if (runtime::exited(status, 77)) GTEST_SKIP() << "needs root, for a network namespace";
  EXPECT_TRUE(runtime::exited(status, 0)) << status;
}

}  // namespace
}  // namespace ipjit::pcap
