// SPDX-License-Identifier: BSD-2-Clause
// Offsets that are not places in the packet: Linux's SKF_* ranges, and what libpcap knows of them.
//
//   0xfffff000 .. 0xffffffff  SKF_AD_OFF   absolute loads: fields of the packet's metadata
//   0xfff00000 .. 0xffffffff  SKF_NET_OFF  counted from the network header (ld [x + k], ldx
//   4*([k]&15)) 0xffe00000 .. 0xffefffff  SKF_LL_OFF   counted from the link header, which is where
//   data starts
//
// Linux decides by the computed 32-bit offset, so [x + k] with a wrapping sum reaches the header
// ranges, but never the metadata.
#pragma once

#include <optional>

#include "bpf-frontend/insn.h"
#include "ipjit/abi.h"

namespace ipjit::bpf {

inline constexpr uint32_t kAncillaryOffset = static_cast<uint32_t>(SKF_AD_OFF);
inline constexpr uint32_t kNetOffset = static_cast<uint32_t>(SKF_NET_OFF);
inline constexpr uint32_t kLinkOffset = static_cast<uint32_t>(SKF_LL_OFF);

/// `ld` at this k is the operation A ^= X (Linux).
inline constexpr uint32_t kXorXOffset = kAncillaryOffset + SKF_AD_ALU_XOR_X;

/// The ctx field that an absolute load reads instead of the packet.
///
/// Takes: a packet load with mode ABS.
/// Gives: Linux: the field of each SKF_AD_* for loads of any size, nothing for SKF_AD_ALU_XOR_X;
///        libpcap: the two VLAN fields, for one-byte loads.
/// From:  Linux bpf_anc_helper() and convert_bpf_extensions(); libpcap pcap_filter_with_aux_data().
std::optional<ipjit_field> ancillary_field(const Insn& insn, Dialect dialect);

}  // namespace ipjit::bpf
