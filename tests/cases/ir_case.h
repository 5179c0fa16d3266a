// SPDX-License-Identifier: BSD-2-Clause
// IR case files: a program and, in its comments, packets and what each gives.
//
//   ; about   telnet is dropped, the rest is left to the next chain
//   filter telnet
//   exits 2
//   b0: need th 4 else b2
//       ...
//   ; packet  45 pad(8) 06 pad(10) u16(1024) u16(23)  th 20  meta l4proto=6
//             gives exit 1 actions 7 counters 1 0
//
// Bytes are hexadecimal words of any length, pad(N) zeros, u8(N) u16(N) u32(N) decimal numbers in
// big endian, or addresses a.b.c.d.  Left out: th is 0 bytes at the packet's end, fields are 0,
// actions are none, counters all 0.  A packet is one line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipjit/abi.h"
#include "ipjit/error.h"
#include "ir/program.h"

namespace ipjit::cases {

struct PacketCase {
  uint32_t line = 0;
  std::vector<uint8_t> data;
  size_t th_at = 0;
  ipjit_ctx ctx = {};  ///< fields only
  uint64_t result = 0;
  std::vector<uint16_t> actions;
  std::vector<uint64_t> counters;
};

struct IrCase {
  std::string about;
  ir::Program program;
  std::vector<PacketCase> packets;
};

/// Fails: kSyntax for packet lines, as ir::parse() and ir::validate() for the program; `at` is the
///        line.
Result<IrCase> parse_ir_case(std::string_view text);

}  // namespace ipjit::cases
