// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/reference.h"

#include "bpf-frontend/check.h"

namespace ipjit::cli {
namespace {

Error unavailable(uint64_t at, const char* why) {
  return {Stage::kRuntime, Code::kUnavailable, at, why};
}

bool loads_vlan_tag(const bpf::Insn& insn) {
  return insn.code == (BPF_LD | BPF_B | BPF_ABS) &&
         (insn.k == static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG) ||
          insn.k == static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT));
}

}  // namespace

Result<Reference> Reference::make(std::span<const bpf::Insn> insns, bpf::Dialect dialect) {
  if (dialect != bpf::Dialect::kLibpcap)
    return unavailable(0, "libpcap's interpreter knows the libpcap dialect only");
  if (Status checked = bpf::check(insns, dialect); !checked) return checked.error();
  std::vector<bpf_insn> copy;
  copy.reserve(insns.size());
  for (const bpf::Insn& insn : insns) {
    if (loads_vlan_tag(insn))
      return unavailable(copy.size(), "libpcap's bpf_filter() cannot be given the VLAN tag");
    copy.push_back({insn.code, insn.jt, insn.jf, insn.k});
  }
  if (!bpf_validate(copy.data(), static_cast<int>(copy.size())))
    return Error{Stage::kFrontend, Code::kRefused, 0, "libpcap's bpf_validate() refuses it"};
  return Reference(std::move(copy));
}

uint32_t Reference::run(std::span<const uint8_t> data, uint32_t wire_len) const {
  return bpf_filter(insns_.data(), data.data(), wire_len, static_cast<uint32_t>(data.size()));
}

}  // namespace ipjit::cli
