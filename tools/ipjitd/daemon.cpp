// SPDX-License-Identifier: BSD-2-Clause
// An event is a hint, the list is the truth.
//
//   ATTACHED           -> FILTER -> backlog                      } take_in()
//   start, loss, 1 s   -> LIST   -> backlog, rates, who is gone  }
//   backlog            -> PROGRAM -> tier 1 -> INSTALL           serve()
//
// What the kernel says of a filter decides, not what this process remembers: so a daemon that was
// killed, missed events or was overtaken by another does the same as one that was not.  INSTALL
// names the version that it means to replace, and who comes second is told so.
//
// Refusals.  A program that our own street cannot compile stays with the kernel's code for good;
// for everything else (the kernel's verifier, budgets, eviction under pressure) the next attempt
// waits 1 s, 2 s, 4 s ... up to an hour.  The kernel's code runs meanwhile, so nobody waits for us.
//
// A round serves a few filters and returns, so that events are read however many wait.
#include "tools/ipjitd/daemon.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <set>

#include "ipjit/printable.h"

namespace ipjit::daemon {

namespace {

/// A verifier's refusal in short, as one kind for the log: "verifier: kRefused: out-of-bounds".
std::string kind_of(const Error& error) {
  return std::string(name_of(error.stage)) + ": " + name_of(error.code) + ": " +
         error.why.substr(0, error.why.find(';'));
}

std::string name_of(const ipjit_dev_filter& filter) {
  std::string name = "filter " + std::to_string(filter.id);
  const std::string comm = printable({filter.comm, strnlen(filter.comm, sizeof filter.comm)});
  return name + " (" + (comm.empty() ? "" : comm + ", ") + "uid " + std::to_string(filter.uid) +
         ")";
}

/// Why code of ours would only cost time; empty: it would not.
std::string why_not(const ir::Program& program) {
  const auto returns = [](const ir::Block& block) { return block.term.kind == ir::TermKind::kRet; };
  if (std::ranges::none_of(program.blocks, returns))
    return "only the kernel's own code can tell what this program accepts";
  // tcpdump and others refuse everything for a moment, before their filter comes.
  if (program.blocks.size() == 1) return "it asks nothing of a packet: there is nothing to gain";
  return {};
}

}  // namespace

const char* word_of(Standing standing) {
  switch (standing) {
    case Standing::kWaiting:
      return "waiting";
    case Standing::kRuns:
      return "runs";
    case Standing::kRefused:
      return "refused";
    case Standing::kLeft:
      return "left";
  }
  return "?";
}

Status Daemon::start() {
  if (Status claimed = device_.claim(); !claimed) return claimed;
  return look();
}

/// LIST: who is there, who is gone, who is busy.
Status Daemon::look() {
  look_now_ = false;
  looked_ns_ = tools_.now_ns();
  Result<ipjit_dev_info> info = device_.info();
  if (!info) return info.error();
  info_ = *info;
  Result<std::vector<ipjit_dev_filter>> all = device_.list();
  if (!all) return all.error();
  std::set<uint64_t> there;
  for (const ipjit_dev_filter& filter : *all) {
    there.insert(filter.id);
    take_in(filter, looked_ns_);
  }
  std::vector<uint64_t> gone;
  {
    std::lock_guard lock(table_.mutex);
    for (const auto& [id, known] : table_.filters)
      if (!there.contains(id)) gone.push_back(id);
  }
  for (uint64_t id : gone) forget(id);
  return ok();
}

void Daemon::take_in(const ipjit_dev_filter& filter, uint64_t now) {
  std::lock_guard lock(table_.mutex);
  const auto [place, is_new] = table_.filters.try_emplace(filter.id);
  Known& known = place->second;
  table_.changes += is_new || known.seen.version != filter.version;
  if (known.counted_ns && now >= known.counted_ns + kLookNs / 2) {
    // The kernel's sum is read while other CPUs count, and may be behind what it was.
    const uint64_t packets = std::max<uint64_t>(filter.packets, known.counted_packets);
    known.packets_per_second = static_cast<double>(packets - known.counted_packets) * 1e9 /
                               static_cast<double>(now - known.counted_ns);
    known.counted_ns = 0;
  }
  if (known.counted_ns == 0) {
    known.counted_ns = now;
    known.counted_packets = filter.packets;
  }
  known.seen = filter;
  backlog_.remove(filter.id);
  if (filter.flags & IPJIT_DEV_EVICTED) {
    known.standing = Standing::kLeft;
    known.why = "evicted by command";
    known.prepared.reset();  // its memory is for filters that run
  } else if (filter.flags & IPJIT_DEV_WRONG) {
    known.standing = Standing::kLeft;
    known.why =
        "code of ours gave a packet another verdict than the kernel's own, which decides until the "
        "filter is attached anew";
    known.prepared.reset();
  } else if (known.distrusted) {
    known.standing = Standing::kLeft;
    known.why =
        "code of ours gave a sampled packet another verdict than the interpreter: nothing is "
        "offered until the filter is attached anew";
    known.prepared.reset();
  } else if (filter.version != 0) {
    known.standing = Standing::kRuns;
    known.why.clear();
    if (!known.prepared && !known.unprepared)
      unprepared_.add(filter.id, filter.uid, filter.packets);
  } else if (known.standing == Standing::kRuns) {
    known.standing = Standing::kWaiting;  // somebody took its code away
  }
  const bool due = known.standing == Standing::kWaiting ||
                   (known.standing == Standing::kRefused && now >= known.retry_ns);
  if (due) backlog_.add(filter.id, filter.uid, filter.packets);
}

void Daemon::hear(const ipjit_dev_event& event) {
  ++counts_.events;
  if (event.lost) {
    counts_.events_lost += event.lost;
    log_.say_seldom(Level::kWarning, "events lost",
                    std::to_string(event.lost) + " events were lost: looking at all filters");
    look_now_ = true;
  }
  switch (event.type) {
    case IPJIT_DEV_ATTACHED:
      refresh(event.id);
      break;
    case IPJIT_DEV_RELEASED:
      forget(event.id);
      break;
    case IPJIT_DEV_RETREATED: {
      refresh(event.id);
      std::lock_guard lock(table_.mutex);
      if (const auto found = table_.filters.find(event.id); found != table_.filters.end()) {
        found->second.retreated = event.version;
        log_.say_seldom(Level::kInfo, "retreat",
                        name_of(found->second.seen) + " is back at its general code");
      }
      break;
    }
    case IPJIT_DEV_EVICTED_NOW:
      refresh(event.id);
      refused(event.id, {Stage::kKernel, Code::kOverBudget, 0, "its code was taken away"});
      break;
    case IPJIT_DEV_WRONG_NOW:
      log_.say_seldom(Level::kError, "wrong " + std::to_string(event.id),
                      "filter " + std::to_string(event.id) + ", version " +
                          std::to_string(event.version) +
                          ": another verdict than the kernel's own code; the kernel took it away");
      refresh(event.id);
      break;
    case IPJIT_DEV_POLICY:
    default:  // of a newer module: the list says what it means
      look_now_ = true;
  }
}

void Daemon::refresh(uint64_t id) {
  Result<ipjit_dev_filter> filter = device_.filter(id);
  if (filter)
    take_in(*filter, tools_.now_ns());
  else if (filter.error().code == Code::kGone)
    forget(id);
  else
    look_now_ = true;
}

void Daemon::forget(uint64_t id) {
  backlog_.remove(id);
  unprepared_.remove(id);
  std::lock_guard lock(table_.mutex);
  table_.changes += table_.filters.erase(id);
}

Result<Prepared> Daemon::compile(uint64_t id, bool hardened) {
  Result<bpf::InsnList> insns = device_.program(id);
  if (!insns) return insns.error();
  kernel::Machine machine{.isa = info_.isa, .fields = info_.fields};
  if (hardened) machine.constant_seed = tools_.random() | 1;
  try {
    Result<kernel::Unit> unit = tools_.compile(*insns, machine);
    if (!unit) return unit.error();
    if (const std::string why = why_not(unit->program); !why.empty())
      return Error{Stage::kFrontend, Code::kUnavailable, 0, why};
    return Prepared{std::move(*insns), machine, std::move(*unit)};
  } catch (const std::bad_alloc&) {
    // One filter too large for what this process may have (--memory) is not everybody's end.
    return Error{Stage::kFrontend, Code::kNoMemory, 0,
                 "compiling it needs more memory than ipjitd may have"};
  }
}

kernel::Offer Daemon::offer_of(uint64_t id, uint64_t expected, const Prepared& prepared) const {
  const std::span<const uint8_t> code = kernel::code_of(prepared.unit.code);
  const std::span<const uint8_t> tables = kernel::tables_of(prepared.unit.code);
  return {.filter = id,
          .expected = expected,
          .tier = 1,
          .guard = 0,
          .contract = prepared.unit.code.contract,
          .code = {code.begin(), code.end()},
          .tables = {tables.begin(), tables.end()}};
}

/// Tier 1 for one filter that runs the kernel's own code.
void Daemon::serve(uint64_t id) {
  uint64_t expected = 0;
  bool hardened = false;
  std::shared_ptr<const Prepared> prepared;
  {
    std::lock_guard lock(table_.mutex);
    const auto found = table_.filters.find(id);
    if (found == table_.filters.end()) return;
    expected = found->second.seen.version;
    hardened = found->second.seen.flags & IPJIT_DEV_HARDENED;
    // Constants that were refused once are chosen anew.
    if (!hardened) prepared = found->second.prepared;
  }
  const uint64_t start_ns = tools_.now_ns();
  if (!prepared) {
    Result<Prepared> made = compile(id, hardened);
    if (!made) return refused_here(id, made.error(), hardened);
    prepared = std::make_shared<const Prepared>(std::move(*made));
  }
  const uint64_t compiled_ns = tools_.now_ns();
  Result<uint64_t> version = device_.install(offer_of(id, expected, *prepared));
  if (version)
    return installed(id, *version, std::move(prepared), compiled_ns - start_ns,
                     tools_.now_ns() - compiled_ns);
  if (version.error().code == Code::kStale) {
    ++counts_.stale;
    refresh(id);
    std::lock_guard lock(table_.mutex);
    const auto found = table_.filters.find(id);
    if (found == table_.filters.end() || found->second.seen.version != expected) return;
    // It is not, says the list: wait for whoever is at it.
    found->second.standing = Standing::kRefused;
    found->second.retry_ns = tools_.now_ns() + kLookNs;
    backlog_.remove(id);
    return;
  }
  const bool by_verifier = version.error().stage == Stage::kVerifier;
  if (version.error().code != Code::kGone)
    ++(by_verifier ? counts_.refused_verifier : counts_.refused_kernel);
  refused(id, version.error());
}

/// The program of a filter that runs code of a daemon before us.
void Daemon::prepare(uint64_t id) {
  bool hardened = false;
  {
    std::lock_guard lock(table_.mutex);
    const auto found = table_.filters.find(id);
    if (found == table_.filters.end() || found->second.prepared) return;
    hardened = found->second.seen.flags & IPJIT_DEV_HARDENED;
  }
  Result<Prepared> made = compile(id, hardened);
  std::lock_guard lock(table_.mutex);
  const auto found = table_.filters.find(id);
  if (found == table_.filters.end()) return;
  if (made)
    found->second.prepared = std::make_shared<const Prepared>(std::move(*made));
  else
    found->second.unprepared = true;  // its code runs on, and tier 2 leaves it alone
}

void Daemon::installed(uint64_t id, uint64_t version, std::shared_ptr<const Prepared> prepared,
                       uint64_t compile_ns, uint64_t install_ns) {
  ++counts_.installs;
  std::lock_guard lock(table_.mutex);
  const auto found = table_.filters.find(id);
  if (found == table_.filters.end()) return;
  Known& known = found->second;
  known.seen.version = known.seen.general = version;
  known.seen.tier = 1;
  known.seen.code_bytes = prepared->unit.code.code_len;
  known.prepared = std::move(prepared);
  known.standing = Standing::kRuns;
  known.why.clear();
  known.failures = 0;
  ++table_.changes;
  log_.say(Level::kDebug, name_of(known.seen) + ": tier 1, version " + std::to_string(version) +
                              "; compiled in " + std::to_string(compile_ns / 1000) +
                              " us, installed in " + std::to_string(install_ns / 1000) + " us");
}

void Daemon::refused(uint64_t id, const Error& error) {
  if (error.code == Code::kGone) {
    ++counts_.gone;
    return forget(id);
  }
  backlog_.remove(id);
  std::lock_guard lock(table_.mutex);
  const auto found = table_.filters.find(id);
  if (found == table_.filters.end()) return;
  Known& known = found->second;
  if (known.standing == Standing::kLeft || known.seen.version != 0) return;
  const uint64_t now = tools_.now_ns();
  known.standing = Standing::kRefused;
  known.why = to_string(error);
  known.retry_ns = ir::retry_at_ns(++known.failures, now, tools_.policy);
  ++table_.changes;
  // Left alone because that is best, or because of something that somebody should look at?
  const Level level = error.code == Code::kUnavailable ? Level::kDebug : Level::kWarning;
  log_.say_seldom(level, kind_of(error),
                  name_of(known.seen) + " stays with the kernel's code: " + known.why);
}

/// By our own street: whatever is not a matter of chance or memory will be the same again.
void Daemon::refused_here(uint64_t id, const Error& error, bool hardened) {
  const bool by_device = error.stage == Stage::kKernel && error.code != Code::kTooLong;
  const bool final = !hardened && !by_device && error.code != Code::kNoMemory;
  if (error.code != Code::kGone) ++counts_.refused_compile;
  refused(id, error);
  if (!final) return;
  std::lock_guard lock(table_.mutex);
  if (const auto found = table_.filters.find(id); found != table_.filters.end())
    found->second.standing = Standing::kLeft;
}

Result<uint64_t> Daemon::round() {
  Result<std::vector<ipjit_dev_event>> events = device_.events();
  if (!events) return events.error();
  for (const ipjit_dev_event& event : *events) hear(event);
  const uint64_t now = tools_.now_ns();
  if (look_now_ || now >= looked_ns_ + kLookNs)
    if (Status looked = look(); !looked) return looked.error();
  uint32_t served = 0;
  for (; served < kInstallsInRound && !backlog_.empty(); ++served) serve(*backlog_.next());
  for (; served < kInstallsInRound && !unprepared_.empty(); ++served) prepare(*unprepared_.next());
  if (waiting() > 0) return uint64_t{0};
  const uint64_t next = looked_ns_ + kLookNs, then = tools_.now_ns();
  return next > then ? next - then : uint64_t{0};
}

}  // namespace ipjit::daemon
