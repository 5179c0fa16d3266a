// SPDX-License-Identifier: BSD-2-Clause
// What `ipjit kernel mode` and `ipjit budget` keep for the next time that the module is loaded:
// /etc/ipjit/kernel.conf.
//
//   mode = observe
//   code-all = 1048576
#pragma once

#include <optional>
#include <string>

#include "ipjit/error.h"
#include "kernel-glue/uapi/ipjit.h"

namespace ipjit::cli {

/// Where the command keeps what outlives it.  Another root is for tests and image builders, who set
/// IPJIT_ROOT.
struct KernelPlaces {
  std::string root;  ///< "" or an absolute path without a slash at its end

  std::string settings() const { return root + "/etc/ipjit/kernel.conf"; }
  std::string state() const { return root + "/var/lib/ipjit"; }
};

/// As IPJIT_ROOT says.
KernelPlaces kernel_places();

struct KernelSettings {
  std::optional<ipjit_dev_mode> mode = {};  ///< none: never set, which means observe
  ipjit_dev_budget budget = {};             ///< 0: the module's own limit

  ipjit_dev_mode mode_or_first() const { return mode.value_or(IPJIT_DEV_OBSERVE); }
};

/// One limit of a budget under the name that file, options and JSON use.
struct LimitName {
  const char* name;  ///< "code-user"
  __u64 ipjit_dev_budget::*limit;
  const char* meaning;
  bool in_bytes = true;
};
inline constexpr LimitName kLimits[] = {
    {"code-user", &ipjit_dev_budget::code_user, "code of one user's filters"},
    {"code-netns", &ipjit_dev_budget::code_netns, "code of one network namespace"},
    {"code-all", &ipjit_dev_budget::code_all, "code in all"},
    {"table-user", &ipjit_dev_budget::table_user, "tables of one user's filters"},
    {"table-netns", &ipjit_dev_budget::table_netns, "tables of one network namespace"},
    {"table-all", &ipjit_dev_budget::table_all, "tables in all"},
    {"filters-user", &ipjit_dev_budget::filters_user, "filters of one user", false},
};

/// Takes: the file's text: lines `name = value`, `#` begins a comment.
/// Fails: Stage::kKernel, kSyntax; `at` is the line.
Result<KernelSettings> parse_settings(const std::string& text);

/// The text with one setting changed or added; comments and the other lines stay as they are.
std::string with_setting(const std::string& text, const std::string& name,
                         const std::string& value);

/// No file is no settings.
/// Fails: kIo where it cannot be read; as parse_settings().
Result<KernelSettings> read_settings(const KernelPlaces& places);

/// Changes one setting on disk.
/// Fails: kIo without root; then nothing has changed.
Status keep_setting(const KernelPlaces& places, const std::string& name, const std::string& value);

/// Replaces a file as a whole and waits until it is on the disk: a machine that stops at once
/// afterwards finds it there.  Makes the directory that it is in.
/// Fails: Stage::kKernel, kIo.
Status replace_file(const std::string& path, const std::string& text);

}  // namespace ipjit::cli
