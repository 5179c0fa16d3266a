// SPDX-License-Identifier: BSD-2-Clause
// The command `ipjit`: registers the subcommands and turns misuse into one line.
//
// Each subcommand is a file cmd_NAME.cpp that does its own work in a callback; this file knows
// none of them beyond its name.  Exit status: 0 success, 2 misuse of the command line, 1 otherwise.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tools/ipjit/commands.h"
#include "tools/ipjit/complaint.h"

namespace ipjit::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  ipjit filter -r capture.pcap 'tcp port 80'        count what a filter matches, natively
  ipjit exec --report -- tcpdump -n -r capture.pcap 'tcp port 80'
  ipjit compile --emit asm 'tcp port 80'            look at the code
  ipjit stats                                       what runs on this machine, and what it saves
  ipjit doctor                                      what is missing here, and how to mend it

`ipjit SUBCOMMAND --help` tells more, and so does `man ipjit`.)";

void add_subcommands(CLI::App& app, int& status) {
  add_filter(app, status);
  add_exec(app, status);
  add_stats(app, status);
  add_top(app, status);
  add_switch(app, status);
  add_kernel(app, status);
  add_budget(app, status);
  add_doctor(app, status);
  add_compile(app, status);
  add_profile(app, status);
  add_graph(app, status);
  add_verify(app, status);
  add_eval(app, status);
}

// CLI11 reports a word that is no subcommand as a missing one; the word itself is the better hint.
// "Could not convert: --json = x" is about a flag: words and numbers are checked before.
std::string why_refused(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (argc < 2) return "no subcommand given: see ipjit --help";
  std::string word = argv[1];
  auto known = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
  if (known.empty())
    return fmt::format("'{}' is not {} of ipjit: see ipjit --help", word,
                       word.starts_with("-") ? "an option" : "a subcommand");
  std::string why = error.what();
  std::replace(why.begin(), why.end(), '\n', ' ');
  while (why.ends_with(' ')) why.pop_back();
  constexpr std::string_view kNoFlag = "Could not convert: ";
  if (why.starts_with(kNoFlag)) why = why.substr(kNoFlag.size()) + ": it takes no word";
  const bool words_left = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (word == "exec" && words_left) why += ": put -- before the command";
  return why;
}

/// A file that is opened where a standard stream was closed would get that stream's words.  What
/// takes its place cannot be used either, and is not there for what `exec` runs.
void hold_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0)
      static_cast<void>(open("/dev/null", O_CLOEXEC | (stream == 0 ? O_WRONLY : O_RDONLY)));
}

int run(int argc, char** argv) {
  int status = kSuccess;
  CLI::App app{
      "Packet filters as native code: compiled for this machine, checked before they run."};
  app.name("ipjit");
  app.set_version_flag("--version", "ipjit " IPJIT_VERSION);
  app.require_subcommand(1);
  app.footer(kExamples);
  // What `exec` runs waits for this, and all subcommands with their options take milliseconds.
  if (argc > 1 && argv[1] == std::string_view("exec"))
    add_exec(app, status);
  else
    add_subcommands(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    status = app.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return complain_usage(why_refused(app, error, argc, argv));
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return complain({Stage::kRuntime, Code::kIo, 0, "standard output cannot be written"});
  return status;
}

}  // namespace
}  // namespace ipjit::cli

int main(int argc, char** argv) {
  ipjit::cli::hold_closed_streams();
  return ipjit::cli::run(argc, argv);
}
