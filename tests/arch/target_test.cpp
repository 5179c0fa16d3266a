// SPDX-License-Identifier: BSD-2-Clause
// Named targets, the override by environment, caches and brand of the machine that runs the test.
#include "arch-detect/target.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <string>

namespace ipjit::arch {
namespace {

std::string read_cpu_flags() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("flags", 0) == 0) return line + " ";
  return "";
}

class TargetEnvironment : public testing::Test {
 protected:
  void TearDown() override { unsetenv("IPJIT_TARGET"); }
};

TEST(Target, ListRunsFromPoorestToRichest) {
  ASSERT_EQ(targets().size(), 4u);
  for (size_t i = 0; i < targets().size(); ++i) {
    EXPECT_EQ(targets()[i].name, "x86-64-v" + std::to_string(i + 1));
    EXPECT_FALSE(targets()[i].description.empty());
    EXPECT_EQ(targets()[i == 0 ? 0 : i - 1].isa & ~targets()[i].isa, 0u);
  }
  EXPECT_EQ(targets()[0].isa, 0u);
  EXPECT_NE(targets()[2].isa & IPJIT_ISA_MOVBE, 0u);
  EXPECT_EQ(targets()[1].isa & IPJIT_ISA_MOVBE, 0u);
  EXPECT_TRUE(targets()[3].avx512);
}

TEST(Target, KernelTargetUsesOnlyWhatTheModuleReports) {
  for (uint32_t isa = 0; isa < 32; ++isa) {
    const Target target = kernel_target(isa, 7);
    EXPECT_EQ(target.isa & ~isa, 0u) << isa;
    EXPECT_TRUE(target.tables_in_ctx);
    EXPECT_FALSE(target.avx2);
    EXPECT_EQ(target.constant_seed, 7u);
    EXPECT_FALSE(supported(target)) << "code for the kernel does not run here";
  }
  EXPECT_EQ(kernel_target(0).name, "kernel-v1");
  EXPECT_EQ(kernel_target(IPJIT_ISA_POPCNT | IPJIT_ISA_MOVBE).name, "kernel-v2");
  EXPECT_EQ(kernel_target(31).name, "kernel-v3");
  EXPECT_EQ(*target_named("kernel-v3"), &kernel_targets().back());
}

TEST(Target, DetectAgreesWithTheKernel) {
  const std::string flags = read_cpu_flags();
  if (flags.empty()) GTEST_SKIP() << "no /proc/cpuinfo here";
  const auto has = [&](const char* flag) {
    return flags.find(std::string(" ") + flag + " ") != std::string::npos;
  };
  const bool v3 = has("movbe") && has("bmi1") && has("bmi2") && has("abm") && has("avx2") &&
                  has("fma") && has("f16c");
  const bool v4 = v3 && has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl") &&
                  has("avx512cd");
  EXPECT_EQ(supported(targets()[2]), v3);
  EXPECT_EQ(supported(targets()[3]), v4);
}

TEST(Target, WhatDetectFindsIsSupportedAndSoIsAllBelow) {
  for (const Target& target : targets()) {
    EXPECT_EQ(supported(target), &target <= &detect()) << target.name;
  }
}

TEST(Target, NamesAreFoundAndOthersRefused) {
  for (const Target& target : targets()) {
    Result<const Target*> found = target_named(target.name);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, &target);
  }
  Result<const Target*> unknown = target_named("x86-64-v9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kUnknownTarget);
  EXPECT_EQ(unknown.error().why,
            "target 'x86-64-v9' is unknown; known: x86-64-v1, x86-64-v2, x86-64-v3, x86-64-v4, "
            "kernel-v1, kernel-v2, kernel-v3");
}

TEST_F(TargetEnvironment, OverridesWhatCompilersUse) {
  setenv("IPJIT_TARGET", "x86-64-v1", 1);
  Result<const Target*> target = default_target();
  ASSERT_TRUE(target);
  EXPECT_EQ((*target)->name, "x86-64-v1");
}

TEST_F(TargetEnvironment, EmptyOrUnsetMeansThisMachine) {
  unsetenv("IPJIT_TARGET");
  EXPECT_EQ(*default_target(), &detect());
  setenv("IPJIT_TARGET", "", 1);
  EXPECT_EQ(*default_target(), &detect());
}

TEST_F(TargetEnvironment, RefusesAnUnknownName) {
  setenv("IPJIT_TARGET", "pentium", 1);
  Result<const Target*> target = default_target();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::kUnknownTarget);
}

TEST_F(TargetEnvironment, RefusesATargetThatThisMachineLacks) {
  const Target& best = targets().back();
  if (supported(best)) GTEST_SKIP() << "this CPU runs every known target";
  setenv("IPJIT_TARGET", std::string(best.name).c_str(), 1);
  Result<const Target*> target = default_target();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::kUnavailable);
}

TEST(Machine, CachesAgreeWithTheKernel) {
  std::ifstream in("/sys/devices/system/cpu/cpu0/cache/index0/size");
  if (!in) GTEST_SKIP() << "the kernel shows no caches here";
  uint64_t kib = 0;
  in >> kib;
  const Caches found = caches();
  EXPECT_EQ(found.l1d, kib * 1024);
  EXPECT_LE(found.l1d, found.l2);
  EXPECT_LE(found.l2, found.l3 == 0 ? found.l2 : found.l3);
}

TEST(Machine, BrandIsTrimmed) {
  const std::string brand = cpu_brand();
  if (brand.empty()) GTEST_SKIP() << "CPUID has no brand string here";
  EXPECT_NE(brand.front(), ' ');
  EXPECT_NE(brand.back(), ' ');
}

}  // namespace
}  // namespace ipjit::arch
