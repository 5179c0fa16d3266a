// SPDX-License-Identifier: BSD-2-Clause
// Three ways to run it: a library that wants a server starts it with --started and listens on
// kReadyFd; a person who debugs keeps it in the foreground; a person who only calls it gets a
// server in the background, started the same way as a library starts it.
#include "tools/tier2/command.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tier2-llvm/remote/patience.h"
#include "tier2-llvm/remote/start.h"
#include "tier2-llvm/remote/version.h"
#include "tools/tier2/build_id.h"
#include "tools/tier2/confine.h"
#include "tools/tier2/server.h"

namespace ipjit::tier2 {

namespace {

constexpr char kHelp[] =
    R"(usage: ipjit-tier2 [--foreground] [--idle SECONDS] [--no-cache] [--root DIRECTORY]

Compiles packet filters with LLVM for the processes of its user that filter through
ipjit.  They start it when they first have something worth compiling, and it ends by
itself; nobody needs to call it.  One serves a user at a time.

  --foreground      stay, and say on standard error what happens
  --idle SECONDS    end after so long without a request (60; 0: never)
  --no-cache        neither look into nor add to ~/.cache/ipjit/tier2
  --root DIRECTORY  meet clients below DIRECTORY/ipjit-UID/ (/dev/shm)
  --emit-llvm TARGET
                    print what LLVM is given for the IR text on standard input, and end
  --version         print what it is and compiles with
  --help            print this
)";

struct Options {
  bool foreground = false, started = false, cache = true;
  ServerOptions server;
};

int usage(const std::string& complaint) {
  std::fprintf(stderr, "ipjit-tier2: %s; see ipjit-tier2 --help\n", complaint.c_str());
  return 2;
}

/// --help and --version have failed if nobody can read their words.
int told() {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return 0;
  std::fprintf(stderr, "ipjit-tier2: standard output cannot be written\n");
  return 1;
}

/// "--idle 5" and "--idle=5".
bool option_value(int argc, char** argv, int* at, const char* name, std::string* value) {
  const size_t size = std::strlen(name);
  if (std::strncmp(argv[*at], name, size) != 0) return false;
  if (argv[*at][size] == '=') {
    *value = argv[*at] + size + 1;
    return true;
  }
  if (argv[*at][size] != 0 || *at + 1 >= argc) return false;
  *value = argv[++*at];
  return true;
}

bool parse_idle(const std::string& text, uint32_t* idle_ms) {
  char* end = nullptr;
  const unsigned long seconds = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end || seconds > 1'000'000) return false;
  *idle_ms = static_cast<uint32_t>(seconds * 1000);
  return true;
}

/// Gives: -1 to go on, else an exit status.
int parse_options(int argc, char** argv, const CompilerSource& compilers, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::string value;
    if (word == "--help") {
      std::fputs(kHelp, stdout);
      return told();
    } else if (word == "--version") {
      std::printf("ipjit-tier2 %s, %s\n", version().c_str(), compilers.name.c_str());
      return told();
    } else if (word == "--foreground") {
      options->foreground = true;
    } else if (word == "--started") {
      options->started = true;
    } else if (word == "--no-cache") {
      options->cache = false;
    } else if (option_value(argc, argv, &i, "--root", &value)) {
      options->server.root = value;
    } else if (option_value(argc, argv, &i, "--idle", &value)) {
      if (!parse_idle(value, &options->server.idle_ms)) return usage("'" + value + "' is no time");
    } else {
      return usage("'" + word + "' is unknown or has no value");
    }
  }
  return -1;
}

/// What is said to whoever started us; nobody else listens to a server in the background.
int tell(bool started, const std::string& words, int status) {
  if (started) {
    const ssize_t put = write(kReadyFd, words.data(), words.size());
    close(kReadyFd);
    return put < 0 ? 1 : status;
  }
  std::fprintf(stderr, "ipjit-tier2: %s\n", words.c_str());
  return status;
}

int serve(const Options& options, CompilerSource compilers) {
  const auto fail = [&](const Error& error) { return tell(options.started, error.why, 1); };
  if (Status confined = confine(options.started ? kReadyFd + 1 : kReadyFd); !confined)
    return fail(confined.error());
  Result<int> stop = stop_signals();
  if (!stop) return fail(stop.error());
  const Fd stop_fd(*stop);
  std::optional<Cache> cache;
  if (options.cache) {
    Result<std::string> directory = cache_directory();
    Result<Cache> opened = directory ? Cache::open(*directory) : directory.error();
    if (opened)
      cache = std::move(*opened);
    else if (options.foreground)
      std::fprintf(stderr, "ipjit-tier2: no cache: %s\n", opened.error().why.c_str());
  }
  ServerOptions server_options = options.server;
  if (options.foreground)
    server_options.log = [](const std::string& line) {
      std::fprintf(stderr, "ipjit-tier2: %s\n", line.c_str());
    };
  compilers.name += ", build " + build_id();
  Result<std::unique_ptr<Server>> server =
      Server::open(server_options, std::move(compilers), std::move(cache));
  if (!server) return fail(server.error());
  if (!*server)
    return options.started ? tell(true, kReady, 0) : tell(false, "another one serves already", 1);
  if (options.started) tell(true, kReady, 0);
  (*server)->run(stop_fd.get());
  return 0;
}

int start_in_background(const Options& options) {
  std::vector<std::string> environment;
  for (const char* name : {"HOME", "XDG_CACHE_HOME"})
    if (const char* value = secure_getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  std::vector<std::string> words = {"--started", "--root=" + options.server.root,
                                    "--idle=" + std::to_string(options.server.idle_ms / 1000)};
  if (!options.cache) words.emplace_back("--no-cache");
  char* self = realpath("/proc/self/exe", nullptr);
  const std::string program = self ? self : "";
  free(self);
  const Status started = start_server(program, words, environment, Patience(10'000, nullptr));
  if (!started) std::fprintf(stderr, "ipjit-tier2: %s\n", started.error().why.c_str());
  return started ? 0 : 1;
}

}  // namespace

int run_command(int argc, char** argv, CompilerSource compilers) {
  Options options;
  if (const int status = parse_options(argc, argv, compilers, &options); status >= 0) return status;
  if (options.foreground && options.started) return usage("--started is not for people");
  if (!options.foreground && !options.started) return start_in_background(options);
  return serve(options, std::move(compilers));
}

}  // namespace ipjit::tier2
