// SPDX-License-Identifier: BSD-2-Clause
// Records of live filters.
//
//                 threads count in      others read
//   usual         record in the file    the same record
//   with rights   private record        a record in the file, filled by show(): at samples and at
//   or forked                           the end, and once it is there when the words change
//   no file       private record        nothing
//
// A process with more rights than the user who owns its file keeps its counters private, because
// whoever changes them could mislead a grace period.  A forked child starts with private records,
// and gets a file when it first shows something: most children only call execve().
#include "runtime/filter_stats.h"

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/lock.h"
#include "runtime/thread_index.h"

namespace ipjit::runtime {

namespace {

/// All live records and the file of this process; under runtime_lock().
struct Registry {
  char root[108] = "/dev/shm";
  StatsFile file;
  FilterStats* live = nullptr;

  // Never destroyed: filters may be freed after the last static destructor.
  static Registry& get() {
    static Registry* registry = [] {
      std::atexit(FilterStats::show_all);
      return new Registry;
    }();
    return *registry;
  }

  StatsRecord* allocate() {
    if (!file.opened()) {
      file.open(root, stripe_count());
      if (*file.refused() && secure_getenv("IPJIT_LOG"))
        std::fprintf(stderr, "ipjit: runtime: `ipjit stats` cannot show this process: %s\n",
                     file.refused());
    }
    return file.allocate();
  }
};

bool more_rights_than_user() {
  if (getauxval(AT_SECURE)) return true;
  if (geteuid() == 0) return false;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return true;
  return (data[0].permitted | data[1].permitted) != 0;
}

/// Changes the words of a record so that a reader sees them before or after, or tries again.
void set_words(StatsRecord& record, auto change) {
  record.words_seq.fetch_add(1, std::memory_order_acq_rel);
  change(record.words);
  record.words_seq.fetch_add(1, std::memory_order_release);
}

template <size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  std::memset(to, 0, N);
  if (from.size() < N)
    std::memcpy(to, from.data(), from.size());
  else
    std::snprintf(to, N, "%.*s...", static_cast<int>(N - 4), from.c_str());
}

uint64_t tier_of(Engine engine) {
  switch (engine) {
    case Engine::kLibpcap:
    case Engine::kInterp:
      return 0;
    case Engine::kTier1:
      return 1;
    case Engine::kTier2:
      return 2;
  }
  return 0;
}

StatsRecord* make_private_record() {
  const size_t size = record_bytes(stripe_count());
  void* memory = std::aligned_alloc(64, size);
  if (!memory) throw std::bad_alloc();
  std::memset(memory, 0, size);
  auto* record = static_cast<StatsRecord*>(memory);
  record->started_ns.store(realtime_ns(), std::memory_order_relaxed);
  return record;
}

}  // namespace

void set_stats_root(const std::string& root) {
  std::lock_guard lock(runtime_lock());
  copy_text(Registry::get().root, root);
}

std::unique_ptr<FilterStats> FilterStats::open(const std::string& name, bpf::Dialect dialect) {
  std::unique_ptr<FilterStats> stats(new FilterStats);
  std::unique_lock lock(runtime_lock());
  Registry& registry = Registry::get();
  if (!registry.file.opened()) prune_stats(registry.root);
  if (!more_rights_than_user()) stats->working_ = registry.allocate();
  if (!stats->working_) {
    stats->working_ = make_private_record();
    stats->private_ = stats->owned_ = true;
  }
  set_words(*stats->working_, [&](RecordWords& words) {
    copy_text(words.name, name);
    copy_text(words.dialect, name_of(dialect));
  });
  stats->working_->state.store(RecordState::kLive, std::memory_order_release);
  stats->next_ = registry.live;
  stats->link_ = &registry.live;
  if (stats->next_) stats->next_->link_ = &stats->next_;
  registry.live = stats.get();
  return stats;
}

FilterStats::~FilterStats() {
  std::lock_guard lock(runtime_lock());
  if (link_) {
    *link_ = next_;
    if (next_) next_->link_ = link_;
  }
  show_locked();
  StatsRecord* in_file = private_ ? shown_ : working_;
  if (in_file) Registry::get().file.finish(in_file);
  if (owned_) std::free(working_);
}

void FilterStats::published(const Unit& unit, bool first) {
  StatsRecord& record = *working_;
  record.code_bytes.store(unit.code_bytes, std::memory_order_relaxed);
  record.table_bytes.store(unit.table_bytes, std::memory_order_relaxed);
  record.compile_ns.store(unit.compile_ns, std::memory_order_relaxed);
  record.tier.tier.store(tier_of(unit.engine), std::memory_order_relaxed);
  if (!first) record.swaps.fetch_add(1, std::memory_order_relaxed);
  if (unit.refusal) record.refusals.fetch_add(1, std::memory_order_relaxed);
  if (first || unit.refusal || std::strcmp(record.words.engine, name_of(unit.engine)) != 0)
    set_words(record, [&](RecordWords& words) {
      copy_text(words.engine, name_of(unit.engine));
      if (unit.refusal) copy_text(words.last_refusal, to_string(*unit.refusal));
    });
  show_locked();
}

void FilterStats::specialised(const Unit& unit, const std::string& backend) {
  StatsRecord& record = *working_;
  record.code_bytes.store(unit.code_bytes, std::memory_order_relaxed);
  record.table_bytes.store(unit.table_bytes, std::memory_order_relaxed);
  record.compile_ns.store(unit.compile_ns, std::memory_order_relaxed);
  record.tier.tier.store(tier_of(unit.engine), std::memory_order_relaxed);
  set_words(record, [&](RecordWords& words) { copy_text(words.backend, backend); });
  show_locked();
}

