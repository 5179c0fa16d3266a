// SPDX-License-Identifier: BSD-2-Clause
// A live filter: its program, who may run it, and what it did.  The C API is a thin layer on this.
//
//   Result<std::unique_ptr<Filter>> filter = Filter::create(insns, request, {.name = "tcp port
//   80"}); if (!filter) return filter.error(); uint32_t accept = (*filter)->run(data, caplen, len);
#pragma once

#include <memory>
#include <span>
#include <string>

#include "bpf-frontend/expression.h"
#include "runtime/filter_slot.h"
#include "runtime/filter_stats.h"
#include "runtime/pipeline.h"

namespace ipjit::runtime {

/// Thread: run*(), record() and replace() from any number of threads at once; the destructor alone.
class Filter : private ::ipjit_filter {
 public:
  struct Label {
    std::string name = {};  ///< shown by `ipjit stats`; empty: the expression, or "bpf"
    std::string note = {};
  };

  /// Compiles and publishes.
  /// Fails: as build().
  static Result<std::unique_ptr<Filter>> create(std::span<const bpf::Insn> insns,
                                                const Request& request, const Label& label);

  /// The same from a pcap expression; named after it unless the label says otherwise.
  /// Fails: as bpf::compile_expression() and build().
  static Result<std::unique_ptr<Filter>> create(const std::string& expression,
                                                const bpf::Link& link, const Request& request,
                                                const Label& label);

  /// The same from a unit that was built and replayed elsewhere, such as by build_special(): it
  /// runs as it is, and tiering leaves it alone.
  static std::unique_ptr<Filter> adopt(std::unique_ptr<Unit> unit, const Label& label);

  ~Filter();

  uint32_t run(const uint8_t* data, uint32_t caplen, uint32_t wire_len) const {
    return slot_.run(data, caplen, wire_len);
  }
  uint32_t run_ctx(const uint8_t* data, uint32_t caplen, const ipjit_ctx& ctx) const {
    return slot_.run_ctx(data, caplen, ctx);
  }
  const FilterSlot& slot() const { return slot_; }

  /// The C API's name for a filter is its base.
  ::ipjit_filter* handle() { return this; }
  static Filter* of(::ipjit_filter* handle) { return static_cast<Filter*>(handle); }
  static const Filter* of(const ::ipjit_filter* handle) {
    return static_cast<const Filter*>(handle);
  }

  /// Publishes another program; on failure the old one keeps running and the refusal is recorded.
  /// Fails: as build().
  Status replace(std::span<const bpf::Insn> insns);
  Status replace(const std::string& expression);

  /// What every packet from now on promises, for specialised code.  When these return, no run that
  /// begins sees code that was made for other promises.
  void assume(ipjit_field field, uint32_t value);
  void assume_length(uint64_t min, uint64_t max);
  void forget(ipjit_field field);

  /// For the builder's side; null where the filter is not tiered.
  const std::shared_ptr<TierState>& tier() const { return tier_; }

  void set_note(const std::string& note);
  FilterRecord record() const { return stats_->record(); }

 private:
  Filter(const Request& request, std::unique_ptr<FilterStats> stats, std::unique_ptr<Unit> unit);
  Status refuse(const Error& error);

  Request request_;
  bpf::Link link_;  ///< for expressions
  std::unique_ptr<FilterStats> stats_;
  std::shared_ptr<TierState> tier_;  ///< null: this filter stays what it was compiled to
  FilterSlot slot_;
};

}  // namespace ipjit::runtime
