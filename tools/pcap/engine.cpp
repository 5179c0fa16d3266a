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
                                                const std::string& name, const Promises& promises) {
  Result<std::optional<ipjit::Engine>> wanted = runtime::engine_from_environment();
  if (!wanted) return wanted.error();
  // By name, so that a refusal is an error: better libpcap's interpreter than ours.
  runtime::Request request{.dialect = bpf::Dialect::kLibpcap,
                           .engine = wanted->value_or(ipjit::Engine::kTier1),
                           .tier_up = *wanted ? runtime::TierUp::kAuto : runtime::TierUp::kOn};
  auto filter = runtime::Filter::create(as_insns(insns), request, {.name = name, .note = {}});
  if (!filter) return filter.error();
  (*filter)->assume_length(0, promises.longest);
  if (promises.untagged) (*filter)->assume(IPJIT_FIELD_vlan_present, 0);
  return std::unique_ptr<Engine>(new Engine(std::move(*filter), true, promises));
}

std::unique_ptr<Engine> Engine::bystander(std::span<const bpf_insn> insns, const std::string& name,
                                          const std::string& note) {
  runtime::Request request{.dialect = bpf::Dialect::kLibpcap, .engine = ipjit::Engine::kLibpcap};
  auto filter = runtime::Filter::create(as_insns(insns), request, {.name = name, .note = note});
  if (!filter) return nullptr;
  return std::unique_ptr<Engine>(new Engine(std::move(*filter), false, {}));
}

// A file may hold more than its header says, an interface give more than its MTU; then code that
// was made for less goes first.
void Engine::expect_any_length() const {
  filter_->assume_length(0, UINT32_MAX);
  longest_.store(UINT32_MAX, std::memory_order_relaxed);
}

void Engine::expect_tags() const {
  filter_->forget(IPJIT_FIELD_vlan_present);
  untagged_.store(false, std::memory_order_relaxed);
}

uint32_t Engine::run_live(const u_char* data, uint32_t cap_len, uint32_t wire_len,
                          VlanTag vlan) const {
  if (cap_len > longest_.load(std::memory_order_relaxed)) expect_any_length();
  if (vlan.present && untagged_.load(std::memory_order_relaxed)) expect_tags();
  ipjit_ctx ctx{};
  ctx.wire_len = wire_len;
  ctx.vlan_present = vlan.present;
  ctx.vlan_tci = vlan.tci;
  return filter_->run_ctx(data, cap_len, ctx);
}

}  // namespace ipjit::pcap
