// SPDX-License-Identifier: BSD-2-Clause
// The C API: words of C in, runtime::Filter behind, no exception out.
//
// A filter remembers what it was compiled with, so that a replacement is compiled the same way.
// Options and statistics carry their size: an older program passes a shorter one, and what it does
// not know stays at its default, or is not written.
#include "ipjit/ipjit.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "runtime/filter.h"

using ipjit::Code;
using ipjit::Engine;
using ipjit::Error;
using ipjit::Result;
using ipjit::Stage;
using ipjit::Status;
using ipjit::runtime::Filter;
using ipjit::runtime::FilterRecord;
namespace bpf = ipjit::bpf;

static_assert(sizeof(ipjit_insn) == sizeof(bpf::Insn));

namespace {

/// What a call was asked for, in our own words.
struct Wish {
  ipjit::runtime::Request request;
  bpf::Link link;
  std::string name;
};

void fill(ipjit_error* error, const Error& from) {
  if (!error) return;
  *error = {};
  std::snprintf(error->stage, sizeof error->stage, "%s", name_of(from.stage));
  std::snprintf(error->code, sizeof error->code, "%s", name_of(from.code));
  error->at = from.at;
  std::snprintf(error->text, sizeof error->text, "ipjit: %s", to_string(from).c_str());
}

/// Runs `body`, which gives a value or an error; `failed` stands for no value.
template <class T>
T at_the_border(ipjit_error* error, T failed, auto body) {
  try {
    Result<T> result = body();
    if (result) return *result;
    fill(error, result.error());
  } catch (const std::bad_alloc&) {
    fill(error, Error{Stage::kRuntime, Code::kNoMemory, 0, "out of memory"});
  } catch (const std::exception& thrown) {
    fill(error, Error{Stage::kRuntime, Code::kInternal, 0, thrown.what()});
  }
  return failed;
}

Error bad_option(const std::string& why) { return Error{Stage::kUsage, Code::kBadOption, 0, why}; }

/// What a caller stored in an enum, which may be none of its values: no enum to this language.
template <class Enum>
uint32_t raw_value(const Enum& stored) {
  static_assert(sizeof stored == sizeof(uint32_t));
  uint32_t raw = 0;
  std::memcpy(&raw, &stored, sizeof raw);
  return raw;
}

Error no_such_field(uint32_t field) {
  return bad_option("field " + std::to_string(field) + " does not exist");
}

Result<std::optional<Engine>> engine_of(uint32_t engine) {
  switch (engine) {
    case IPJIT_ENGINE_AUTO:
      return ipjit::runtime::engine_from_environment();
    case IPJIT_ENGINE_INTERP:
      return std::optional(Engine::kInterp);
    case IPJIT_ENGINE_TIER1:
      return std::optional(Engine::kTier1);
    case IPJIT_ENGINE_TIER2:
      return std::optional(Engine::kTier2);
    default:
      break;
  }
  return bad_option("engine " + std::to_string(engine) + " does not exist");
}

Result<Wish> wish_of(const ipjit_options* options) {
  ipjit_options known = {};
  if (options) {
    if (options->size < sizeof(size_t)) return bad_option("options.size is not set");
    std::memcpy(&known, options, std::min(options->size, sizeof known));
  }
  Result<std::optional<Engine>> engine = engine_of(raw_value(known.engine));
  if (!engine) return engine.error();
  const uint32_t dialect = raw_value(known.dialect);
  if (dialect != IPJIT_DIALECT_LIBPCAP && dialect != IPJIT_DIALECT_LINUX)
    return bad_option("dialect " + std::to_string(dialect) + " does not exist");
  Wish wish;
  wish.request.engine = *engine;
  wish.request.dialect =
      known.dialect == IPJIT_DIALECT_LINUX ? bpf::Dialect::kLinux : bpf::Dialect::kLibpcap;
  if (known.dlt) wish.link.dlt = known.dlt;
  if (known.snaplen) wish.link.snaplen = known.snaplen;
  if (known.netmask) wish.link.netmask = known.netmask;
  if (known.name) wish.name = known.name;
  const uint32_t tiering = raw_value(known.tiering);
  if (tiering > IPJIT_TIERING_ON)
    return bad_option("tiering " + std::to_string(tiering) + " does not exist");
  wish.request.tier_up = static_cast<ipjit::runtime::TierUp>(tiering);
  wish.request.tier_period_ms = known.tiering_ms;
  return wish;
}

Result<std::span<const bpf::Insn>> insns_of(const ipjit_insn* insns, size_t count) {
  if (!insns && count) return bad_option("insns is NULL");
  return std::span(reinterpret_cast<const bpf::Insn*>(insns), count);
}

Result<ipjit_filter*> handed_out(Result<std::unique_ptr<Filter>> filter) {
  if (!filter) return filter.error();
  return filter->release()->handle();
}

void copy_record(const FilterRecord& from, ipjit_stats& to) {
  std::snprintf(to.engine, sizeof to.engine, "%s", from.engine.c_str());
  to.packets = from.packets;
  to.matched = from.matched;
  to.swaps = from.swaps;
  to.refusals = from.refusals;
  to.code_bytes = from.code_bytes;
  to.table_bytes = from.table_bytes;
  to.compile_ns = from.compile_ns;
  to.samples = from.samples;
  to.ns_per_packet = from.ns_per_packet;
  to.replaced_ns_per_packet = from.replaced_ns_per_packet;
  to.saved_seconds = from.saved_seconds;
  to.tier = from.tier.tier;
  to.tier_changes = from.tier.changes;
  to.tier_builds = from.tier.builds;
  to.tier_refusals = from.tier.refused();
  to.tier_retreats = from.tier.retreats;
  to.guard_failures = from.tier.guard_failures;
  to.heads = from.tier.heads;
  std::snprintf(to.backend, sizeof to.backend, "%s", from.tier.backend.c_str());
  // From its end: the last sentence is the one that decided.
  const std::string& why = from.tier.why;
  const size_t cut = why.size() < sizeof to.why ? 0 : why.size() - (sizeof to.why - 1);
  std::snprintf(to.why, sizeof to.why, "%s", why.c_str() + cut);
}

}  // namespace

