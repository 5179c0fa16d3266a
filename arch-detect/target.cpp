// SPDX-License-Identifier: BSD-2-Clause
// Named targets, and which of them this CPU can run.
//
// A target is a level of the x86-64 psABI (compilers say -march=x86-64-v3) reduced to the groups
// that ipjit emits.  Naming levels rather than single features keeps the number of code paths at
// four, so that one machine with AVX-512 tests all of them: IPJIT_TARGET=x86-64-v1 ...
//
//   CPUID leaf 1, 7, 0x80000001  ─▶ Cpu (one bit a feature)  ─▶ richest level whose bits are all
//   there XGETBV                       ─▶ vector groups count only if the operating system saves
//   them
//
// Hazard: a CPU may announce AVX that the kernel does not save (XCR0), so CPUID alone is not
// enough.
//
// From: Intel SDM vol. 2A CPUID, vol. 1 §13; x86-64 psABI §3.1.1.
// Tested by tests/arch/target_test.cpp.
#include "arch-detect/target.h"

#include <cpuid.h>
#include <stdlib.h>

#include <algorithm>
#include <array>

namespace ipjit::arch {
namespace {

constexpr uint32_t kV2 = IPJIT_ISA_POPCNT;
constexpr uint32_t kV3 = kV2 | IPJIT_ISA_MOVBE | IPJIT_ISA_BMI1 | IPJIT_ISA_BMI2 | IPJIT_ISA_LZCNT;

constexpr std::array kTargets = {
    Target{"x86-64-v1", 0, false, false, "any x86-64: SSE2"},
    Target{"x86-64-v2", kV2, false, false, "2009 and later: SSE4.2, popcnt"},
    Target{"x86-64-v3", kV3, true, false, "2013 and later: AVX2, BMI, lzcnt, movbe"},
    Target{"x86-64-v4", kV3, true, true, "AVX-512 F, BW, CD, DQ, VL"},
};

// No vector registers: the kernel does not save them for us.
constexpr std::array kKernelTargets = {
    Target{"kernel-v1", 0, false, false, "the kernel on any x86-64", true},
    Target{"kernel-v2", kV2, false, false, "the kernel on 2009 and later: popcnt", true},
    Target{"kernel-v3", kV3, false, false, "the kernel on 2013 and later: BMI, lzcnt, movbe", true},
};

struct Leaf {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Leaf out;
  // Zero where the CPU does not have the leaf.
  __get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx);
  return out;
}

constexpr bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

/// The vector state that the operating system saves; bits of XCR0.
uint64_t saved_state() {
  if (!has(cpuid(1).ecx, bit_OSXSAVE)) return 0;
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

/// How many of kTargets this CPU runs; every x86-64 CPU runs the first.
size_t supported_levels() {
  const Leaf basic = cpuid(1);
  const Leaf extended = cpuid(0x80000001);
  const Leaf structured = cpuid(7);
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6;
  constexpr uint32_t kLzcnt = 1u << 5, kLahf = 1u << 0;
  const uint64_t saved = saved_state();

  if (!has(basic.ecx,
           bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B) ||
      !has(extended.ecx, kLahf))
    return 1;
  if (!has(basic.ecx, bit_AVX | bit_FMA | bit_F16C | bit_MOVBE) || !has(extended.ecx, kLzcnt) ||
      !has(structured.ebx, bit_AVX2 | bit_BMI | bit_BMI2) || (saved & kYmm) != kYmm)
    return 2;
  if (!has(structured.ebx,
           bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL) ||
      (saved & kZmm) != kZmm)
    return 3;
  return kTargets.size();
}

std::string known_names() {
  std::string names;
  for (std::span<const Target> known : {std::span<const Target>(kTargets), kernel_targets()})
    for (const Target& target : known)
      names += (names.empty() ? "" : ", ") + std::string(target.name);
  return names;
}

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target& detect() {
  static const size_t levels = supported_levels();
  return kTargets[levels - 1];
}

Result<const Target*> target_named(std::string_view name) {
  for (std::span<const Target> known : {std::span<const Target>(kTargets), kernel_targets()})
    for (const Target& target : known)
      if (target.name == name) return &target;
  return Error{Stage::kTarget, Code::kUnknownTarget, 0,
               "target '" + std::string(name) + "' is unknown; known: " + known_names()};
}

bool supported(const Target& target) {
  const Target& best = detect();
  return !target.tables_in_ctx && (target.isa & ~best.isa) == 0 && target.avx2 <= best.avx2 &&
         target.avx512 <= best.avx512;
}

Result<const Target*> default_target() {
  // secure_getenv: a set-user-id program takes no orders from its caller's environment.
  const char* name = secure_getenv("IPJIT_TARGET");
  if (name == nullptr || *name == '\0') return &detect();
  Result<const Target*> target = target_named(name);
  if (!target) return target.error();
  if (!supported(**target))
    return Error{Stage::kTarget, Code::kUnavailable, 0,
                 "this CPU cannot run " + std::string(name) + " (IPJIT_TARGET); its best is " +
                     std::string(detect().name)};
  return *target;
}

std::span<const Target> kernel_targets() { return kKernelTargets; }

Target kernel_target(uint32_t isa, uint64_t constant_seed) {
  Target target = kKernelTargets.front();
  for (const Target& known : kKernelTargets)
    if ((known.isa & ~isa) == 0) target = known;
  target.constant_seed = constant_seed;
  return target;
}

std::string cpu_brand() {
  if (cpuid(0x80000000).eax < 0x80000004) return "";
  std::string brand;
  for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    const Leaf part = cpuid(leaf);
    for (uint32_t word : {part.eax, part.ebx, part.ecx, part.edx})
      for (int byte = 0; byte < 4; ++byte) brand += static_cast<char>(word >> (8 * byte));
  }
  brand.erase(std::find(brand.begin(), brand.end(), '\0'), brand.end());
  const size_t first = brand.find_first_not_of(' ');
  const size_t last = brand.find_last_not_of(' ');
  return first == std::string::npos ? "" : brand.substr(first, last - first + 1);
}

}  // namespace ipjit::arch
