// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit doctor` says of the kernel, and which command it names.
#include "tools/ipjit/kernel/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipjit::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kRelease = "6.1.0-56-cloud-amd64";

KernelFacts healthy() {
  KernelFacts facts;
  facts.release = kRelease;
  facts.module_file = "/lib/modules/6.1.0-56-cloud-amd64/updates/dkms/ipjit.ko";
  facts.loaded = facts.source_installed = facts.headers_installed = facts.dkms_installed = true;
  facts.loaded_version = "0.1.0";
  facts.enabled = true;
  facts.lockdown = "none";
  facts.jit_enable = "1";
  facts.jit_harden = "0";
  facts.device = facts.device_usable = facts.group_exists = true;
  facts.device_mode = 0660;
  facts.device_group = "ipjit";
  facts.user = "root";
  facts.daemon_installed = facts.daemon_running = true;
  facts.daemon_pid = 4711;
  facts.mode = IPJIT_DEV_OBSERVE;
  return facts;
}

TEST(KernelChecks, AHealthyMachineNeedsNothing) {
  for (const Check& check : kernel_checks(healthy())) {
    EXPECT_EQ(check.health, Health::kOk) << check.name;
    EXPECT_EQ(check.mend, "") << check.name;
    EXPECT_NE(check.detail, "") << check.name;
  }
}

TEST(KernelChecks, EachStepTowardsTheModuleHasItsCommand) {
  KernelFacts facts = healthy();
  facts.loaded = false;
  EXPECT_EQ(check_kernel_module(facts).mend, "sudo ipjit kernel load");
  facts.module_file = "";
  EXPECT_THAT(check_kernel_module(facts).detail, HasSubstr("not installed for 6.1.0-56"));
  EXPECT_EQ(check_kernel_build(facts).mend,
            std::string("sudo dkms install ipjit/" IPJIT_VERSION " -k ") + kRelease);
  facts.headers_installed = false;
  EXPECT_THAT(check_kernel_build(facts).mend, HasSubstr("apt install linux-headers-6.1.0-56"));
  facts.source_installed = false;
  EXPECT_EQ(check_kernel_build(facts).mend, "sudo apt install ipjit-dkms");
}

TEST(KernelChecks, SigningIsSaidWhereItIsAskedFor) {
  KernelFacts facts = healthy();
  facts.loaded = false;
  facts.efi = true;
  facts.secure_boot = SecureBoot::kOn;
  facts.lockdown = "integrity";
  Check check = check_kernel_signing(facts);
  EXPECT_EQ(check.health, Health::kNote);
  EXPECT_THAT(check.detail, HasSubstr("lockdown integrity, secure boot on"));
  EXPECT_THAT(check.detail, HasSubstr("this one is not signed"));
  EXPECT_THAT(check.mend, HasSubstr("sudo dkms install --force ipjit/"));
  EXPECT_THAT(check.mend, HasSubstr("sudo mokutil --import /var/lib/dkms/mok.pub"));
  facts.dkms_key = true;
  facts.sign_file = "/lib/modules/6.1.0-56-cloud-amd64/build/scripts/sign-file";
  EXPECT_THAT(check_kernel_signing(facts).mend,
              HasSubstr("scripts/sign-file sha256 /var/lib/dkms/mok.key /var/lib/dkms/mok.pub "
                        "/lib/modules/6.1.0-56-cloud-amd64/updates/dkms/ipjit.ko &&"));
  facts.module_signed = true;
  check = check_kernel_signing(facts);
  EXPECT_THAT(check.detail, HasSubstr("this one is signed"));
  EXPECT_THAT(check.mend, testing::StartsWith("sudo mokutil --import"));
  facts.loaded = true;
  EXPECT_EQ(check_kernel_signing(facts).health, Health::kOk);
}

TEST(KernelChecks, WithoutEfiNoKeyCanBeEnrolled) {
  KernelFacts facts = healthy();
  facts.loaded = false;
  facts.signatures_enforced = true;
  const Check check = check_kernel_signing(facts);
  EXPECT_THAT(check.detail, HasSubstr("module.sig_enforce=1"));
  EXPECT_THAT(check.detail, HasSubstr("without EFI no key can be enrolled"));
  EXPECT_THAT(check.mend, HasSubstr("off the kernel's command line"));
}

TEST(KernelChecks, Taint) {
  KernelFacts facts = healthy();
  facts.taint = 1 << 12 | 1 << 13;
  facts.module_taint = "OE";
  EXPECT_EQ(check_kernel_taint(facts).detail,
            "12288: O out-of-tree module, E unsigned module; ipjit's own: OE");
  EXPECT_EQ(check_kernel_taint(facts).health, Health::kOk);
  facts.taint |= 1 << 9;
  EXPECT_EQ(check_kernel_taint(facts).health, Health::kNote);
  EXPECT_EQ(taint_words(1 << 18), "other flags");
}

TEST(KernelChecks, WhatStandsBetweenUserAndDevice) {
  KernelFacts facts = healthy();
  facts.user = "alice";
  facts.device_usable = false;
  EXPECT_THAT(check_kernel_device(facts).mend, HasSubstr("sudo adduser alice ipjit"));
  facts.group_exists = false;
  EXPECT_EQ(check_kernel_device(facts).mend, "sudo apt install ipjitd");
  facts = healthy();
  facts.device_mode = 0666;
  EXPECT_EQ(check_kernel_device(facts).health, Health::kMissing);
  EXPECT_THAT(check_kernel_device(facts).detail, HasSubstr("open to every user"));
  facts = healthy();
  facts.device_refusal = "the loaded module speaks version 2.1, this program 1.1";
  EXPECT_THAT(check_kernel_device(facts).detail, HasSubstr("speaks version 2.1"));
}

TEST(KernelChecks, JitDaemonAndMode) {
  KernelFacts facts = healthy();
  facts.jit_enable = "0";
  EXPECT_EQ(check_kernel_jit(facts).mend, "sudo sysctl -w net.core.bpf_jit_enable=1");
  facts.daemon_running = false;
  EXPECT_EQ(check_kernel_daemon(facts).mend, "sudo systemctl start ipjitd");
  facts.enabled = false;
  EXPECT_THAT(check_kernel_module(facts).detail, HasSubstr("enabled=0"));
  facts.boot.configured = IPJIT_DEV_ON;
  facts.boot.held = "the machine stopped";
  EXPECT_EQ(check_kernel_mode(facts).detail, "off, configured on: the machine stopped");
  EXPECT_EQ(check_kernel_mode(facts).mend, "sudo ipjit kernel mode on");
}

TEST(KernelFacts, Lockdown) {
  EXPECT_EQ(lockdown_of("none [integrity] confidentiality"), "integrity");
  EXPECT_EQ(lockdown_of("[none] integrity confidentiality"), "none");
  EXPECT_EQ(lockdown_of(""), "");
  EXPECT_EQ(lockdown_of("] ["), "");
}

}  // namespace
}  // namespace ipjit::cli
