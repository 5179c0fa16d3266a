// SPDX-License-Identifier: BSD-2-Clause
// `ipjit exec`: runs an unmodified program with libipjit-pcap.so in front of libpcap.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>

#include "runtime/stats.h"
#include "tools/ipjit/child.h"
#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"
#include "tools/ipjit/loadable.h"
#include "tools/ipjit/say.h"
#include "tools/ipjit/stats_table.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHelp =
    R"(The command's filters run as native code; its packets, counts and return codes stay the same.
Its exit status, or the signal that ends it, is passed through.
Programs that gain privileges when they start (set-user-ID, file capabilities) and static ones are
refused, because LD_PRELOAD does not reach them: `ipjit enable` is for the former.

Examples:
  ipjit exec -- tcpdump -n -r capture.pcap 'tcp port 80'
  ipjit exec --report -- tcpdump -n -r capture.pcap 'host 192.0.2.1 or host 192.0.2.2'
  sudo ipjit exec -- tcpdump -i eth0 udp)";

struct Options {
  std::vector<std::string> command;
  bool report = false;
};

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

/// Puts the library in front of what is preloaded already.
void preload(const std::string& library) {
  const char* before = std::getenv("LD_PRELOAD");
  std::string value = before && *before ? library + ":" + before : library;
  setenv("LD_PRELOAD", value.c_str(), 1);
}

// A pid may have been used before: only filters made since our start are the child's.
void report_on(pid_t child, uint64_t started_ns) {
  std::vector<runtime::FilterRecord> records = runtime::read_stats_of(child);
  std::erase_if(
      records, [&](const runtime::FilterRecord& record) { return record.started_ns < started_ns; });
  const std::string why = why_no_records();
  if (records.empty() && !why.empty())
    say(stderr, "ipjit: cannot tell whether filters of this command were taken over: {}\n", why);
  else if (records.empty())
    say(stderr, "ipjit: no filter of this command was taken over\n");
  else
    say(stderr, "{}", stats_table(records, columns_of(STDERR_FILENO), now_ns()));
}

int run(const Options& options) {
  Result<std::string> path = command_path(options.command.front());
  if (!path) return complain(path.error());
  if (Status reaches = preload_reaches(*path); !reaches) return complain(reaches.error());
  Result<std::string> library = preload_library();
  if (!library) return complain(library.error());
  preload(*library);
  if (!options.report) return complain(become(*path, options.command));
  uint64_t started_ns = now_ns();
  Result<int> status =
      run_as_child(*path, options.command, [&](pid_t child) { report_on(child, started_ns); });
  return status ? *status : complain(status.error());
}

}  // namespace

void add_exec(CLI::App& app, int& status) {
  CLI::App* sub = app.add_subcommand("exec", "Run a program with its libpcap filters native");
  sub->footer(kHelp);
  auto options = std::make_shared<Options>();
  sub->add_flag("--report", options->report, "print the command's filters on stderr at its end");
  sub->add_option("COMMAND", options->command, "the command and its words, behind --")->required();
  sub->callback([options, &status] { status = run(*options); });
}

}  // namespace ipjit::cli
