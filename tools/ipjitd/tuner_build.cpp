// SPDX-License-Identifier: BSD-2-Clause
// From a specialised program to code that the kernel runs, or to a counted refusal.
//
//   compile, verify     kernel::compile_special(); the module will verify again, and trusts nobody
//   seal                in this process, where it is tried and never serves
//   replay              samples and edge packets, against the general program in the interpreter
//   race                on the samples: no faster than what runs, no change
//   INSTALL             with the version that it is to replace: whoever came first wins
//
// As for filters of a process, the quickest compiler goes first and the better one replaces its
// code where the rest of the gain pays.
#include "runtime/tier/replay_check.h"
#include "tools/ipjitd/tuner.h"
#include "tools/ipjitd/tuner_filter.h"

namespace ipjit::daemon {

namespace {

std::string in_words(uint64_t ps) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ns", static_cast<double>(ps) / 1e3);
  return text;
}

/// Of 1,024 packets; 0 where the code has no guard.
uint32_t guard_of(const kernel::Unit& unit, const ir::Policy& policy) {
  return unit.code.contract.counters == 0
             ? 0
             : static_cast<uint32_t>(std::max(1.0, policy.max_guard_failures * 1024));
}

}  // namespace

bool Tuner::build(Filter& filter, const ir::Specialised& made, size_t backend) {
  const runtime::Backend& with = tools_.backends[backend];
  kernel::Machine machine = filter.prepared->machine;
  if (machine.constant_seed) machine.constant_seed = random_() | 1;
  Result<kernel::Unit> made_unit = kernel::compile_special(made.program, machine, *with.compiler);
  if (!made_unit) {
    refuse(filter, with.name, made_unit.error());
    return false;
  }
  auto unit = std::make_unique<kernel::Unit>(std::move(*made_unit));
  Result<kernel::Trial> trial = kernel::Trial::seal(*unit);
  if (!trial) {
    refuse(filter, with.name, trial.error());
    return false;
  }
  if (!try_out(filter, *trial, with) || !publish(filter, *unit, with)) return false;
  filter.backend = backend;
  filter.special = std::move(unit);
  filter.special_trial = std::move(*trial);
  return true;
}

/// Is it right, and is it faster?
bool Tuner::try_out(Filter& filter, const kernel::Trial& trial, const runtime::Backend& with) {
  runtime::Study& study = filter.study;
  const runtime::ReplayReport report =
      replay_check(filter.general, trial.subject(), study.recent, study.facts);
  if (report.disagreement) {
    const std::string kept = write_reproducer(tools_.reproducers, filter.general, trial.subject(),
                                              with.name, *report.disagreement);
    refuse(filter, with.name,
           {Stage::kRuntime, Code::kRefused, 0,
            "it gives another result than the interpreter" +
                (kept.empty() ? "" : "; kept in " + kept)});
    return false;
  }
  const kernel::Trial* rival = filter.runs_special() && filter.special_trial
                                   ? &*filter.special_trial
                                   : filter.general_on_trial();
  if (!tools_.race || !rival) return true;
  const runtime::Race result = tools_.race(rival->subject(), trial.subject(), study.recent);
  if (!result.run() || result.won(tools_.must_win)) return true;
  refuse(filter, with.name,
         {Stage::kRuntime, Code::kRefused, 0,
          "it takes " + in_words(result.second_ps) + " a packet, what runs " +
              in_words(result.first_ps)});
  return false;
}

bool Tuner::publish(Filter& filter, const kernel::Unit& unit, const runtime::Backend& with) {
  const std::span<const uint8_t> code = kernel::code_of(unit.code);
  const std::span<const uint8_t> tables = kernel::tables_of(unit.code);
  Result<uint64_t> version = device_.install({.filter = filter.id,
                                              .expected = filter.seen.version,
                                              .tier = 2,
                                              .guard = guard_of(unit, tools_.policy),
                                              .contract = unit.code.contract,
                                              .code = {code.begin(), code.end()},
                                              .tables = {tables.begin(), tables.end()}});
  if (!version) {
    filter.overtaken = version.error().code == Code::kStale;
    refuse(filter, "the kernel", version.error());
    return false;
  }
  ++filter.builds;
  filter.version = *version;
  filter.seen.version = *version;
  filter.seen.tier = 2;
  filter.study.note("the kernel runs " + with.name + "'s code, version " +
                    std::to_string(*version));
  {
    std::lock_guard lock(counts_mutex_);
    ++counts_.builds;
  }
  log_.say(Level::kDebug, "filter " + std::to_string(filter.id) + ": tier 2 by " + with.name +
                              ", version " + std::to_string(*version));
  std::lock_guard lock(table_.mutex);
  if (const auto found = table_.filters.find(filter.id); found != table_.filters.end()) {
    found->second.seen.version = *version;
    found->second.seen.tier = 2;
    found->second.seen.code_bytes = unit.code.code_len;
    ++table_.changes;
  }
  return true;
}

/// Lets the next better backend compile what runs, where the gain pays.
void Tuner::upgrade(Filter& filter) {
  const size_t next = filter.backend + 1;
  if (!filter.runs_special() || !filter.study.special || next >= tools_.backends.size() ||
      next > filter.last_backend || tools_.now_ns() < filter.upgrade_at_ns)
    return;
  if (!filter.study.pays(tools_.backends[next], tools_.backends[filter.backend],
                         filter.packets_per_second, tools_.policy))
    return;
  const ir::Specialised made = *filter.study.special;
  if (build(filter, made, next))
    filter.upgrade_failures = 0;
  else
    filter.upgrade_at_ns =
        ir::retry_at_ns(++filter.upgrade_failures, tools_.now_ns(), tools_.policy);
}

void Tuner::refuse(Filter& filter, const std::string& who, const Error& error) {
  ++filter.refusals;
  filter.study.note(who + " refused: " + to_string(error));
  {
    std::lock_guard lock(counts_mutex_);
    ++counts_.refusals;
    if (error.code == Code::kUnavailable) counts_.unavailable = error.why;
  }
  const Level level = error.stage == Stage::kVerifier ? Level::kWarning : Level::kDebug;
  log_.say_seldom(
      level, who + error.why.substr(0, error.why.find(';')),
      "filter " + std::to_string(filter.id) + ", tier 2: " + who + " refused: " + to_string(error));
}

}  // namespace ipjit::daemon
