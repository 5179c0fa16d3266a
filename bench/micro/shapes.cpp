// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/shapes.h"

#include <linux/filter.h>

#include "bench/traffic/traffic.h"
#include "ipjit/error.h"

namespace ipjit::bench {
namespace {

constexpr bpf::Insn load(uint16_t size, uint32_t at) {
  return {static_cast<uint16_t>(BPF_LD | size | BPF_ABS), 0, 0, at};
}
constexpr bpf::Insn equal(uint32_t value, uint8_t jt, uint8_t jf) {
  return {BPF_JMP | BPF_JEQ | BPF_K, jt, jf, value};
}
constexpr bpf::Insn give(uint32_t bytes) { return {BPF_RET | BPF_K, 0, 0, bytes}; }
constexpr uint32_t kAll = 262144;
constexpr uint32_t kWords = 8;  ///< more would not fit a register each

}  // namespace

// A jump reaches 255 instructions, so each test brings its own `ret`.
Compiled hosts_program(size_t count) {
  IPJIT_CHECK(count >= 1 && count <= 1000);
  Compiled compiled{{'h', ""}, {load(BPF_H, 12), equal(0x0800, 1, 0), give(0)}, 0};
  const std::vector<uint32_t> hosts = listed_hosts(count);
  for (uint32_t address : {26u, 30u}) {
    compiled.insns.push_back(load(BPF_W, address));
    for (uint32_t host : hosts) {
      compiled.insns.push_back(equal(host, 0, 1));
      compiled.insns.push_back(give(kAll));
    }
  }
  compiled.insns.push_back(give(0));
  return compiled;
}

Compiled chain_program(size_t count) {
  IPJIT_CHECK(count >= 1 && count <= 1000);
  Compiled compiled{{'h', ""}, {}, 0};
  for (uint32_t i = 0; i < count; ++i) {
    compiled.insns.push_back(load(BPF_W, 14 + i % kWords * 4));
    const uint32_t mask = 0x85ebca6bu * (i + 1) | 1;
    compiled.insns.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, mask});
    compiled.insns.push_back(equal(0x9e3779b9u * (i + 1) & mask, 0, 1));
    compiled.insns.push_back(give(kAll));
  }
  compiled.insns.push_back(give(0));
  return compiled;
}

}  // namespace ipjit::bench
