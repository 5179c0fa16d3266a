// SPDX-License-Identifier: BSD-2-Clause
// The street for filters of the kernel: classic words in, what INSTALL takes out.
//
//   kernel::Machine machine{info.isa, info.fields};
//   if (filter.flags & IPJIT_DEV_HARDENED) machine.constant_seed = random;    // anew for each unit
//   Result<kernel::Unit> unit = kernel::compile(insns, machine);
//   install.code = code_of(unit->code); install.tables = tables_of(unit->code);
//   ir::Specialised hot = ir::specialise(unit->program, profile, facts);
//   Result<kernel::Unit> fast = kernel::compile_special(hot.program, machine, tier2);
//
// What the module asks of code, and how the compilers give it: docs/kernel.md, "Kernel form".
#pragma once

#include <cstdint>
#include <span>

#include "arch-detect/target.h"
#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "ir/compiler.h"
#include "ir/program.h"

namespace ipjit::kernel {

/// What the module says of its machine, and one filter's socket of its rights.
struct Machine {
  uint32_t isa = 0;            ///< ipjit_dev_info.isa
  uint64_t fields = 0;         ///< ipjit_dev_info.fields
  uint64_t constant_seed = 0;  ///< IPJIT_DEV_HARDENED: random and not 0; else 0

  bool operator==(const Machine&) const = default;
};

/// One program in kernel form, and code for it.
struct Unit {
  ir::Program program;   ///< replays samples; what is specialised
  ir::MachineCode code;  ///< verified, within the module's limits
};

/// Checks, translates, optimises, emits with tier 1 and verifies.
///
/// Takes: a program as the kernel keeps it.
/// Gives: code that returns IPJIT_DONE and the kernel's verdict, or IPJIT_NEED_BYTES where only the
///        kernel's own code can tell.
/// Fails: as bpf::check(), tier 1 and the verifier; kTooLong beyond the module's limits.
/// Thread: any; compilers are per thread.
Result<Unit> compile(std::span<const bpf::Insn> insns, const Machine& machine);

/// The same for a program that was specialised out of a unit's.
///
/// Takes: tier 1, or tier 2 (also remote), which refuses where machine.constant_seed is set.
/// Fails: as compile(), and as the compiler.
Result<Unit> compile_special(ir::Program program, const Machine& machine, ir::Compiler& compiler);

/// ipjit_dev_install.code and .tables: the contract's tables, each at a multiple of 64.
std::span<const uint8_t> code_of(const ir::MachineCode& code);
std::span<const uint8_t> tables_of(const ir::MachineCode& code);

/// The target that compilers are given for the machine.
arch::Target target_of(const Machine& machine);

}  // namespace ipjit::kernel
