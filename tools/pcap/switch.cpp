// SPDX-License-Identifier: BSD-2-Clause
// One file in ld.so.conf.d, and a run of ldconfig.
//
//   /etc/ld.so.conf.d/00-ipjit.conf:  /usr/lib/x86_64-linux-gnu/ipjit
//
// ldconfig reads these files in the order of their names, and of two libraries with one soname the
// loader takes the one whose directory came first.  So "00-" is all the magic there is, and it
// works for what an environment variable does not reach: sudo, setuid programs, programs with file
// capabilities, dlopen().
//
// Hazard: between writing the file and rebuilding the cache nothing has changed for anyone, since
// the loader reads only the cache.  So enable() that fails half way removes the file again, and the
// cache, which ldconfig replaces by rename(), is the old one or the new one.
#include "tools/pcap/switch.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

extern char** environ;

namespace ipjit::pcap {
namespace {

constexpr char kSoname[] = "libpcap.so.0.8";

std::string under(const LoaderPlaces& places, const std::string& path) {
  std::string root = places.root;
  while (!root.empty() && root.back() == '/') root.pop_back();
  return root + path;
}

std::string directory_of(const LoaderPlaces& places) {
  return places.drop_in_directory.empty() ? IPJIT_DROP_IN_DIRECTORY : places.drop_in_directory;
}

std::string drop_in_of(const LoaderPlaces& places) { return directory_of(places) + "/" + kSoname; }

std::string settings_file(const LoaderPlaces& places) {
  return under(places, "/etc/ld.so.conf.d/00-ipjit.conf");
}

Error io_error(const std::string& what) {
  return Error{Stage::kRuntime, Code::kIo, 0, what + ": " + std::strerror(errno)};
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<size_t>(got));
  }
}

/// Runs ldconfig and gives its output, or none where it fails.
std::optional<std::string> ldconfig(const LoaderPlaces& places, std::vector<std::string> options) {
  std::vector<std::string> words{"ldconfig"};
  if (!under(places, "").empty()) words.insert(words.end(), {"-r", places.root});
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  int spawned = posix_spawn(&child, "/sbin/ldconfig", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string output = read_all(ends[0]);
  close(ends[0]);
  int ended = -1;
  if (spawned != 0 || waitpid(child, &ended, 0) != child || ended != 0) return std::nullopt;
  return output;
}

/// The first 64-bit libpcap.so.0.8 in `ldconfig -p`; its order is the loader's.
std::string found_in(const std::string& cache) {
  for (size_t at = 0; at < cache.size();) {
    size_t end = cache.find('\n', at);
    if (end == std::string::npos) end = cache.size();
    std::string line = cache.substr(at, end - at);
    at = end + 1;
    size_t arrow = line.find(" => ");
    if (arrow == std::string::npos || line.find("x86-64") == std::string::npos) continue;
    if (line.find(std::string("\t") + kSoname + " ") == 0) return line.substr(arrow + 4);
  }
  return {};
}

Status write_settings(const LoaderPlaces& places) {
  std::string text =
      "# Written by `ipjit enable`, removed by `ipjit disable`.\n" + directory_of(places) + "\n";
  std::string path = settings_file(places);
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return io_error(path);
  bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                 fchmod(fd, 0644) == 0;
  if (close(fd) == 0 && written) return ok();
  Error error = io_error(path);
  unlink(path.c_str());
  return error;
}

Error no_ldconfig() {
  return Error{Stage::kRuntime, Code::kUnavailable, 0, "/sbin/ldconfig fails; is this root?"};
}

}  // namespace

std::string SwitchState::word() const {
  if (effective && configured) return "enabled";
  if (!effective && !configured) return "disabled";
  return configured ? "configured, but the loader finds " + (found.empty() ? "none" : found)
                    : "not configured, but still in the loader's cache";
}

Result<SwitchState> status(const LoaderPlaces& places) {
  SwitchState state;
  state.drop_in = drop_in_of(places);
  state.installed = access(under(places, state.drop_in).c_str(), R_OK) == 0;
  state.configured = access(settings_file(places).c_str(), F_OK) == 0;
  std::optional<std::string> cache = ldconfig(places, {"-p"});
  if (!cache) return no_ldconfig();
  state.found = found_in(*cache);
  state.effective = state.found == state.drop_in;
  return state;
}

Result<SwitchState> enable(const LoaderPlaces& places) {
  if (access(under(places, drop_in_of(places)).c_str(), R_OK) != 0)
    return Error{Stage::kRuntime, Code::kUnavailable, 0,
                 drop_in_of(places) + " is not installed (make install, or the package)"};
  if (Status written = write_settings(places); !written) return written.error();
  if (ldconfig(places, {})) return status(places);
  unlink(settings_file(places).c_str());
  return no_ldconfig();
}

Result<SwitchState> disable(const LoaderPlaces& places) {
  std::string path = settings_file(places);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return io_error(path);
  if (!ldconfig(places, {})) return no_ldconfig();
  return status(places);
}

}  // namespace ipjit::pcap