ipjit_filter* ipjit_compile(const ipjit_insn* insns, size_t count, const ipjit_options* options,
                            ipjit_error* error) {
  const void* const caller = __builtin_return_address(0);  // who compiles will mostly run it
  return at_the_border<ipjit_filter*>(error, nullptr, [&]() -> Result<ipjit_filter*> {
    Result<Wish> wish = wish_of(options);
    if (!wish) return wish.error();
    wish->request.caller = caller;
    Result<std::span<const bpf::Insn>> program = insns_of(insns, count);
    if (!program) return program.error();
    return handed_out(Filter::create(*program, wish->request, {.name = wish->name}));
  });
}

ipjit_filter* ipjit_compile_expression(const char* expression, const ipjit_options* options,
                                       ipjit_error* error) {
  const void* const caller = __builtin_return_address(0);
  return at_the_border<ipjit_filter*>(error, nullptr, [&]() -> Result<ipjit_filter*> {
    if (!expression) return bad_option("expression is NULL");
    Result<Wish> wish = wish_of(options);
    if (!wish) return wish.error();
    wish->request.caller = caller;
    return handed_out(Filter::create(expression, wish->link, wish->request, {.name = wish->name}));
  });
}

uint32_t(ipjit_filter_run)(const ipjit_filter* filter, const uint8_t* data, uint32_t caplen,
                           uint32_t len) {
  return ipjit_filter_run_inline(filter, data, caplen, len);
}

uint32_t ipjit_filter_run_ctx(const ipjit_filter* filter, const uint8_t* data, uint32_t caplen,
                              const struct ipjit_ctx* ctx) {
  return Filter::of(filter)->slot().run_ctx(data, caplen, *ctx);
}

void ipjit_filter_run_burst(const ipjit_filter* filter, const ipjit_packet* packets, size_t count,
                            uint32_t* verdicts) {
  Filter::of(filter)->slot().run_burst({packets, count}, verdicts);
}

int ipjit_filter_replace(ipjit_filter* filter, const ipjit_insn* insns, size_t count,
                         ipjit_error* error) {
  return at_the_border<int>(error, -1, [&]() -> Result<int> {
    Result<std::span<const bpf::Insn>> program = insns_of(insns, count);
    if (!program) return program.error();
    if (Status done = Filter::of(filter)->replace(*program); !done) return done.error();
    return 0;
  });
}

int ipjit_filter_replace_expression(ipjit_filter* filter, const char* expression,
                                    ipjit_error* error) {
  return at_the_border<int>(error, -1, [&]() -> Result<int> {
    if (!expression) return bad_option("expression is NULL");
    if (Status done = Filter::of(filter)->replace(std::string(expression)); !done)
      return done.error();
    return 0;
  });
}

int ipjit_filter_assume(ipjit_filter* filter, enum ipjit_field field, uint32_t value,
                        ipjit_error* error) {
  return at_the_border<int>(error, -1, [&]() -> Result<int> {
    if (raw_value(field) >= IPJIT_FIELD_COUNT) return no_such_field(raw_value(field));
    Filter::of(filter)->assume(field, value);
    return 0;
  });
}

int ipjit_filter_forget(ipjit_filter* filter, enum ipjit_field field, ipjit_error* error) {
  return at_the_border<int>(error, -1, [&]() -> Result<int> {
    if (raw_value(field) >= IPJIT_FIELD_COUNT) return no_such_field(raw_value(field));
    Filter::of(filter)->forget(field);
    return 0;
  });
}

int ipjit_filter_assume_caplen(ipjit_filter* filter, uint32_t min, uint32_t max,
                               ipjit_error* error) {
  return at_the_border<int>(error, -1, [&]() -> Result<int> {
    if (min > max)
      return bad_option("caplen is at least " + std::to_string(min) + " and at most " +
                        std::to_string(max));
    Filter::of(filter)->assume_length(min, max);
    return 0;
  });
}

int ipjit_filter_stats(const ipjit_filter* filter, ipjit_stats* stats) {
  return at_the_border<int>(nullptr, -1, [&]() -> Result<int> {
    if (stats->size < sizeof(size_t)) return bad_option("stats.size is not set");
    ipjit_stats known = {};
    known.size = stats->size;
    copy_record(Filter::of(filter)->record(), known);
    std::memcpy(stats, &known, std::min(stats->size, sizeof known));
    return 0;
  });
}

void ipjit_filter_free(ipjit_filter* filter) { delete Filter::of(filter); }

const char* ipjit_version(void) { return IPJIT_VERSION; }
