// SPDX-License-Identifier: BSD-2-Clause
// A machine with the module and the daemon, whose clock is the test's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/ipjitd/fake_device.h"
#include "tests/runtime/programs.h"
#include "tools/ipjitd/daemon.h"

namespace ipjit::daemon {

struct Machine {
  Machine() {
    tools.now_ns = [this] { return now_ns; };
    tools.random = [this] { return random += 0x9e3779b97f4a7c15; };
    boot();
  }

  /// What killing the daemon and starting another one is: nothing of it is left.
  void boot() {
    daemon.reset();
    table = std::make_unique<Table>();
    daemon = std::make_unique<Daemon>(device, *table, log, tools);
  }
  void start() {
    const Status started = daemon->start();
    IPJIT_CHECK(bool(started));
  }
  uint64_t round() {
    const Result<uint64_t> pause_ns = daemon->round();
    IPJIT_CHECK(bool(pause_ns));
    return *pause_ns;
  }
  /// Rounds without time in between, until nobody waits.
  uint32_t settle() {
    uint32_t rounds = 0;
    while (round() == 0) IPJIT_CHECK(++rounds < 10'000);
    return rounds;
  }
  void pass(uint64_t ns) { now_ns += ns; }

  const Known& known(uint64_t id) const { return table->filters.at(id); }
  uint32_t tier(uint64_t id) { return device.about(id).tier; }
  uint32_t said(const std::string& words) const {
    uint32_t count = 0;
    for (const std::string& line : lines) count += line.find(words) != std::string::npos;
    return count;
  }

  kernel::FakeDevice device;
  std::vector<std::string> lines;
  Log log{[this](Level, const std::string& line) { lines.push_back(line); }, Level::kInfo};
  Tools tools;
  std::unique_ptr<Table> table;
  std::unique_ptr<Daemon> daemon;
  uint64_t now_ns = 1'000'000'000'000;
  uint64_t random = 1;
};

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace ipjit::daemon
