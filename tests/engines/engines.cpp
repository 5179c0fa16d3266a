// SPDX-License-Identifier: BSD-2-Clause
// The engines, and the report on a disagreement.
//
// The reference of the libpcap dialect is libpcap's own interpreter, of the Linux dialect our plain
// cBPF interpreter, which shares nothing with the IR.  Every piece of native code passes the
// verifier before it runs, here as everywhere.
#include "tests/engines/engines.h"

#include <pcap/pcap.h>

#include <memory>

#include "arch-detect/target.h"
#include "bpf-frontend/check.h"
#include "bpf-frontend/interpret.h"
#include "bpf-frontend/text.h"
#include "bpf-frontend/translate.h"
#include "ir/interpret.h"
#include "ir/kernel_form.h"
#include "ir/optimize.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "runtime/kernel/compile.h"
#include "tests/engines/native_code.h"
#include "tests/engines/tier2_compiler.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::testing {
namespace {

static_assert(sizeof(bpf::Insn) == sizeof(bpf_insn));

EngineUnderTest libpcap_engine(const bpf::InsnList& insns) {
  return {"libpcap", [&insns](std::span<const uint8_t> data, const ipjit_ctx& ctx) {
            return bpf_filter(reinterpret_cast<const bpf_insn*>(insns.data()), data.data(),
                              ctx.wire_len, static_cast<u_int>(data.size()));
          }};
}

/// libpcap leaves M[] uninitialised, so such a program has no result there; ours have: 0.
bool reads_unwritten(std::span<const bpf::Insn> insns) {
  Status valid = bpf::check(insns, bpf::Dialect::kLinux);
  return !valid && valid.error().code == Code::kReadBeforeWrite;
}

EngineUnderTest ir_engine(std::string name, ir::Program program) {
  auto shared = std::make_shared<ir::Program>(std::move(program));
  return {std::move(name), [shared](std::span<const uint8_t> data, const ipjit_ctx& ctx) {
            return ipjit_result_value(ir::interpret(*shared, data, ctx));
          }};
}

Result<EngineUnderTest> native_engine(std::string name, ir::Compiler& tier,
                                      const ir::Program& program, const arch::Target& target) {
  Result<Native> code = native_code(tier, program, target);
  if (!code) return code.error();
  return EngineUnderTest{std::move(name),
                         [run = *code](std::span<const uint8_t> data, const ipjit_ctx& ctx) {
                           return ipjit_result_value(run(data, ctx));
                         }};
}

/// Sees `shift`-fold less of the packet than there is; the general program decides what it pulls.
EngineUnderTest pulling_engine(std::string name, Native run, const bpf::InsnList& insns,
                               uint32_t shift) {
  return {
      std::move(name) + (shift ? ", part in sight" : ""),
      [run = std::move(run), insns, shift](std::span<const uint8_t> data, const ipjit_ctx& ctx) {
        const uint64_t result = run(data.first(data.size() >> shift), ctx);
        if (ipjit_result_status(result) == IPJIT_DONE) return ipjit_result_value(result);
        return bpf::interpret(insns, bpf::Dialect::kLinux, data, ctx);
      }};
}

/// What the module offers: all but the fields that a call of the kernel would have to compute.
constexpr uint64_t kOfferedFields =
    (uint64_t{1} << IPJIT_FIELD_COUNT) - 1 -
    (uint64_t{1} << IPJIT_FIELD_pay_offset | uint64_t{1} << IPJIT_FIELD_nlattr |
     uint64_t{1} << IPJIT_FIELD_nlattr_nest | uint64_t{1} << IPJIT_FIELD_random);

std::vector<const arch::Target*> targets_of(Breadth breadth) {
  if (breadth != Breadth::kAllTargets) return {&arch::detect()};
  std::vector<const arch::Target*> all;
  for (const arch::Target& target : arch::targets())
    if (arch::supported(target)) all.push_back(&target);
  return all;
}

}  // namespace

Result<Engines> Engines::make(std::span<const bpf::Insn> insns, bpf::Dialect dialect,
                              Breadth breadth) {
  Engines made;
  made.insns_.assign(insns.begin(), insns.end());
  made.dialect_ = dialect;
  made.guard_ = std::make_shared<GuardedPacket>();
  if (Status valid = bpf::check(insns, dialect); !valid) return valid.error();
  auto shared = std::make_shared<bpf::InsnList>(made.insns_);
  if (dialect == bpf::Dialect::kLibpcap && !reads_unwritten(insns)) {
    EngineUnderTest reference = libpcap_engine(*shared);
    made.engines_.push_back({reference.name, [shared, run = reference.run](auto data, auto& ctx) {
                               return run(data, ctx);
                             }});
  }
  made.engines_.push_back({"cbpf interp", [shared, dialect](auto data, auto& ctx) {
                             return bpf::interpret(*shared, dialect, data, ctx);
                           }});
  if (bpf::has_backward_jump(insns)) return made;

  Result<ir::Program> program = bpf::translate(insns, dialect);
  if (!program) return program.error();
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  ir::Program optimised = *program;
  ir::optimize(optimised);
  if (Status valid = ir::validate(optimised); !valid) return valid.error();
  made.ir_ = ir::print(*program) + "optimised:\n" + ir::print(optimised);
  if (Status added = made.add_native(*program, optimised, breadth); !added) return added.error();
  if (dialect == bpf::Dialect::kLinux)
    if (Status added = made.add_kernel_form(breadth); !added) return added.error();
  made.engines_.push_back(ir_engine("interp", std::move(*program)));
  made.engines_.push_back(ir_engine("interp optimised", std::move(optimised)));
  return made;
}

