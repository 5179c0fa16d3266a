// SPDX-License-Identifier: BSD-2-Clause
// What machine is this: a named target, as compilers name them, and the caches.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ipjit/abi.h"
#include "ipjit/error.h"

namespace ipjit::arch {

/// A named set of features; compilers ask it and nothing else.
struct Target {
  std::string_view name;  ///< "x86-64-v3"
  uint32_t isa = 0;       ///< enum ipjit_isa bits: scalar groups the tiers may use
  bool avx2 = false;      ///< vector groups, for burst bodies
  bool avx512 = false;
  std::string_view description;  ///< one line for `ipjit doctor`

  // What the place where code runs asks of it, beside the CPU; see kernel_target().
  bool tables_in_ctx = false;  ///< tables are reached through ctx->tables[], not beside the code
  /// Not 0: no constant of the program stands in its code, but is made of two numbers that are
  /// drawn from this seed.
  uint64_t constant_seed = 0;

  bool operator==(const Target&) const = default;
};

/// Data and instruction caches of one core, bytes; 0 where the machine does not say.
struct Caches {
  uint64_t l1d = 0;
  uint64_t l1i = 0;
  uint64_t l2 = 0;
  uint64_t l3 = 0;

  bool operator==(const Caches&) const = default;
};

/// Every target that ipjit knows, poorest first: x86-64-v1, -v2, -v3, -v4.
std::span<const Target> targets();

/// The richest known target that this CPU (and its operating system's saved state) supports.
/// From: CPUID and XGETBV, Intel SDM vol. 2A; x86-64 psABI micro-architecture levels.
const Target& detect();

/// The target named, a kernel's too; one that this CPU lacks is given too, for cross-compiling.
/// Fails: kUnknownTarget, listing the names.
Result<const Target*> target_named(std::string_view name);

/// True if this process can run code compiled for `target`: never a kernel's.
bool supported(const Target& target);

/// What compilers use by default: IPJIT_TARGET if set (not under AT_SECURE), else detect().
/// Fails: kUnknownTarget; kUnavailable if this CPU cannot run it.
Result<const Target*> default_target();

/// From: CPUID leaf 4 (Intel) or 0x8000001d (AMD).
Caches caches();

/// Targets of code that runs in the kernel, poorest first: kernel-v1 to kernel-v3.
std::span<const Target> kernel_targets();

/// The richest of them within `isa` (enum ipjit_isa bits, as the module reports them).  Room for a
/// return thunk needs no word: both tiers leave it everywhere.
Target kernel_target(uint32_t isa, uint64_t constant_seed = 0);

/// CPU brand string, trimmed; empty where CPUID has none.
std::string cpu_brand();

}  // namespace ipjit::arch
