// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any bytes as a program of a socket, and a packet of which the kernel's code for it
// sees all and ours a part.
//
//   byte 0      bytes in sight; 255: all
//   4 bytes     fields that the module offers
//   byte 5      number of instructions
//   then        instructions of 8 bytes, as in memory
//   then        the packet
//
// What must hold for every input that check() takes: kernel form, before and after its passes,
// reads no field beyond those offered, and gives the verdict that the program has of the whole
// packet, or `pull`, which means that the kernel's own code decides; tier 1's code for it is
// accepted by the verifier for the module.  Where both dialects mean the same, libpcap's
// bpf_filter() says so too.
#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "bpf-frontend/ancillary.h"
#include "bpf-frontend/check.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/opcodes.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/kernel_form.h"
#include "ir/validate.h"
#include "runtime/kernel/compile.h"

namespace {

using namespace ipjit;
using bpf::Dialect;

constexpr size_t kMaxInput = 4096;  // longer inputs only slow the search down
constexpr size_t kHeader = 6;
constexpr uint64_t kPull = uint64_t{IPJIT_NEED_BYTES} << 32;
constexpr uint64_t kEveryField = (uint64_t{1} << IPJIT_FIELD_COUNT) - 1;
constexpr uint32_t kEveryIsa = 0x1f;

struct Input {
  uint64_t fields = 0;
  bpf::InsnList program;
  std::span<const uint8_t> packet;
  std::span<const uint8_t> head;  ///< its part in sight
};

Input split(std::span<const uint8_t> bytes) {
  uint32_t fields;
  std::memcpy(&fields, &bytes[1], sizeof fields);
  Input input{.fields = fields & kEveryField, .program = {}, .packet = {}, .head = {}};
  const size_t seen = bytes[0];
  size_t count = bytes[5];
  bytes = bytes.subspan(kHeader);
  for (; count-- > 0 && bytes.size() >= sizeof(bpf::Insn);
       bytes = bytes.subspan(sizeof(bpf::Insn))) {
    bpf::Insn insn;
    std::memcpy(&insn, bytes.data(), sizeof insn);
    input.program.push_back(insn);
  }
  input.packet = bytes;
  input.head = bytes.first(seen == 255 ? bytes.size() : std::min(seen, bytes.size()));
  return input;
}

/// The first byte of the packet says where its network header is, so it may be before data.
ipjit_ctx context_of(std::span<const uint8_t> packet) {
  ipjit_ctx ctx = {};
  uint32_t value = 1;
#define IPJIT_FIELD(name, meaning) ctx.name = value *= 7;
#include "ipjit/fields.def"
#undef IPJIT_FIELD
  ctx.wire_len = static_cast<uint32_t>(packet.size());
  const int32_t net_off = packet.empty() ? 14 : static_cast<int8_t>(packet[0]);
  ctx.net_off = static_cast<uint32_t>(net_off);
  return ctx;
}

/// Of these loads and shifts the dialects think differently, and libpcap leaves M[] as it was.
bool is_linux_only(const bpf::Insn& insn) {
  const bool load = BPF_CLASS(insn.code) == BPF_LD || BPF_CLASS(insn.code) == BPF_LDX;
  if (load && (BPF_MODE(insn.code) == BPF_IND || BPF_MODE(insn.code) == BPF_MEM)) return true;
  if (load && BPF_MODE(insn.code) != BPF_IMM && insn.k >= bpf::kLinkOffset) return true;
  const bool shift = BPF_OP(insn.code) == BPF_LSH || BPF_OP(insn.code) == BPF_RSH;
  return BPF_CLASS(insn.code) == BPF_ALU && shift;
}

uint32_t run_libpcap(const Input& input) {
  std::vector<bpf_insn> insns;
  for (const bpf::Insn& insn : input.program)
    insns.push_back({insn.code, insn.jt, insn.jf, insn.k});
  const u_int size = static_cast<u_int>(input.packet.size());
  return bpf_filter(insns.data(), input.packet.data(), size, size);
}

void check_form(const ir::Program& form, const Input& input, uint32_t verdict) {
  IPJIT_CHECK(bool(ir::validate(form)));
  IPJIT_CHECK(ir::is_kernel_form(form));
  IPJIT_CHECK((ir::fields_read(form) & ~input.fields) == 0);
  const uint64_t result = ir::interpret(form, input.head, context_of(input.packet));
  IPJIT_CHECK(result == kPull || result == verdict);
}

/// Refusals are for size and registers; never because our own verifier found something.
void check_code(const Input& input) {
  const Result<kernel::Unit> unit =
      kernel::compile(input.program, {.isa = kEveryIsa, .fields = input.fields});
  IPJIT_CHECK(unit || unit.error().stage != Stage::kVerifier);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kHeader || size > kMaxInput) return 0;
  const Input input = split({data, size});
  const Status status = bpf::check(input.program, Dialect::kLinux);
  Result<ir::Program> form = bpf::translate_for_kernel(input.program, input.fields);
  if (!status) {
    IPJIT_CHECK(!form && form.error() == status.error());
    return 0;
  }
  IPJIT_CHECK(bool(form));
  const ipjit_ctx ctx = context_of(input.packet);
  const uint32_t verdict = bpf::interpret(input.program, Dialect::kLinux, input.packet, ctx);
  if (std::ranges::none_of(input.program, is_linux_only))
    IPJIT_CHECK(run_libpcap(input) == verdict);
  check_form(*form, input, verdict);
  ir::optimize_kernel_form(*form);
  check_form(*form, input, verdict);
  check_code(input);
  return 0;
}
