// SPDX-License-Identifier: BSD-2-Clause
// The kernel's filters as `ipjit stats` shows them.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/ipjit/kernel/view.h"

namespace ipjit::cli {

/// Name of an interface; empty where there is none of this index.
using InterfaceName = std::function<std::string(uint32_t ifindex)>;

/// The machine's own names.
std::string interface_name(uint32_t ifindex);

/// "packet socket on eth0", "udp socket", "raw socket, protocol 1".
std::string socket_words(const ipjit_dev_filter& filter, const InterfaceName& name);

/// "kernel", "tier1", "tier2": whose code runs now.
std::string engine_of(const ipjit_dev_filter& filter, const ipjit_dev_info& info);

/// "1,204,553 packets, 0 differences, would save 31 % of filter time"; "saves" where `ours` is
/// the verdict that counts; empty where no packet ran both.
std::string comparison_words(const Comparison& comparison, bool ours);

/// Whose verdict counts: the kernel's in mode observe, in a pause, and where every packet is
/// compared.
bool ours_decides(const ipjit_dev_info& info);

/// Two lines a filter, then what was compared and what is left alone.
/// Takes: `columns` of the terminal, at least 80; `why`: add the daemon's reasons.
std::string kernel_table(const KernelView& view, size_t columns, const InterfaceName& name,
                         bool why = false);

/// Filters left alone, a line for each reason; empty where there are none.
std::string left_lines(const ipjit_dev_info& info, size_t columns);

/// {"mode": "observe", ..., "filters": [...], "left": {...}, "daemon": {...}}
nlohmann::ordered_json kernel_json(const KernelView& view, const InterfaceName& name);

}  // namespace ipjit::cli
