// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/kernel/facts.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "runtime/kernel/device.h"
#include "tools/ipjit/files.h"
#include "tools/ipjit/kernel/view.h"

namespace ipjit::cli {
namespace {

// An EFI variable is four bytes of attributes and then its value.
SecureBoot secure_boot_of(const std::string& root) {
  const auto variable =
      text_of(root + "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
  if (!variable || variable->size() < 5) return SecureBoot::kNone;
  return (*variable)[4] ? SecureBoot::kOn : SecureBoot::kOff;
}

std::string group_name(gid_t gid) {
  const group* known = getgrgid(gid);
  return known ? known->gr_name : std::to_string(gid);
}

std::string user_name() {
  const passwd* known = getpwuid(geteuid());
  return known ? known->pw_name : std::to_string(geteuid());
}

void read_module(KernelFacts& facts, const std::string& root) {
  const std::string loaded = root + "/sys/module/ipjit";
  facts.loaded = exists(loaded);
  facts.loaded_version = first_line(loaded + "/version");
  facts.module_taint = first_line(loaded + "/taint");
  const std::string enabled = first_line(loaded + "/parameters/enabled");
  if (!enabled.empty()) facts.enabled = enabled == "Y" || enabled == "1";
  facts.source_installed = exists(fmt::format("{}/usr/src/ipjit-{}", root, IPJIT_VERSION));
  facts.headers_installed = exists(fmt::format("{}/lib/modules/{}/build", root, facts.release));
  facts.dkms_installed = exists(root + "/usr/sbin/dkms");
}

void read_kernel(KernelFacts& facts, const std::string& root) {
  facts.lockdown = lockdown_of(first_line(root + "/sys/kernel/security/lockdown"));
  facts.signatures_enforced = first_line(root + "/sys/module/module/parameters/sig_enforce") == "Y";
  facts.secure_boot = secure_boot_of(root);
  facts.efi = exists(root + "/sys/firmware/efi");
  facts.module_signed = is_signed(facts.module_file);
  facts.dkms_key = exists(root + "/var/lib/dkms/mok.key");
  const std::string sign = fmt::format("/lib/modules/{}/build/scripts/sign-file", facts.release);
  if (exists(root + sign)) facts.sign_file = sign;
  facts.taint = std::strtoull(first_line(root + "/proc/sys/kernel/tainted").c_str(), nullptr, 10);
  facts.jit_enable = first_line(root + "/proc/sys/net/core/bpf_jit_enable");
  facts.jit_harden = first_line(root + "/proc/sys/net/core/bpf_jit_harden");
}

void read_device(KernelFacts& facts, const std::string& path) {
  struct stat found = {};
  facts.group_exists = getgrnam("ipjit") != nullptr;
  facts.device = stat(path.c_str(), &found) == 0;
  if (!facts.device) return;
  facts.device_mode = found.st_mode & 07777;
  facts.device_group = group_name(found.st_gid);
  facts.device_usable = access(path.c_str(), R_OK | W_OK) == 0;
  if (!facts.device_usable) return;
  Result<std::unique_ptr<kernel::Device>> device = kernel::open_device(path);
  if (!device) {
    facts.device_refusal = device.error().why;
    return;
  }
  if (Result<ipjit_dev_info> info = (*device)->info()) {
    facts.mode = static_cast<ipjit_dev_mode>(info->mode);
    facts.paused = info->paused != 0;
  }
}

}  // namespace

bool is_signed(const std::string& path) {
  constexpr std::string_view kMark = "~Module signature appended~\n";
  const auto bytes = text_of(path);
  return bytes && std::string_view(*bytes).ends_with(kMark);
}

std::string kernel_release() {
  utsname name = {};
  return uname(&name) == 0 ? name.release : "";
}

std::string module_file(const KernelPlaces& places, const std::string& release) {
  const std::string folder = fmt::format("{}/lib/modules/{}/", places.root, release);
  for (const char* place : {"updates/dkms", "updates", "extra"})
    for (const char* name : {"ipjit.ko", "ipjit.ko.xz", "ipjit.ko.zst", "ipjit.ko.gz"})
      if (const std::string path = folder + place + "/" + name; exists(path)) return path;
  return "";
}

std::string taint_words(uint64_t mask) {
  struct Bit {
    int at;
    const char* words;
  };
  static constexpr std::array kBits = {
      Bit{0, "P proprietary module"},    Bit{1, "F module loaded by force"},
      Bit{4, "M machine check"},         Bit{5, "B bad page"},
      Bit{7, "D the kernel has oopsed"}, Bit{9, "W the kernel has warned"},
      Bit{12, "O out-of-tree module"},   Bit{13, "E unsigned module"},
      Bit{14, "L soft lockup"},          Bit{15, "K live patched"}};
  std::string words;
  for (const Bit& bit : kBits)
    if (mask >> bit.at & 1) words += (words.empty() ? "" : ", ") + std::string(bit.words);
  if (mask && words.empty()) words = "other flags";
  return words;
}

std::string lockdown_of(const std::string& text) {
  const size_t open = text.find('['), close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return text.substr(open + 1, close - open - 1);
}

KernelFacts read_kernel_facts(const KernelPlaces& places) {
  KernelFacts facts;
  facts.release = kernel_release();
  facts.module_file = module_file(places, facts.release);
  facts.user = user_name();
  read_module(facts, places.root);
  read_kernel(facts, places.root);
  read_device(facts, places.root + IPJIT_DEV_PATH);
  const DaemonStatus daemon = read_daemon_status(places.root + kDaemonStatusPath);
  facts.daemon_running = daemon.running;
  facts.daemon_pid = daemon.pid;
  for (const char* folder : {"/usr/sbin/ipjitd", "/usr/local/sbin/ipjitd"})
    facts.daemon_installed |= exists(places.root + folder);
  Result<BootFacts> boot = read_boot_facts(places);
  if (boot)
    facts.boot = *boot;
  else
    facts.settings_refusal = boot.error().why;
  return facts;
}

}  // namespace ipjit::cli