void FilterStats::set_why(const std::string& why) {
  size_t from = 0;
  while (why.size() - from >= kWhyBytes) {
    const size_t end = why.find('\n', from);
    from = end == std::string::npos ? why.size() - (kWhyBytes - 1) : end + 1;
  }
  set_words(*working_, [&](RecordWords& words) { copy_text(words.why, why.substr(from)); });
  if (shown_) show_locked();  // no reason to open a file in a child that may be about to exec
}

void FilterStats::refused(const Error& error) {
  std::lock_guard lock(runtime_lock());
  working_->refusals.fetch_add(1, std::memory_order_relaxed);
  set_words(*working_,
            [&](RecordWords& words) { copy_text(words.last_refusal, to_string(error)); });
  show_locked();
}

void FilterStats::set_engine(const std::string& engine) {
  std::lock_guard lock(runtime_lock());
  set_words(*working_, [&](RecordWords& words) { copy_text(words.engine, engine); });
  show_locked();
}

void FilterStats::set_note(const std::string& note) {
  std::lock_guard lock(runtime_lock());
  set_words(*working_, [&](RecordWords& words) { copy_text(words.note, note); });
  show_locked();
}

void FilterStats::sampled(int64_t ours_ps, int64_t replaced_ps) {
  working_->ours_ps.fetch_add(static_cast<uint64_t>(ours_ps), std::memory_order_relaxed);
  working_->replaced_ps.fetch_add(static_cast<uint64_t>(replaced_ps), std::memory_order_relaxed);
  working_->samples.fetch_add(1, std::memory_order_relaxed);
}

FilterRecord FilterStats::record() const {
  std::lock_guard lock(runtime_lock());
  FilterRecord record = read_record(*working_, stripe_count());
  record.pid = getpid();
  record.uid = geteuid();
  record.comm = program_invocation_short_name;
  record.alive = true;
  return record;
}

void FilterStats::show() {
  if (!private_ || !runtime_lock().try_lock()) return;
  show_locked();
  runtime_lock().unlock();
}

void FilterStats::show_locked() {
  if (!private_) return;
  if (!shown_) shown_ = Registry::get().allocate();
  if (!shown_) return;
  const Totals totals = totals_of(*working_, stripe_count());
  shown_->packets.store(totals.packets, std::memory_order_relaxed);
  shown_->matched.store(totals.matched, std::memory_order_relaxed);
  for (auto field : {&StatsRecord::started_ns, &StatsRecord::swaps, &StatsRecord::refusals,
                     &StatsRecord::code_bytes, &StatsRecord::table_bytes, &StatsRecord::compile_ns,
                     &StatsRecord::samples, &StatsRecord::ours_ps, &StatsRecord::replaced_ps})
    (shown_->*field)
        .store((working_->*field).load(std::memory_order_relaxed), std::memory_order_relaxed);
#define IPJIT_TIER_NUMBER(name, meaning)                                       \
  shown_->tier.name.store(working_->tier.name.load(std::memory_order_relaxed), \
                          std::memory_order_relaxed);
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
  set_words(*shown_, [&](RecordWords& words) { words = working_->words; });
  shown_->state.store(RecordState::kLive, std::memory_order_release);
}

void FilterStats::show_all() {
  std::lock_guard lock(runtime_lock());
  for (FilterStats* stats = Registry::get().live; stats; stats = stats->next_) stats->show_locked();
}

void FilterStats::restart_all_in_child() {
  Registry& registry = Registry::get();
  if (!registry.file.opened()) return;
  registry.file.make_private();
  for (FilterStats* stats = registry.live; stats; stats = stats->next_) stats->restart();
}

void FilterStats::restart() {
  private_ = true;
  shown_ = nullptr;
  for (auto field :
       {&StatsRecord::packets, &StatsRecord::matched, &StatsRecord::swaps, &StatsRecord::refusals,
        &StatsRecord::samples, &StatsRecord::ours_ps, &StatsRecord::replaced_ps})
    (working_->*field).store(0, std::memory_order_relaxed);
  for (auto number : {&TierNumbers::changes, &TierNumbers::builds, &TierNumbers::retreats,
                      &TierNumbers::guard_failures, &TierNumbers::heads, &TierNumbers::heads_short,
                      &TierNumbers::build_ns})
    (working_->tier.*number).store(0, std::memory_order_relaxed);
  working_->started_ns.store(realtime_ns(), std::memory_order_relaxed);
  working_->shared.packets.store(0, std::memory_order_relaxed);
  working_->shared.matched.store(0, std::memory_order_relaxed);
  // The others who were inside are not in the child, and would never leave.  Where this thread was
  // too (forked from a signal handler inside a run) nobody can tell one from the other: then all
  // stay, and the child frees nothing that it replaces.
  if (shared_runs == 0)
    for (std::atomic<uint64_t>& inside : working_->shared.inside)
      inside.store(0, std::memory_order_relaxed);
  for (uint32_t i = 0; i < stripe_count(); ++i) {
    Stripe& stripe = stripes()[i];
    // Forked from a signal handler inside a run, this thread will still leave that run.
    const bool own = i * sizeof(Stripe) == ipjit_thread_stripe;
    const uint64_t inside = own ? stripe.entered - stripe.left : 0;
    stripe = {};
    stripe.entered = inside;
  }
}

}  // namespace ipjit::runtime
