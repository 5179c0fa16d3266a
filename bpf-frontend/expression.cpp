// SPDX-License-Identifier: BSD-2-Clause
#include "bpf-frontend/expression.h"

#include <pcap/pcap.h>

#include <memory>

#include "bpf-frontend/host_list.h"

namespace ipjit::bpf {
namespace {

Error refusal(Code code, std::string why) {
  return Error{Stage::kExpression, code, 0, std::move(why)};
}

Result<InsnList> compile_by_libpcap(const std::string& expression, const Link& link,
                                    const PcapApi& api) {
  auto close = [&](pcap* opened) { api.close(opened); };
  std::unique_ptr<pcap, decltype(close)> dead(
      link.savefile ? nullptr : api.open_dead(link.dlt, static_cast<int>(link.snaplen)), close);
  pcap* handle = link.savefile ? link.savefile : dead.get();
  if (handle == nullptr) return refusal(Code::kNoMemory, "libpcap opens no handle");
  bpf_program program;
  int failed = api.compile(handle, &program, expression.c_str(), link.optimize, link.netmask);
  if (failed) {
    std::string why = api.geterr(handle);
    // libpcap has no other sign of an unknown link type than its message.
    bool unknown_link = why.find("data link type") != why.npos;
    return refusal(unknown_link ? Code::kBadOption : Code::kSyntax, why);
  }
  InsnList insns(program.bf_len);
  for (size_t pc = 0; pc < insns.size(); ++pc) {
    const bpf_insn& insn = program.bf_insns[pc];
    insns[pc] = {insn.code, insn.jt, insn.jf, insn.k};
    // Accepting is returning the snapshot length, of a savefile the one in its header.
    if (insn.code == (BPF_RET | BPF_K) && insn.k != 0) insns[pc].k = link.snaplen;
  }
  api.freecode(&program);
  return insns;
}

}  // namespace

const PcapApi& PcapApi::linked() {
  static constexpr PcapApi api = {pcap_open_dead, pcap_compile, pcap_freecode, pcap_close,
                                  pcap_geterr};
  return api;
}

std::optional<InsnList> compile_host_list(const std::string& expression, const Link& link,
                                          const PcapApi& api) {
  if (!link.optimize) return std::nullopt;
  std::optional<HostList> list = parse_host_list(expression);
  if (!list) return std::nullopt;
  return expand_host_list(*list, [&](const std::string& small) -> InsnList {
    Result<InsnList> insns = compile_by_libpcap(small, link, api);
    return insns ? *std::move(insns) : InsnList{};
  });
}

Result<InsnList> compile_expression(const std::string& expression, const Link& link,
                                    const PcapApi& api) {
  if (std::optional<InsnList> insns = compile_host_list(expression, link, api))
    return *std::move(insns);
  return compile_by_libpcap(expression, link, api);
}

}  // namespace ipjit::bpf
