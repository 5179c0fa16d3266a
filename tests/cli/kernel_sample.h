// SPDX-License-Identifier: BSD-2-Clause
// A kernel in which tcpdump, a DHCP client and a forgotten socket filter packets.
#pragma once

#include <sys/socket.h>

#include <cstring>

#include "tools/ipjit/kernel/view.h"

namespace ipjit::cli {

inline ipjit_dev_filter sample_filter(uint64_t id, const char* comm) {
  ipjit_dev_filter filter = {};
  filter.id = id;
  filter.insns = 24;
  filter.family = AF_PACKET;
  filter.type = SOCK_RAW;
  filter.protocol = 3;
  filter.uid = 1000;
  filter.netns = 4026531840;
  std::strncpy(filter.comm, comm, sizeof filter.comm - 1);
  return filter;
}

inline KernelView sample_view() {
  KernelView view;
  view.info.version = IPJIT_DEV_VERSION;
  view.info.mode = IPJIT_DEV_OBSERVE;
  view.info.filters = 3;
  view.info.code_used = 12 * 1024 + 512;
  view.info.code_size = 1 << 20;
  view.info.table_used = 65536;
  view.info.verify_cycles = 31400;
  view.info.verify_bytes = 1000;
  view.info.installs = 14;
  view.info.refusals = 1;
  view.info.left[IPJIT_DEV_LEFT_extended] = 2;

  ipjit_dev_filter dump = sample_filter(12, "tcpdump");
  dump.ifindex = 2;
  dump.tier = 2;
  dump.version = 5;
  dump.packets = 1'234'567;
  dump.native = 1'222'222;
  dump.passed_on = 12;
  dump.sampled = 1204;
  dump.compared = 1'204'000;
  dump.kernel_cycles = 100'000'000;
  dump.native_cycles = 69'000'000;
  dump.code_bytes = 1231;
  dump.retreats = 1;
  dump.first_native = 17;
  ipjit_dev_filter client = sample_filter(14, "dhclient");
  client.tier = 1;
  client.version = 7;
  client.packets = client.native = 553;
  client.compared = 553;
  client.kernel_cycles = 50'000;
  client.native_cycles = 50'000;
  client.code_bytes = 160;
  ipjit_dev_filter idle = sample_filter(15, "");
  idle.family = AF_INET;
  idle.type = SOCK_DGRAM;
  idle.protocol = 17;
  idle.flags = IPJIT_DEV_EVICTED;
  idle.first_native = IPJIT_DEV_NEVER;
  view.filters = {dump, client, idle};

  view.daemon.running = true;
  view.daemon.pid = 4711;
  view.daemon.why[12] = {"tier 2 saves 31 % of tier 1's time on 4096 sampled packets"};
  return view;
}

inline std::string sample_interface(uint32_t ifindex) { return ifindex == 2 ? "eth0" : ""; }

}  // namespace ipjit::cli
