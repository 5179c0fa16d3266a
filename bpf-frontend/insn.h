// SPDX-License-Identifier: BSD-2-Clause
// Classic BPF words, and the two dialects that give them meaning.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ipjit::bpf {

/// {code, jt, jf, k}: the layout of both struct sock_filter and libpcap's struct bpf_insn.
using Insn = sock_filter;
using InsnList = std::vector<Insn>;

enum class Dialect : uint8_t {
  kLibpcap,  ///< pcap_offline_filter: [X + k] does not wrap, shifts by 32 or more give 0, ja may go
             ///< back
  kLinux,  ///< SO_ATTACH_FILTER: X + k wraps, SKF_* offsets, shift counts masked, 4096 instructions
};

/// In ctx.vlan_present, for the libpcap dialect: there is no auxiliary data, as in
/// pcap_offline_filter(); then a load of SKF_AD_VLAN_TAG or SKF_AD_VLAN_TAG_PRESENT returns 0 from
/// the filter.  Other values stand for auxiliary data that holds them, as in a live capture.
inline constexpr uint32_t kNoVlanData = 0xffffffff;

inline const char* name_of(Dialect dialect) {
  return dialect == Dialect::kLibpcap ? "libpcap" : "linux";
}

inline std::optional<Dialect> dialect_named(std::string_view name) {
  if (name == "libpcap") return Dialect::kLibpcap;
  if (name == "linux") return Dialect::kLinux;
  return std::nullopt;
}

}  // namespace ipjit::bpf
