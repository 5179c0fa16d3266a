// SPDX-License-Identifier: BSD-2-Clause
// `ipjit kernel status` and `ipjit budget` as text and JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "tools/ipjit/kernel/facts.h"
#include "tools/ipjit/kernel/view.h"

namespace ipjit::cli {

/// What can be known of the module: files always, the device where it may be opened.
struct KernelStatus {
  KernelFacts facts = {};
  std::optional<KernelView> view = {};
  std::string refusal = {};  ///< why there is no view, with the command that helps
};

/// A line for each thing, its name first.
std::string status_text(const KernelStatus& status, size_t columns);
nlohmann::ordered_json status_json(const KernelStatus& status);

/// Use by one of all, a user, a network namespace.
struct Use {
  std::string whose = {};  ///< "all", "uid 1000", "netns 4026531840"
  ipjit_dev_use use = {};
};

/// A line for all and each user and network namespace that has filters, then the limits.
std::string budget_text(std::span<const Use> uses, const ipjit_dev_info& info,
                        const DaemonStatus& daemon);
nlohmann::ordered_json budget_json(std::span<const Use> uses, const ipjit_dev_info& info,
                                   const DaemonStatus& daemon);

/// "640 B", "12 KiB", "1.5 MiB"
std::string bytes_words(uint64_t bytes);

/// Bytes of "65536", "64k", "1M", "2G"; none where it is something else or 0.
std::optional<uint64_t> bytes_of(const std::string& words);

}  // namespace ipjit::cli
