// SPDX-License-Identifier: BSD-2-Clause
// What this machine says about loading a module, and about ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/ipjit/kernel/boot.h"

namespace ipjit::cli {

enum class SecureBoot : uint8_t { kNone, kOff, kOn };

struct KernelFacts {
  std::string release = {};  ///< uname -r
  // The module.
  std::string module_file = {};  ///< for this release; empty: none is installed
  bool loaded = false;
  std::string loaded_version = {};
  std::string module_taint = {};     ///< letters of /sys/module/ipjit/taint: "OE"
  std::optional<bool> enabled = {};  ///< its parameter
  // How it is built.
  bool source_installed = false;   ///< /usr/src/ipjit-VERSION
  bool headers_installed = false;  ///< of this release
  bool dkms_installed = false;
  // What the kernel allows.
  std::string lockdown = {};  ///< "none", "integrity", "confidentiality"; empty: it has no lockdown
  bool signatures_enforced = false;
  SecureBoot secure_boot = SecureBoot::kNone;
  bool efi = false;  ///< booted by EFI: without it no key can be enrolled
  bool module_signed = false;
  bool dkms_key = false;       ///< DKMS has made the key that it signs with
  std::string sign_file = {};  ///< the headers' program that signs; empty: it is not there
  uint64_t taint = 0;
  std::string jit_enable = {};  ///< net.core.bpf_jit_enable; empty where it cannot be read
  std::string jit_harden = {};
  // The device.
  bool device = false;
  uint32_t device_mode = 0;         ///< permission bits
  std::string device_group = {};    ///< name, or number
  bool device_usable = false;       ///< by who asks
  bool group_exists = false;        ///< "ipjit"
  std::string device_refusal = {};  ///< why opening it failed; empty: it did not, or was not tried
  std::string user = {};            ///< who asks
  // Who uses it.
  bool daemon_installed = false;
  bool daemon_running = false;
  int daemon_pid = 0;
  std::optional<ipjit_dev_mode> mode = {};  ///< as the module says
  bool paused = false;
  std::string settings_refusal = {};  ///< why kernel.conf is not understood
  BootFacts boot = {};
};

/// Reads; changes nothing.
KernelFacts read_kernel_facts(const KernelPlaces& places);

/// The path of ipjit.ko for a kernel release; empty: none is installed.
std::string module_file(const KernelPlaces& places, const std::string& release);

/// Whether a module's file ends in a signature; a compressed one is taken for unsigned.
bool is_signed(const std::string& path);

std::string kernel_release();

/// "P O E": letters and words of the kernel's taint mask that a module of ours can set or that name
/// other trouble; empty for 0.
std::string taint_words(uint64_t mask);

/// The word in brackets of /sys/kernel/security/lockdown: "none [integrity] confidentiality".
std::string lockdown_of(const std::string& text);

}  // namespace ipjit::cli
