// SPDX-License-Identifier: BSD-2-Clause
// ipjitd: compiles for the kernel module, as a user without rights.
//
// Exit status: 0 after a signal, 2 misuse of the command line, 1 otherwise.
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "tools/ipjitd/loop.h"
#include "tools/tier2/confine.h"
#include "tools/whole_number.h"

namespace ipjit::daemon {
namespace {

constexpr int kFailure = 1, kUsage = 2;

struct Options {
  bool foreground = false, no_tier2 = false, no_race = false;
  std::string device = IPJIT_DEV_PATH, user, status = LoopOptions().status_path;
  uint32_t tier1_percent = 50, tier2_percent = 5, memory_mib = 512;
};

int complain(const std::string& why, int status = kFailure) {
  std::fprintf(stderr, "ipjitd: %s\n", why.c_str());
  return status;
}

/// --help and --version have failed if nobody can read their words.
int told(int status) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  return complain("standard output cannot be written");
}

/// Another user for good.  Gives: why not; empty: done.
std::string become(const std::string& name) {
  const passwd* user = getpwnam(name.c_str());
  if (!user) return "there is no user " + name;
  if (initgroups(name.c_str(), user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
      setuid(user->pw_uid) != 0)
    return "cannot become " + name + ": " + strerrordesc_np(errno);
  setenv("HOME", user->pw_dir, 1);
  return {};
}

/// The soft limit only: the compile server is our child, and has limits of its own.
void limit_memory(uint32_t mib) {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(rlim_t{mib} << 20, limit.rlim_max);
  setrlimit(RLIMIT_AS, &limit);
}

void declare(CLI::App& app, Options& options) {
  app.name("ipjitd");
  app.set_version_flag("--version", "ipjitd " IPJIT_VERSION);
  app.add_flag("--foreground", options.foreground,
               "stay, and say on standard error (else: syslog) what happens");
  app.add_option("--user", options.user, "become this user first (who starts it as root)");
  app.add_option("--device", options.device, "the module's device")->capture_default_str();
  app.add_option("--status", options.status, "where to show what was decided; - for nowhere")
      ->capture_default_str();
  app.add_flag("--no-tier2", options.no_tier2, "compile once, not for the traffic");
  app.add_option("--tier1-percent", options.tier1_percent,
                 "of a processor for first compiles, 1 to 100")
      ->transform(whole_number(1, 100))
      ->capture_default_str();
  app.add_option("--tier2-percent", options.tier2_percent, "of a processor for tier 2, 1 to 100")
      ->transform(whole_number(1, 100))
      ->capture_default_str();
  app.add_flag("--no-race", options.no_race,
               "tier 2 by expectation alone: where the clock counts instructions");
  app.add_option("--memory", options.memory_mib, "MiB of address space, 64 to 65536")
      ->transform(whole_number(64, 65536))
      ->capture_default_str();
  app.footer("IPJIT_LOG=error|warning|info|debug says how much it says.  See ipjitd(8).");
}

int run(const Options& options) {
  Level most = Level::kInfo;
  if (const char* word = secure_getenv("IPJIT_LOG"); word && *word) {
    const std::optional<Level> level = level_named(word);
    if (!level)
      return complain("IPJIT_LOG is '" + std::string(word) + "': say error, warning, info or debug",
                      kUsage);
    most = *level;
  }
  if (!options.user.empty())
    if (const std::string why = become(options.user); !why.empty()) return complain(why);
  if (Status confined = tier2::confine(STDERR_FILENO + 1); !confined)
    return complain(confined.error().why);
  limit_memory(options.memory_mib);
  Result<std::unique_ptr<kernel::Device>> device = kernel::open_device(options.device);
  if (!device) return complain(to_string(device.error()));
  if (Status claimed = (*device)->claim(); !claimed) return complain(to_string(claimed.error()));
  if (!options.foreground && ::daemon(0, 0) != 0) return complain("cannot leave the foreground");
  Log log(options.foreground ? to_stderr() : to_syslog(), most);
  const Status served = serve(std::move(*device), log,
                              {.status_path = options.status == "-" ? "" : options.status,
                               .tier2 = !options.no_tier2,
                               .tier1_share = options.tier1_percent / 100.0,
                               .tier2_share = options.tier2_percent / 100.0,
                               .race = !options.no_race});
  if (served) return EXIT_SUCCESS;
  log.say(Level::kError, to_string(served.error()));
  return kFailure;
}

}  // namespace
}  // namespace ipjit::daemon

int main(int argc, char** argv) {
  ipjit::daemon::Options options;
  CLI::App app{"Compiles the kernel's packet filters for the module ipjit."};
  ipjit::daemon::declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return ipjit::daemon::told(app.exit(asked));  // --help, --version
  } catch (const CLI::ParseError& error) {
    return ipjit::daemon::complain(error.what(), ipjit::daemon::kUsage);
  }
  try {
    return ipjit::daemon::run(options);
  } catch (const std::bad_alloc&) {
    // Whoever starts it again finds filters that run what they ran.
    return ipjit::daemon::complain("out of memory: see --memory");
  }
}
