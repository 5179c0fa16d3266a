// SPDX-License-Identifier: BSD-2-Clause
#include "bpf-frontend/ancillary.h"

namespace ipjit::bpf {
namespace {

std::optional<ipjit_field> linux_field(uint32_t k) {
  switch (k - kAncillaryOffset) {
    case SKF_AD_PROTOCOL:
      return IPJIT_FIELD_protocol;
    case SKF_AD_PKTTYPE:
      return IPJIT_FIELD_pkttype;
    case SKF_AD_IFINDEX:
      return IPJIT_FIELD_ifindex;
    case SKF_AD_NLATTR:
      return IPJIT_FIELD_nlattr;
    case SKF_AD_NLATTR_NEST:
      return IPJIT_FIELD_nlattr_nest;
    case SKF_AD_MARK:
      return IPJIT_FIELD_mark;
    case SKF_AD_QUEUE:
      return IPJIT_FIELD_queue;
    case SKF_AD_HATYPE:
      return IPJIT_FIELD_hatype;
    case SKF_AD_RXHASH:
      return IPJIT_FIELD_rxhash;
    case SKF_AD_CPU:
      return IPJIT_FIELD_cpu;
    case SKF_AD_VLAN_TAG:
      return IPJIT_FIELD_vlan_tci;
    case SKF_AD_VLAN_TAG_PRESENT:
      return IPJIT_FIELD_vlan_present;
    case SKF_AD_PAY_OFFSET:
      return IPJIT_FIELD_pay_offset;
    case SKF_AD_RANDOM:
      return IPJIT_FIELD_random;
    case SKF_AD_VLAN_TPID:
      return IPJIT_FIELD_vlan_proto;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<ipjit_field> ancillary_field(const Insn& insn, Dialect dialect) {
  if (insn.k < kAncillaryOffset) return std::nullopt;
  if (dialect == Dialect::kLinux) return linux_field(insn.k);
  if (BPF_SIZE(insn.code) != BPF_B) return std::nullopt;
  if (insn.k == kAncillaryOffset + SKF_AD_VLAN_TAG) return IPJIT_FIELD_vlan_tci;
  if (insn.k == kAncillaryOffset + SKF_AD_VLAN_TAG_PRESENT) return IPJIT_FIELD_vlan_present;
  return std::nullopt;
}

}  // namespace ipjit::bpf
