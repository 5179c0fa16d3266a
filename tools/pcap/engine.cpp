// SPDX-License-Identifier: BSD-2-Clause
#include "tools/pcap/engine.h"

#include <optional>

namespace ipjit::pcap {
namespace {

std::span<const bpf::Insn> as_insns(std::span<const bpf_insn> insns) {
  static_assert(sizeof(bpf_insn) == sizeof(bpf::Insn));
  return {reinterpret_cast<const bpf::Insn*>(insns.data()), insns.size()};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::compile(std::span<const bpf_insn> insns,
                                                const std::string& name) {
  Result<std::optional<ipjit::Engine>> wanted = runtime::engine_from_environment();
  if (!wanted) return wanted.error();
  // By name, so that a refusal is an error: better libpcap's interpreter than ours.
  runtime::Request request{.dialect = bpf::Dialect::kLibpcap,
                           .engine = wanted->value_or(ipjit::Engine::kTier1),
                           .tier_up = *wanted ? runtime::TierUp::kAuto : runtime::TierUp::kOn};
  auto filter = runtime::Filter::create(as_insns(insns), request, {.name = name, .note = {}});
  if (!filter) return filter.error();
  return std::unique_ptr<Engine>(new Engine(std::move(*filter), true));
}

std::unique_ptr<Engine> Engine::bystander(std::span<const bpf_insn> insns, const std::string& name,
                                          const std::string& note) {
  runtime::Request request{.dialect = bpf::Dialect::kLibpcap, .engine = ipjit::Engine::kLibpcap};
  auto filter = runtime::Filter::create(as_insns(insns), request, {.name = name, .note = note});
  if (!filter) return nullptr;
  return std::unique_ptr<Engine>(new Engine(std::move(*filter), false));
}

uint32_t Engine::run_live(const u_char* data, uint32_t cap_len, uint32_t wire_len,
                          VlanTag vlan) const {
  ipjit_ctx ctx{};
  ctx.wire_len = wire_len;
  ctx.vlan_present = vlan.present;
  ctx.vlan_tci = vlan.tci;
  return filter_->run_ctx(data, cap_len, ctx);
}

}  // namespace ipjit::pcap
