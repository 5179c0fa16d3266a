// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro/native.h"

#include "bpf-frontend/translate.h"
#include "ir/optimize.h"
#include "ir/validate.h"
#include "verifier/verifier.h"

namespace ipjit::bench {

Result<ir::Program> general_program(std::span<const bpf::Insn> insns) {
  Result<ir::Program> program = bpf::translate(insns, bpf::Dialect::kLibpcap);
  if (!program) return program.error();
  ir::optimize(*program);
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  return program;
}

Result<NativePtr> make_native(const ir::Program& program, ir::Compiler& compiler) {
  // What the loops below give; the interface is 0.
  constexpr uint64_t kGiven = uint64_t{1} << IPJIT_FIELD_wire_len | uint64_t{1} << IPJIT_FIELD_iif;
  Result<const arch::Target*> target = arch::default_target();
  if (!target) return target.error();
  Result<ir::MachineCode> code = compiler.compile(program, **target);
  if (!code) return code.error();
  if (code->contract.fields & ~kGiven)
    return Error{Stage::kRuntime, Code::kUnavailable, 0, "reads more of ctx: not measured bare"};
  Result<verifier::Proof> proof = verifier::verify(code->bytes, code->code_len, code->contract);
  if (!proof) return proof.error();
  Result<runtime::InstalledCode> sealed = runtime::CodeMemory::seal(code->bytes, *proof);
  if (!sealed) return sealed.error();
  return std::make_shared<Native>(
      Native{.code = std::move(*sealed),
             .code_bytes = code->code_len,
             .table_bytes = static_cast<uint32_t>(code->bytes.size()) - code->code_len,
             .reach = runtime::reach_of(program)});
}

namespace {

uint64_t matches_of(ipjit_entry_fn entry, ipjit_ctx& ctx, std::span<const ipjit_packet> packets,
                    size_t rounds) {
  uint64_t matches = 0;
  for (size_t round = 0; round < rounds; ++round)
    for (const ipjit_packet& packet : packets) {
      ctx.wire_len = packet.len;
      matches += static_cast<uint32_t>(entry(packet.data, packet.caplen, &ctx)) != 0;
    }
  return matches;
}

}  // namespace

Runner calls(const std::string& name, ipjit_entry_fn entry, std::span<const ipjit_packet> packets) {
  return Runner{name, [entry, packets](size_t count, size_t rounds) {
                  ipjit_ctx ctx = {};
                  return matches_of(entry, ctx, packets.first(count), rounds);
                }};
}

Runner body_runner(const std::string& name, NativePtr native,
                   std::span<const ipjit_packet> packets) {
  return Runner{name, [native, packets](size_t count, size_t rounds) {
                  ipjit_ctx ctx = {};
                  ctx.counters = native->counters;
                  return matches_of(native->entry(), ctx, packets.first(count), rounds);
                }};
}

}  // namespace ipjit::bench
