// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any bytes as a classic program and a packet.
//
//   byte 0   bit 0: the dialect
//   byte 1   number of instructions
//   then     instructions of 8 bytes, as in memory
//   then     the packet
//
// What must hold for every input: what check() refuses, translate() refuses with the same words;
// what it takes becomes valid IR, or is refused for a backward jump only; and the classic
// interpreter, the IR interpreter before and after optimising, and libpcap's bpf_filter() agree on
// the packet.
#include <pcap/pcap.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "bpf-frontend/check.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/opcodes.h"
#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/optimize.h"
#include "ir/validate.h"

namespace {

using namespace ipjit;
using bpf::Dialect;

constexpr size_t kMaxInput = 4096;  // longer inputs only slow the search down

struct Input {
  Dialect dialect;
  bpf::InsnList program;
  std::span<const uint8_t> packet;
};

Input split(std::span<const uint8_t> bytes) {
  Input input{
      .dialect = bytes[0] & 1 ? Dialect::kLinux : Dialect::kLibpcap, .program = {}, .packet = {}};
  size_t count = bytes[1];
  bytes = bytes.subspan(2);
  for (; count-- > 0 && bytes.size() >= sizeof(bpf::Insn);
       bytes = bytes.subspan(sizeof(bpf::Insn))) {
    bpf::Insn insn;
    std::memcpy(&insn, bytes.data(), sizeof insn);
    input.program.push_back(insn);
  }
  input.packet = bytes;
  return input;
}

ipjit_ctx context_of(std::span<const uint8_t> packet) {
  ipjit_ctx ctx;
  std::memset(&ctx, 0, sizeof ctx);
  uint32_t value = 1;
#define IPJIT_FIELD(name, meaning) ctx.name = value *= 7;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  ctx.wire_len = static_cast<uint32_t>(packet.size());
  ctx.net_off = packet.empty() ? 14 : packet[0];
  ctx.vlan_present = bpf::kNoVlanData;  // as in bpf_filter()
  return ctx;
}

// libpcap leaves M[] uninitialised.
bool reads_memory(std::span<const bpf::Insn> program) {
  for (const bpf::Insn& insn : program)
    if (bpf::kind_of(insn.code) == bpf::Kind::kRead) return true;
  return false;
}

uint32_t run_libpcap(const Input& input) {
  std::vector<bpf_insn> insns;
  for (const bpf::Insn& insn : input.program)
    insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
  u_int size = static_cast<u_int>(input.packet.size());
  return bpf_filter(insns.data(), input.packet.data(), size, size);
}

void run_everywhere(const Input& input, ir::Program ir) {
  const ipjit_ctx ctx = context_of(input.packet);
  const uint32_t expected = bpf::interpret(input.program, input.dialect, input.packet, ctx);
  IPJIT_CHECK(ir::interpret(ir, input.packet, ctx) == expected);
  ir::optimize(ir);
  IPJIT_CHECK(bool(ir::validate(ir)));
  IPJIT_CHECK(ir::interpret(ir, input.packet, ctx) == expected);
  if (input.dialect == Dialect::kLibpcap && !reads_memory(input.program))
    IPJIT_CHECK(run_libpcap(input) == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  const Input input = split({data, size});
  const Status status = bpf::check(input.program, input.dialect);
  const Result<ir::Program> ir = bpf::translate(input.program, input.dialect);
  if (!status) {
    IPJIT_CHECK(!ir && ir.error() == status.error());
    return 0;
  }
  IPJIT_CHECK(bool(ir) == !bpf::has_backward_jump(input.program));
  if (!ir) {
    IPJIT_CHECK(ir.error().code == Code::kBackwardJump);
    return 0;  // It may run for ever.
  }
  IPJIT_CHECK(bool(ir::validate(*ir)));
  IPJIT_CHECK(bool(bpf::parse_ddd(bpf::print_ddd(input.program))));
  run_everywhere(input, *ir);
  return 0;
}
