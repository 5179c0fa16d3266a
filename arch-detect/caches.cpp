// SPDX-License-Identifier: BSD-2-Clause
// Cache sizes from CPUID's deterministic cache parameters.
//
// Each subleaf of leaf 4 (Intel) or 0x8000001d (AMD) describes one cache, until one of type 0:
//
//   eax[4:0] type (1 data, 2 instructions, 3 both), eax[7:5] level
//   ebx ways-1 [31:22], partitions-1 [21:12], line-1 [11:0];  ecx sets-1
//
// Hazard: a hypervisor may hide both leaves; a size is then 0, and callers must not divide by it.
//
// From: Intel SDM vol. 2A, CPUID leaf 4; AMD APM vol. 3, Fn8000_001D.
// Tested by tests/arch/target_test.cpp.
#include <cpuid.h>

#include "arch-detect/target.h"

namespace ipjit::arch {
namespace {

constexpr uint32_t kIntelLeaf = 4;
constexpr uint32_t kAmdLeaf = 0x8000001d;
constexpr uint32_t kMaxCaches = 16;

uint32_t cache_leaf() {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr uint32_t kTopologyExtensions = 1u << 22;
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & kTopologyExtensions) != 0)
    return kAmdLeaf;
  return kIntelLeaf;
}

}  // namespace

Caches caches() {
  Caches out;
  const uint32_t leaf = cache_leaf();
  for (uint32_t i = 0; i < kMaxCaches; ++i) {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid_count(leaf, i, &eax, &ebx, &ecx, &edx)) break;
    const uint32_t type = eax & 31, level = (eax >> 5) & 7;
    if (type == 0) break;
    const uint64_t size = uint64_t{(ebx >> 22) + 1} * (((ebx >> 12) & 0x3ff) + 1) *
                          ((ebx & 0xfff) + 1) * (uint64_t{ecx} + 1);
    if (level == 1 && type == 2) out.l1i = size;
    if (level == 1 && type != 2) out.l1d = size;
    if (level == 2) out.l2 = size;
    if (level == 3) out.l3 = size;
  }
  return out;
}

}  // namespace ipjit::arch