Status Engines::add_native(const ir::Program& program, const ir::Program& optimised,
                           Breadth breadth) {
  static tier1::Tier1 tier1;
  const auto add = [&](const char* tier, ir::Compiler& compiler, const arch::Target& target,
                       bool optimise) -> Status {
    std::string name = tier + std::string(" ") + std::string(target.name) +
                       (optimise ? " optimised" : " as translated");
    auto engine = native_engine(name, compiler, optimise ? optimised : program, target);
    if (!engine) {
      Error error = engine.error();
      error.why = name + ": " + error.why + "\n" + ir_;
      return error;
    }
    engines_.push_back(std::move(*engine));
    return ok();
  };
  for (const arch::Target* target : targets_of(breadth))
    for (bool optimise : {false, true})
      if (Status added = add("tier1", tier1, *target, optimise); !added) return added;
  ir::Compiler* tier2 = engines::tier2_compiler();
  if (tier2 == nullptr || breadth == Breadth::kWithoutTier2) return ok();
  // Long programs would take LLVM seconds; it refuses the longest itself.
  if (optimised.blocks.size() > kMaxTier2Blocks) return ok();
  return add("tier2", *tier2, arch::detect(), true);
}

Status Engines::add_kernel_form(Breadth breadth) {
  static tier1::Tier1 tier1;
  Result<ir::Program> program = bpf::translate_for_kernel(insns_, kOfferedFields);
  if (!program) return program.error();
  ir::optimize_kernel_form(*program);
  if (Status valid = ir::validate(*program); !valid) return valid.error();
  const auto add = [&](const std::string& name, Native run) {
    for (uint32_t shift : {0u, 1u})
      engines_.push_back(pulling_engine(name + " in kernel form", run, insns_, shift));
  };
  add("ir", [shared = std::make_shared<ir::Program>(*program)](auto data, auto& ctx) {
    return ir::interpret(*shared, data, ctx);
  });
  const arch::Target target = arch::kernel_target(arch::detect().isa);
  const auto add_native = [&](const std::string& name, ir::Compiler& tier) -> Status {
    Result<Native> code = native_code(tier, *program, target);
    if (!code)
      return Error{code.error().stage, code.error().code, code.error().at,
                   name + ": " + code.error().why + "\n" + ir::print(*program)};
    add(name, *code);
    return ok();
  };
  if (Status added = add_native("tier1", tier1); !added) return added.error();
  ir::Compiler* tier2 = engines::tier2_compiler();
  if (!tier2 || breadth == Breadth::kWithoutTier2 || program->blocks.size() > kMaxTier2Blocks)
    return ok();
  return add_native("tier2", *tier2);
}

Result<uint32_t> Engines::run(std::span<const uint8_t> packet, const ipjit_ctx& ctx) {
  std::span<const uint8_t> placed = guard_->place(packet);
  uint32_t reference = engines_.front().run(placed, ctx);
  for (const EngineUnderTest& engine : engines_)
    if (engine.run(placed, ctx) != reference)
      return Error{Stage::kRuntime, Code::kInternal, 0, describe(placed, ctx)};
  return reference;
}

std::string Engines::describe(std::span<const uint8_t> packet, const ipjit_ctx& ctx) const {
  std::string text = "engines disagree on " + std::to_string(packet.size()) + " bytes (wire " +
                     std::to_string(ctx.wire_len) + ") " + hex_of_bytes(packet) + "\n";
  for (const EngineUnderTest& engine : engines_)
    text += "  " + engine.name + ": " + std::to_string(engine.run(packet, ctx)) + "\n";
  text += std::string(name_of(dialect_)) + " program:\n";
  text += insns_.size() <= 300 ? bpf::print_ddd(insns_) + ir_ : "(too long to show)\n";
  return text;
}

ipjit_ctx plain_ctx(uint32_t wire_len) {
  ipjit_ctx ctx = {};
  ctx.wire_len = wire_len;
  ctx.vlan_present = bpf::kNoVlanData;
  return ctx;
}

std::optional<std::vector<uint8_t>> bytes_of_hex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  int high = -1;
  for (char c : hex) {
    if (c == ' ') continue;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return std::nullopt;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return bytes;
}

std::string hex_of_bytes(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace ipjit::testing
