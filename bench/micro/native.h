// SPDX-License-Identifier: BSD-2-Clause
// A compiler's code with nothing of the library around it: compiled, verified, sealed, called.
//
// Hazard: the runtime that counts packets is in libipjit.so, which the rows of the C API use; a
// second copy of it in this program would have its own thread index, and the inlined runs would
// never find their stripe.  So only parts of it without that are used here (code memory, burst).
#pragma once

#include <memory>

#include "bench/micro/engines.h"
#include "ir/compiler.h"
#include "runtime/burst.h"
#include "runtime/code_memory.h"

namespace ipjit::bench {

struct Native {
  runtime::InstalledCode code;
  uint32_t code_bytes = 0;
  uint32_t table_bytes = 0;
  runtime::Reach reach = {};
  uint64_t counters[IPJIT_MAX_COUNTERS] = {};

  ipjit_entry_fn entry() const { return code.entry(); }
};
using NativePtr = std::shared_ptr<Native>;

/// The program as libpcap's dialect means it, optimised: what every tier starts from.
Result<ir::Program> general_program(std::span<const bpf::Insn> insns);

/// Takes: a program that reads no field of ctx but wire_len.
/// Fails: what the compiler and the verifier refuse.
Result<NativePtr> make_native(const ir::Program& program, ir::Compiler& compiler);

/// A loop of single calls; the code reads no field of ctx but wire_len.
Runner calls(const std::string& name, ipjit_entry_fn entry, std::span<const ipjit_packet> packets);
Runner body_runner(const std::string& name, NativePtr native,
                   std::span<const ipjit_packet> packets);

}  // namespace ipjit::bench
