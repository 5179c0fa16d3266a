// SPDX-License-Identifier: BSD-2-Clause
// A filter's parts put together, and the function that inlined runs fall back on.
#include "runtime/filter.h"

#include <algorithm>

#include "runtime/thread_index.h"
#include "runtime/tier/builder_thread.h"

uint32_t ipjit_filter_run_slow(const ipjit_filter* filter, const uint8_t* data, uint32_t caplen,
                               uint32_t len) {
  const ipjit::runtime::FilterSlot& slot = ipjit::runtime::Filter::of(filter)->slot();
  slot.called_from(__builtin_return_address(0));  // where the run is inlined
  return slot.run_slow(data, caplen, len);
}

namespace ipjit::runtime {

namespace {

bool tiered(const Request& request) {
  if (!tier2_allowed()) return false;
  return request.tier_up == TierUp::kOn || (request.tier_up == TierUp::kAuto && !request.engine);
}

std::shared_ptr<TierState> tier_state_for(const Request& request, FilterStats& stats) {
  Result<const arch::Target*> target = arch::default_target();
  if (!request.target && !target) return nullptr;
  auto state = open_tier_state(stats.tier(), request.target ? *request.target : **target);
  state->period_ms = request.tier_period_ms;
  return state;
}

}  // namespace

Result<std::unique_ptr<Filter>> Filter::create(std::span<const bpf::Insn> insns,
                                               const Request& request, const Label& label) {
  Result<std::unique_ptr<Unit>> unit = build(insns, request);
  if (!unit) return unit.error();
  std::unique_ptr<FilterStats> stats =
      FilterStats::open(label.name.empty() ? "bpf" : label.name, request.dialect);
  if (!label.note.empty()) stats->set_note(label.note);
  return std::unique_ptr<Filter>(new Filter(request, std::move(stats), std::move(*unit)));
}

Result<std::unique_ptr<Filter>> Filter::create(const std::string& expression, const bpf::Link& link,
                                               const Request& request, const Label& label) {
  Result<bpf::InsnList> insns = bpf::compile_expression(expression, link);
  if (!insns) return insns.error();
  const std::string& name = label.name.empty() ? expression : label.name;
  Result<std::unique_ptr<Filter>> filter =
      create(*insns, request, Label{.name = name, .note = label.note});
  if (filter) (*filter)->link_ = link;
  return filter;
}

std::unique_ptr<Filter> Filter::adopt(std::unique_ptr<Unit> unit, const Label& label) {
  unit->general = nullptr;
  const Request request = {.dialect = unit->dialect, .tier_up = TierUp::kOff};
  std::unique_ptr<FilterStats> stats = FilterStats::open(label.name, unit->dialect);
  if (!label.note.empty()) stats->set_note(label.note);
  return std::unique_ptr<Filter>(new Filter(request, std::move(stats), std::move(unit)));
}

Filter::Filter(const Request& request, std::unique_ptr<FilterStats> stats,
               std::unique_ptr<Unit> unit)
    : ipjit_filter(),
      request_(request),
      stats_(std::move(stats)),
      tier_(tiered(request) ? tier_state_for(request, *stats_) : nullptr),
      slot_(*this, *stats_, std::move(unit), tier_.get()) {
  slot_.called_from(request.caller);
  thread_index();  // so that this thread may enter a sandbox before its first packet
  if (tier_) ask_for_builder();
}

Filter::~Filter() { close_tier_state(tier_); }

Status Filter::refuse(const Error& error) {
  stats_->refused(error);
  return error;
}

Status Filter::replace(std::span<const bpf::Insn> insns) {
  Request request = request_;
  request.caller = slot_.caller();
  Result<std::unique_ptr<Unit>> unit = build(insns, request);
  if (!unit) return refuse(unit.error());
  slot_.publish(std::move(*unit));
  if (tier_) ask_for_builder();
  return ok();
}

Status Filter::replace(const std::string& expression) {
  Result<bpf::InsnList> insns = bpf::compile_expression(expression, link_);
  if (!insns) return refuse(insns.error());
  return replace(*insns);
}

void Filter::assume(ipjit_field field, uint32_t value) {
  change_facts(tier_.get(), [&](ir::Facts& facts) {
    std::erase_if(facts.fields, [&](const auto& fact) { return fact.first == field; });
    facts.fields.emplace_back(field, value);
    std::sort(facts.fields.begin(), facts.fields.end());
  });
}

void Filter::assume_length(uint64_t min, uint64_t max) {
  change_facts(tier_.get(), [&](ir::Facts& facts) {
    facts.min_len = min;
    facts.max_len = max;
  });
}

void Filter::forget(ipjit_field field) {
  change_facts(tier_.get(), [&](ir::Facts& facts) {
    std::erase_if(facts.fields, [&](const auto& fact) { return fact.first == field; });
  });
}

void Filter::set_note(const std::string& note) { stats_->set_note(note); }

}  // namespace ipjit::runtime
