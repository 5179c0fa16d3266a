// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjitd/status.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "ipjit/printable.h"

namespace ipjit::daemon {

namespace {

using Json = nlohmann::ordered_json;

/// A process names itself as it likes; JSON is UTF-8.
std::string comm_of(const ipjit_dev_filter& filter) {
  return printable({filter.comm, strnlen(filter.comm, sizeof filter.comm)});
}

Json json_of(const Known& known) {
  Json why = Json::array();
  if (!known.why.empty()) why.push_back(known.why);
  for (const std::string& line : known.tuning.why) why.push_back(line);
  Json json = {{"id", known.seen.id},
               {"comm", comm_of(known.seen)},
               {"uid", known.seen.uid},
               {"standing", word_of(known.standing)},
               {"tier", known.seen.tier},
               {"version", known.seen.version},
               {"refusals_in_a_row", known.failures},
               {"packets_per_second", static_cast<uint64_t>(known.packets_per_second)}};
  const Tuning& tuning = known.tuning;
  if (tuning.samples || tuning.builds)
    json["tier2"] = {{"compiler", tuning.backend},      {"samples", tuning.samples},
                     {"builds", tuning.builds},         {"refusals", tuning.refusals},
                     {"disagreed", tuning.disagreed},   {"general_ns", tuning.general_ns},
                     {"current_ns", tuning.current_ns}, {"candidate_ns", tuning.candidate_ns}};
  json["why"] = std::move(why);
  return json;
}

}  // namespace

std::string status_json(const Daemon& daemon, Table& table, const TuneCounts& tune,
                        const CpuBudget& cpu) {
  const Counts& counts = daemon.counts();
  Json json = {{"version", 1},
               {"pid", getpid()},
               {"mode", kernel::word_of(static_cast<ipjit_dev_mode>(daemon.info().mode))},
               {"waiting", daemon.waiting()},
               {"counts",
                {{"installs", counts.installs},
                 {"refused_compile", counts.refused_compile},
                 {"refused_verifier", counts.refused_verifier},
                 {"refused_kernel", counts.refused_kernel},
                 {"stale", counts.stale},
                 {"gone", counts.gone},
                 {"events", counts.events},
                 {"events_lost", counts.events_lost}}},
               {"tier1", {{"cpu_ms", cpu.tier1_ms}, {"percent", cpu.tier1_percent}}},
               {"tier2",
                {{"on", tune.on},
                 {"unavailable", tune.unavailable},
                 {"samples", tune.samples},
                 {"samples_lost", tune.samples_lost},
                 {"builds", tune.builds},
                 {"refusals", tune.refusals},
                 {"disagreed", tune.disagreed},
                 {"cpu_ms", tune.cpu_ms},
                 {"percent", cpu.tier2_percent}}}};
  Json filters = Json::array();
  std::lock_guard lock(table.mutex);
  for (const auto& [id, known] : table.filters) filters.push_back(json_of(known));
  json["filters"] = std::move(filters);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status write_whole(const std::string& path, const std::string& text) {
  const auto failed = [&](const char* call) {
    return Error{Stage::kRuntime, Code::kIo, 0,
                 std::string(call) + " " + path + ": " + strerrordesc_np(errno)};
  };
  const std::string beside = path + ".new";
  const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return failed("open");
  // For the group's eyes, whatever umask the process confines itself with.
  const bool written = fchmod(fd, 0640) == 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (close(fd) != 0 || !written) return failed("write");
  if (rename(beside.c_str(), path.c_str()) != 0) return failed("rename");
  return ok();
}

}  // namespace ipjit::daemon
