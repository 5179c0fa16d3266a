// SPDX-License-Identifier: BSD-2-Clause
// A filter's way to tier 2, and back:
//
//   samples -> study    replayed through the interpreter; its verdict is compared with the one
//                       that counted, so wrong code is noticed by whoever made it
//   decide()            stay | build | retreat, and why
//   build               tuner_build.cpp
//   RETREATED           the kernel's guard counter, heard by the Daemon: a failure, with back-off
//
// What runs is what the kernel's list says.  Specialised code of a daemon before us runs on: it is
// not known, so it counts as general code until a candidate of our own replaces it.
//
// Hazard: a study is some hundred kilobytes, so only kStudies filters have one; whoever sends fewer
// samples than another makes room.
#include "tools/ipjitd/tuner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tools/ipjitd/tuner_filter.h"

namespace ipjit::daemon {

namespace {

runtime::Head head_of(const ipjit_dev_sample& sample, uint32_t cpu, uint64_t ordinal) {
  runtime::Head head;
  head.filter = sample.filter;
  head.ordinal = ordinal;
  head.stripe = cpu;
  head.cap_len = sample.len;
  head.copied = std::min<uint32_t>(sample.head_len, runtime::Head::kBytes);
  std::copy(std::begin(sample.fields), std::end(sample.fields), head.fields.begin());
  std::memcpy(head.bytes.data(), sample.head, head.copied);
  return head;
}

}  // namespace

Tuner::Filter::Filter(uint64_t id, std::shared_ptr<const Prepared> from)
    : id(id),
      prepared(std::move(from)),
      general(runtime::numbered(prepared->unit.program)),
      study(&general, {}) {}

Tuner::Tuner(kernel::Device& device, Table& table, Log& log, runtime::TieringTools tools,
             std::function<uint64_t()> random)
    : device_(device),
      table_(table),
      log_(log),
      tools_(std::move(tools)),
      random_(std::move(random)) {
  counts_.on = true;
}

Tuner::~Tuner() = default;

Status Tuner::start() {
  Result<ipjit_dev_info> info = device_.info();
  if (!info) return info.error();
  in_a_row_ = info->sample_shift == 0;
  Result<std::span<const uint8_t>> area = device_.sample_area();
  if (!area) return area.error();
  Result<kernel::SampleReader> reader = kernel::SampleReader::over(*area);
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  return ok();
}

TuneCounts Tuner::counts() const {
  std::lock_guard lock(counts_mutex_);
  return counts_;
}

uint64_t Tuner::round() {
  const std::map<uint64_t, View> views = look();
  follow(views);
  drain(views);
  uint64_t pause_ns = kLongestPeriodNs;
  for (const auto& [id, filter] : filters_) pause_ns = std::min(pause_ns, step(*filter));
  // The rings hold a few hundred samples of each CPU.
  return filters_.empty() ? kLongestPeriodNs : std::min(pause_ns, kShortestPeriodNs);
}

std::map<uint64_t, Tuner::View> Tuner::look() const {
  std::map<uint64_t, View> views;
  std::lock_guard lock(table_.mutex);
  for (const auto& [id, known] : table_.filters)
    if (known.standing == Standing::kRuns && known.prepared)
      views[id] = {known.seen, known.prepared, known.retreated, known.packets_per_second};
  return views;
}

/// Brings what is known up to what the table says.
void Tuner::follow(const std::map<uint64_t, View>& views) {
  std::erase_if(filters_, [&](const auto& entry) {
    const auto view = views.find(entry.first);
    return view == views.end() || view->second.prepared != entry.second->prepared;
  });
  for (const auto& [id, filter] : filters_) {
    const View& view = views.at(id);
    filter->seen = view.seen;
    filter->packets_per_second = view.packets_per_second;
    filter->retreated = view.retreated;
  }
}

Tuner::Filter* Tuner::filter_of(uint64_t id, const std::map<uint64_t, View>& views) {
  if (const auto found = filters_.find(id); found != filters_.end()) return found->second.get();
  const auto view = views.find(id);
  if (view == views.end()) return nullptr;
  if (filters_.size() >= kStudies) make_room();
  auto filter = std::make_unique<Filter>(id, view->second.prepared);
  filter->seen = view->second.seen;
  filter->packets_per_second = view->second.packets_per_second;
  filter->retreated = filter->heeded = view->second.retreated;
  return (filters_[id] = std::move(filter)).get();
}

/// Whoever has sent the fewest samples of late, and halves all: what is old counts less.
void Tuner::make_room() {
  const auto least = std::ranges::min_element(
      filters_, {}, [](const auto& entry) { return entry.second->sampled; });
  filters_.erase(least);
  for (const auto& [id, filter] : filters_) filter->sampled /= 2;
}

void Tuner::drain(const std::map<uint64_t, View>& views) {
  const kernel::SampleCount count = reader_->drain(
      [&](const ipjit_dev_sample& sample, uint32_t cpu, uint64_t ordinal) {
        Filter* filter = filter_of(sample.filter, views);
        if (!filter) return;
        ++filter->sampled;
        const bool follows =
            in_a_row_ && filter->last_cpu == cpu && filter->last_ordinal + 1 == ordinal;
        filter->last_cpu = cpu;
        filter->last_ordinal = ordinal;
        const std::optional<uint64_t> result =
            filter->study.watch(head_of(sample, cpu, ordinal), follows);
        if (result) compare(*filter, sample, *result);
      },
      kSamplesInRound);
  std::lock_guard lock(counts_mutex_);
  counts_.samples += count.read;
  counts_.samples_lost += count.lost;
}

/// The verdict that counted, and what the interpreter says of the same packet.
void Tuner::compare(Filter& filter, const ipjit_dev_sample& sample, uint64_t result) {
  if (ipjit_result_status(result) != IPJIT_DONE || ipjit_result_value(result) == sample.verdict)
    return;
  ++filter.disagreed;
  log_.say_seldom(Level::kError, "disagreement " + std::to_string(filter.id),
                  "filter " + std::to_string(filter.id) + ", version " +
                      std::to_string(sample.version) + ": verdict " +
                      std::to_string(sample.verdict) + " for a packet of " +
                      std::to_string(sample.len) + " bytes; the interpreter says " +
                      std::to_string(ipjit_result_value(result)));
  {
    std::lock_guard lock(counts_mutex_);
    ++counts_.disagreed;
  }
  if (sample.version == filter.version && filter.runs_special())
    retreat(filter, "a sampled packet got another verdict than the interpreter's");
  else if (sample.version == filter.seen.version)
    distrust(filter);
}

/// Code that is not specialised is what a retreat goes to, so behind it is the kernel's own only.
void Tuner::distrust(const Filter& filter) {
  {
    std::lock_guard lock(table_.mutex);
    const auto found = table_.filters.find(filter.id);
    if (found == table_.filters.end() || std::exchange(found->second.distrusted, true)) return;
  }
  // Twice, if another daemon's specialised code stands before its general code.
  for (int steps = 0; steps < 2; ++steps) {
    const Result<ipjit_dev_filter> now = device_.filter(filter.id);
    if (!now || now->version == 0) return;
    const Status done = device_.retreat(filter.id, now->version);
    if (!done && done.error().code != Code::kStale && done.error().code != Code::kGone)
      log_.say_seldom(Level::kWarning, "retreat", to_string(done.error()));
  }
}

uint64_t Tuner::step(Filter& filter) {
  heed_retreat(filter);
  const uint64_t now = tools_.now_ns();
  if (now < filter.next_ns) return filter.next_ns - now;
  runtime::Study& study = filter.study;
  study.take_profile(tools_.policy.max_drift);
  count_guards(filter);
  run_race(filter);
  const ir::Decision decision = judge(filter);
  act(filter, decision);
  const bool eventful = decision.what != ir::Decision::Do::kStay;
  filter.period_ns = eventful
                         ? kShortestPeriodNs
                         : std::clamp(filter.period_ns * 2, kShortestPeriodNs, kLongestPeriodNs);
  filter.next_ns = tools_.now_ns() + filter.period_ns;
  return filter.period_ns;
}

/// The kernel has put the general code back by itself.
void Tuner::heed_retreat(Filter& filter) {
  if (filter.retreated == filter.heeded) return;
  filter.heeded = filter.retreated;
  if (filter.retreated != filter.version || filter.retreated == filter.given_up) return;
  filter.version = 0;
  filter.next_ns = 0;
  filter.study.note("retreated: too many packets left by a guard");
  filter.study.failed(tools_.now_ns());
  filter.study.forget();
}

/// Guard failures since the last look: the kernel retreats by itself, but a share below its limit
/// is worth knowing.
void Tuner::count_guards(Filter& filter) {
  filter.guard_failures = 0;
  if (!filter.runs_special()) return;
  Result<ipjit_dev_counters> counters = device_.counters(filter.id, filter.version);
  if (!counters) return;
  const bool first = filter.counted_version != filter.version;
  // Sums over CPUs that count meanwhile: the second may be behind the first.
  const uint64_t packets =
      std::max<uint64_t>(counters->packets, filter.counted_packets) - filter.counted_packets;
  const uint64_t failures =
      std::max<uint64_t>(counters->count[0], filter.counted_failures) - filter.counted_failures;
  if (!first && packets < kGuardPackets) return;
  if (!first) filter.guard_failures = static_cast<double>(failures) / static_cast<double>(packets);
  filter.counted_version = filter.version;
  filter.counted_packets = counters->packets;
  filter.counted_failures = counters->count[0];
}

/// Measures specialised against general code on the samples of late, in this process.
void Tuner::run_race(Filter& filter) {
  if (!tools_.race || !filter.runs_special() || !filter.special_trial) return;
  if (const kernel::Trial* general = filter.general_on_trial())
    filter.study.raced(
        tools_.race(general->subject(), filter.special_trial->subject(), filter.study.recent));
}

ir::Decision Tuner::judge(Filter& filter) {
  ir::Situation now;
  now.now_ns = tools_.now_ns();
  now.tier = filter.runs_special() ? 2 : 1;
  now.packets_per_second = filter.packets_per_second;
  now.available = !tools_.backends.empty();
  now.unavailable = "no compiler is built in";
  filter.study.judge(now);
  now.guard_failures = filter.guard_failures;
  const runtime::Backend* quickest = tools_.backends.empty() ? nullptr : &tools_.backends.front();
  filter.study.seek(now, {tools_.policy, tools_.choices, tools_.specialise, quickest});
  ir::Decision decision = ir::decide(now, tools_.policy);
  show(filter, now, decision);
  return decision;
}

void Tuner::act(Filter& filter, const ir::Decision& decision) {
  switch (decision.what) {
    case ir::Decision::Do::kBuild: {
      filter.last_backend = SIZE_MAX;
      filter.upgrade_at_ns = 0;
      filter.upgrade_failures = 0;
      const ir::Specialised made = *filter.study.candidate;
      bool built = false;
      for (size_t i = 0; i < tools_.backends.size() && !built; ++i) built = build(filter, made, i);
      if (built)
        filter.study.adopt(made);
      else if (!std::exchange(filter.overtaken, false))
        filter.study.failed(tools_.now_ns());
      break;
    }
    case ir::Decision::Do::kRetreat:
      retreat(filter, decision.reasons.empty() ? "decided" : decision.reasons.back());
      break;
    case ir::Decision::Do::kStay:
      upgrade(filter);
      break;
  }
}

void Tuner::retreat(Filter& filter, const std::string& why) {
  const Status done = device_.retreat(filter.id, filter.version);
  filter.given_up = filter.version;
  filter.version = 0;
  filter.next_ns = 0;
  filter.study.note("retreated: " + why);
  filter.study.failed(tools_.now_ns());
  filter.study.forget();
  if (!done && done.error().code != Code::kStale && done.error().code != Code::kGone)
    log_.say_seldom(Level::kWarning, "retreat", to_string(done.error()));
}

void Tuner::show(Filter& filter, const ir::Situation& now, const ir::Decision& decision) {
  std::vector<std::string> why = filter.study.why(decision);
  std::lock_guard lock(table_.mutex);
  const auto found = table_.filters.find(filter.id);
  if (found == table_.filters.end()) return;
  Tuning& tuning = found->second.tuning;
  tuning.version = filter.version;
  tuning.samples = now.samples;
  tuning.builds = filter.builds;
  tuning.refusals = filter.refusals;
  tuning.disagreed = filter.disagreed;
  tuning.backend = filter.version ? tools_.backends[filter.backend].name : "";
  tuning.general_ns = now.general_ns;
  tuning.current_ns = now.current_ns;
  tuning.candidate_ns = now.candidate_ns;
  table_.changes += tuning.why != why;
  tuning.why = std::move(why);
}

}  // namespace ipjit::daemon
