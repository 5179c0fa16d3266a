// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/reference.h"

#include <dlfcn.h>

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
  Result<FilterFn> filter = real_filter();
  if (!filter) return filter.error();
  return Reference(std::move(copy), *filter);
}

// Our doubles have a bpf_filter() but no bpf_validate(): the object that holds the latter is
// libpcap.
Result<Reference::FilterFn> Reference::real_filter() {
  Dl_info found = {};
  void* validate = dlsym(RTLD_DEFAULT, "bpf_validate");
  if (!validate || !dladdr(validate, &found)) return unavailable(0, "libpcap is not loaded");
  void* libpcap = dlopen(found.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  void* filter = libpcap ? dlsym(libpcap, "bpf_filter") : nullptr;
  if (!filter) return unavailable(0, "libpcap has no bpf_filter()");
  return reinterpret_cast<FilterFn>(filter);
}

uint32_t Reference::run(std::span<const uint8_t> data, uint32_t wire_len) const {
  return filter_(insns_.data(), data.data(), wire_len, static_cast<uint32_t>(data.size()));
}

}  // namespace ipjit::cli
