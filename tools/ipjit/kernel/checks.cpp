// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/kernel/checks.h"

#include <fmt/core.h>

#include "runtime/kernel/device.h"

namespace ipjit::cli {
namespace {

std::string install_command(const KernelFacts& facts) {
  return fmt::format("sudo dkms install ipjit/{} -k {}", IPJIT_VERSION, facts.release);
}

// DKMS signs what it builds with a key that it makes at the first build; a file that lies there
// unsigned was built by hand, or by DKMS without openssl.
std::string sign_command(const KernelFacts& facts) {
  if (facts.dkms_key && !facts.sign_file.empty() && facts.module_file.ends_with(".ko"))
    return fmt::format("sudo {} sha256 /var/lib/dkms/mok.key /var/lib/dkms/mok.pub {}",
                       facts.sign_file, facts.module_file);
  return fmt::format("sudo apt install openssl mokutil && sudo dkms install --force ipjit/{} -k {}",
                     IPJIT_VERSION, facts.release);
}

bool signature_needed(const KernelFacts& facts) {
  return facts.signatures_enforced || facts.lockdown == "integrity" ||
         facts.lockdown == "confidentiality";
}

const char* words_of(SecureBoot secure_boot) {
  switch (secure_boot) {
    case SecureBoot::kNone:
      return "no secure boot here";
    case SecureBoot::kOff:
      return "secure boot off";
    case SecureBoot::kOn:
      return "secure boot on";
  }
  return "?";
}

}  // namespace

Check check_kernel_module(const KernelFacts& facts) {
  const char* name = "kernel module";
  if (facts.loaded && facts.enabled == false)
    return {name, Health::kNote, "loaded with enabled=0: it takes over nothing",
            "sudo ipjit kernel unload, take enabled=0 out of /etc/modprobe.d or the kernel's "
            "command line, sudo ipjit kernel load"};
  if (facts.loaded)
    return {name, Health::kOk,
            fmt::format("loaded{}",
                        facts.loaded_version.empty() ? "" : ", version " + facts.loaded_version)};
  if (facts.module_file.empty())
    return {name, Health::kNote,
            fmt::format("not installed for {}: filters in the kernel stay with its own engine",
                        facts.release)};
  return {name, Health::kNote, "not loaded: " + facts.module_file, "sudo ipjit kernel load"};
}

Check check_kernel_build(const KernelFacts& facts) {
  const char* name = "module build";
  if (!facts.module_file.empty())
    return {name, Health::kOk, fmt::format("built for {}: {}", facts.release, facts.module_file)};
  if (!facts.source_installed || !facts.dkms_installed)
    return {name, Health::kMissing, "its source is not installed", "sudo apt install ipjit-dkms"};
  if (!facts.headers_installed)
    return {name, Health::kMissing, fmt::format("no headers of {} to build with", facts.release),
            fmt::format("sudo apt install linux-headers-{} && {}", facts.release,
                        install_command(facts))};
  return {name, Health::kMissing, fmt::format("source is here, not built for {}", facts.release),
          install_command(facts)};
}

Check check_kernel_signing(const KernelFacts& facts) {
  const char* name = "module signing";
  const std::string state = fmt::format(
      "lockdown {}, {}{}", facts.lockdown.empty() ? "not built in" : facts.lockdown,
      words_of(facts.secure_boot), facts.signatures_enforced ? ", module.sig_enforce=1" : "");
  if (!signature_needed(facts)) return {name, Health::kOk, state + ": no signature is asked for"};
  if (facts.loaded) return {name, Health::kOk, state + ": the module's signature was accepted"};
  std::string detail = state + ": only a module signed with a key that the kernel knows is loaded";
  if (!facts.module_file.empty())
    detail += facts.module_signed ? "; this one is signed" : "; this one is not signed";
  if (!facts.efi)
    return {name, Health::kNote, detail + "; without EFI no key can be enrolled",
            "take module.sig_enforce and lockdown off the kernel's command line"};
  std::string mend = facts.module_signed ? "" : sign_command(facts) + " && ";
  mend +=
      "sudo mokutil --import /var/lib/dkms/mok.pub && sudo reboot"
      "   # the boot screen's \"Enroll MOK\" asks for mokutil's password";
  return {name, Health::kNote, detail, mend};
}

Check check_kernel_taint(const KernelFacts& facts) {
  const char* name = "kernel taint";
  if (!facts.taint) return {name, Health::kOk, "0: not tainted"};
  std::string detail = fmt::format("{}: {}", facts.taint, taint_words(facts.taint));
  if (!facts.module_taint.empty()) detail += fmt::format("; ipjit's own: {}", facts.module_taint);
  constexpr uint64_t kTrouble = 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9 | 1u << 14;
  if (facts.taint & kTrouble) return {name, Health::kNote, detail, "sudo dmesg | less"};
  return {name, Health::kOk, detail};
}

Check check_kernel_jit(const KernelFacts& facts) {
  const char* name = "kernel jit";
  if (facts.jit_enable.empty())
    return {name, Health::kNote, "net.core.bpf_jit_enable cannot be read"};
  const std::string state = fmt::format("bpf_jit_enable={}, bpf_jit_harden={}", facts.jit_enable,
                                        facts.jit_harden.empty() ? "?" : facts.jit_harden);
  if (facts.jit_enable == "0")
    return {name, Health::kMissing, state + ": filters that the kernel interprets are left alone",
            "sudo sysctl -w net.core.bpf_jit_enable=1"};
  return {name, Health::kOk, state};
}

Check check_kernel_device(const KernelFacts& facts) {
  const char* name = "kernel device";
  if (!facts.device) {
    if (!facts.loaded) return {name, Health::kNote, "no /dev/ipjit: the module is not loaded"};
    return {name, Health::kMissing, "the module is loaded and /dev/ipjit is not there",
            "sudo udevadm trigger --subsystem-match=misc"};
  }
  const std::string state =
      fmt::format("/dev/ipjit, group {}, mode {:04o}", facts.device_group, facts.device_mode);
  if (!facts.device_refusal.empty())
    return {name, Health::kMissing, state + ": " + facts.device_refusal,
            "sudo ipjit kernel unload && sudo ipjit kernel load"};
  if (facts.device_mode & 0006)
    return {name, Health::kMissing, state + ": open to every user", "sudo chmod o-rw /dev/ipjit"};
  if (facts.device_usable) return {name, Health::kOk, state + ": usable by " + facts.user};
  return {name, Health::kNote, state + ": not usable by " + facts.user,
          facts.group_exists ? fmt::format("sudo adduser {} ipjit   # worth CAP_NET_RAW and "
                                           "CAP_NET_ADMIN; log in again",
                                           facts.user)
                             : "sudo apt install ipjitd"};
}

Check check_kernel_daemon(const KernelFacts& facts) {
  const char* name = "ipjitd";
  if (facts.daemon_running)
    return {name, Health::kOk,
            facts.daemon_pid ? fmt::format("runs, pid {}", facts.daemon_pid) : "runs"};
  if (!facts.loaded)
    return {name, Health::kNote,
            facts.daemon_installed ? "installed; starts with the module" : "not installed"};
  return {name, Health::kMissing, "does not run: filters are taken over and get no code",
          facts.daemon_installed ? "sudo systemctl start ipjitd" : "sudo apt install ipjitd"};
}

Check check_kernel_mode(const KernelFacts& facts) {
  const char* name = "kernel mode";
  if (!facts.settings_refusal.empty())
    return {name, Health::kMissing, facts.settings_refusal, "sudo editor /etc/ipjit/kernel.conf"};
  const char* configured = kernel::word_of(facts.boot.configured);
  if (facts.boot.held)
    return {name, Health::kNote,
            fmt::format("off, configured {}: {}", configured, *facts.boot.held),
            fmt::format("sudo ipjit kernel mode {}", configured)};
  if (!facts.loaded || !facts.mode) {
    const Start start = decide_start(facts.boot);
    return {name, Health::kOk,
            fmt::format("starts in {} ({})", kernel::word_of(start.mode), start.why)};
  }
  return {name, Health::kOk,
          fmt::format("{}{}, configured {}", kernel::word_of(*facts.mode),
                      facts.paused ? " (paused)" : "", configured)};
}

std::vector<Check> kernel_checks(const KernelFacts& facts) {
  return {check_kernel_module(facts), check_kernel_build(facts), check_kernel_signing(facts),
          check_kernel_taint(facts),  check_kernel_jit(facts),   check_kernel_device(facts),
          check_kernel_daemon(facts), check_kernel_mode(facts)};
}

}  // namespace ipjit::cli
