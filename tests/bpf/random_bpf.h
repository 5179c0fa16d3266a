// SPDX-License-Identifier: BSD-2-Clause
// Random classic BPF programs, and packets that reach deep into them.
//
//   Random random(seed);
//   InsnList program = random_program(random, Dialect::kLinux);
//   for (int i = 0; i < 20; ++i) {
//     RandomPacket packet = random_packet(random, program);
//     ... run(program, packet.data, packet.ctx) on every engine ...
//   }
//
// A third of the programs and more accept one of their packets and reject another, which is what a
// comparison of engines needs; tests/bpf/random_test.cpp counts them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/abi.h"

namespace ipjit::bpf {

/// The same seed gives the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next();
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(next() % limit); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  template <class T>
  const T& pick(std::span<const T> from) {
    return from[below(static_cast<uint32_t>(from.size()))];
  }

 private:
  uint64_t state_;
};

/// A program that check() accepts: header walks (4*([k]&15), [x + k]), arithmetic, M[], chains of
/// comparisons, and constants at the edges of every range.
///
/// Takes: the most blocks that it may have, each of 1 to 12 instructions.
/// Gives: forward jumps only; M[] written before read; Linux: every SKF_* too.
InsnList random_program(Random& random, Dialect dialect, uint32_t max_blocks = 12);

struct RandomPacket {
  std::vector<uint8_t> data;  ///< its size is the captured length
  ipjit_ctx ctx;              ///< every field has a value; no pointer is set
};

/// A packet that looks like Ethernet and IP, with constants of the program written where it loads,
/// cut at a random length one time in four.
RandomPacket random_packet(Random& random, std::span<const Insn> program);

}  // namespace ipjit::bpf
