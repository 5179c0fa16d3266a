// SPDX-License-Identifier: BSD-2-Clause
// A packet begins as Ethernet, IPv4 or IPv6, TCP or UDP, with random bytes elsewhere; then some
// loads of the program are chosen, and what the next comparison wants (or nearly wants) is written
// there:
//
//   ld [26]
//   and #0xffffff00
//   jeq #0xc0000200      ->  packet[26..29] = c0 00 02 00, or one more, or one less
#include <algorithm>
#include <cstring>

#include "bpf-frontend/opcodes.h"
#include "tests/bpf/random_bpf.h"

namespace ipjit::bpf {
namespace {

constexpr uint32_t kPacketSize = 160;

void put(std::span<uint8_t> data, uint64_t at, uint32_t size, uint32_t value) {
  if (at + size > data.size()) return;
  for (uint32_t i = 0; i < size; ++i)
    data[at + i] = static_cast<uint8_t>(value >> 8 * (size - 1 - i));
}

void put_headers(Random& random, std::span<uint8_t> data) {
  bool six = random.one_in(4);
  put(data, 12, 2, six ? 0x86dd : 0x0800);
  if (six) {
    put(data, 14, 4, 0x60000000);
    put(data, 20, 1, random.one_in(2) ? 6 : 17);
    return;
  }
  put(data, 14, 1, 0x40 | (random.one_in(8) ? random.below(16) : 5));
  put(data, 20, 2, random.one_in(8) ? random.below(65536) : 0);
  put(data, 23, 1, random.one_in(2) ? 6 : 17);
  put(data, 26, 4, 0xc0000200 + random.below(4));
  put(data, 30, 4, 0xc0000200 + random.below(4));
  put(data, 34, 2, random.one_in(2) ? 80 : random.below(65536));
}

// What the first comparison within reach is made with.
const Insn* next_comparison(std::span<const Insn> program, size_t pc) {
  for (size_t next = pc + 1; next < std::min(pc + 5, program.size()); ++next)
    if (kind_of(program[next].code) == Kind::kBranch)
      return BPF_SRC(program[next].code) == BPF_K ? &program[next] : nullptr;
  return nullptr;
}

void satisfy_loads(Random& random, std::span<const Insn> program, std::span<uint8_t> data) {
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const Insn& insn = program[pc];
    const Insn* jump = is_packet_load(insn) ? next_comparison(program, pc) : nullptr;
    if (jump == nullptr || random.one_in(3)) continue;
    uint32_t value = jump->k;
    if (random.one_in(4)) value += random.one_in(2) ? 1 : 0xffffffff;
    uint32_t x = BPF_MODE(insn.code) == BPF_IND ? 4u * (data[14] & 15) : 0;
    put(data, uint64_t{x} + insn.k, load_size(insn), value);
  }
}

uint32_t random_field(Random& random) {
  switch (random.below(4)) {
    case 0:
      return random.below(3);
    case 1:
      return static_cast<uint32_t>(random.next());
    default:
      return random.below(256);
  }
}

}  // namespace

RandomPacket random_packet(Random& random, std::span<const Insn> program) {
  RandomPacket packet;
  std::memset(&packet.ctx, 0, sizeof packet.ctx);
  packet.data.resize(kPacketSize);
  if (!random.one_in(3))
    for (uint8_t& byte : packet.data) byte = static_cast<uint8_t>(random.next());
  put_headers(random, packet.data);
  satisfy_loads(random, program, packet.data);
#define IPJIT_FIELD(name, meaning) packet.ctx.name = random_field(random);
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  packet.ctx.wire_len = random.one_in(4) ? random.below(2000) : kPacketSize;
  if (!random.one_in(8)) packet.ctx.net_off = 14;
  packet.ctx.vlan_present = random.one_in(3) ? kNoVlanData : random.below(2);
  if (random.one_in(4)) packet.data.resize(random.below(kPacketSize));
  packet.data.shrink_to_fit();  // The address sanitizer then sees a byte read behind the end.
  return packet;
}

}  // namespace ipjit::bpf
