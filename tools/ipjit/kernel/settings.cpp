// SPDX-License-Identifier: BSD-2-Clause
// One place for what persists: a plain `modprobe ipjit` knows nothing of it and starts in the
// module's own first mode, observe, which decides nothing.
#include "tools/ipjit/kernel/settings.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "runtime/kernel/device.h"
#include "tools/ipjit/files.h"

namespace ipjit::cli {
namespace {

constexpr const char* kHead =
    "# What ipjit.ko starts with; written by `ipjit kernel mode` and `ipjit budget`.\n";

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

struct Line {
  std::string name = {};  ///< empty: a comment, or nothing
  std::string value = {};
  bool understood = true;
};

Line line_of(const std::string& text) {
  const std::string words = trimmed(text.substr(0, text.find('#')));
  if (words.empty()) return {};
  const size_t equals = words.find('=');
  if (equals == std::string::npos) return {.name = words, .understood = false};
  return {.name = trimmed(words.substr(0, equals)), .value = trimmed(words.substr(equals + 1))};
}

Error syntax(uint64_t line, const std::string& why) {
  return {Stage::kKernel, Code::kSyntax, line, why};
}

Status set_limit(KernelSettings& settings, const Line& line, uint64_t at) {
  for (const LimitName& limit : kLimits) {
    if (line.name != limit.name) continue;
    uint64_t number = 0;
    const char* end = line.value.data() + line.value.size();
    auto [rest, wrong] = std::from_chars(line.value.data(), end, number);
    if (wrong != std::errc{} || rest != end)
      return syntax(
          at, fmt::format("'{}' is not a number{}", line.value, limit.in_bytes ? " of bytes" : ""));
    settings.budget.*limit.limit = number;
    return ok();
  }
  return syntax(at, fmt::format("'{}' is not a setting of the kernel module", line.name));
}

Error io_error(const std::string& what) {
  const std::string why = errno == EACCES || errno == EPERM ? "needs root" : std::strerror(errno);
  return {Stage::kKernel, Code::kIo, 0, fmt::format("{} cannot be written: {}", what, why)};
}

Status make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return ok();
  return io_error(path);
}

/// Closes what it holds.
struct OpenFile {
  int fd;
  explicit OpenFile(int fd) : fd(fd) {}
  OpenFile(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

KernelPlaces kernel_places() {
  const char* root = secure_getenv("IPJIT_ROOT");
  KernelPlaces places = {.root = root ? root : ""};
  while (places.root.ends_with('/')) places.root.pop_back();
  return places;
}

Result<KernelSettings> parse_settings(const std::string& text) {
  KernelSettings settings;
  std::istringstream lines(text);
  uint64_t at = 0;
  for (std::string one; std::getline(lines, one);) {
    const Line line = line_of(one);
    ++at;
    if (line.name.empty()) continue;
    if (!line.understood) return syntax(at, fmt::format("'{}' is not `name = value`", line.name));
    if (line.name == "mode") {
      settings.mode = kernel::mode_named(line.value);
      if (!settings.mode)
        return syntax(at, fmt::format("mode '{}' is not off, observe or on", line.value));
    } else if (Status set = set_limit(settings, line, at); !set) {
      return set.error();
    }
  }
  return settings;
}

std::string with_setting(const std::string& text, const std::string& name,
                         const std::string& value) {
  const std::string wanted = fmt::format("{} = {}\n", name, value);
  std::string out;
  bool found = false;
  std::istringstream lines(text.empty() ? kHead : text);
  for (std::string one; std::getline(lines, one);) {
    if (line_of(one).name != name)
      out += one + "\n";
    else if (!found)  // said twice, the last one counted; now it is said once
      out += wanted;
    found |= line_of(one).name == name;
  }
  return found ? out : out + wanted;
}

Result<KernelSettings> read_settings(const KernelPlaces& places) {
  const std::optional<std::string> text = text_of(places.settings());
  if (!text && access(places.settings().c_str(), F_OK) == 0)
    return Error{Stage::kKernel, Code::kIo, 0, places.settings() + " cannot be read"};
  Result<KernelSettings> settings = parse_settings(text.value_or(""));
  if (settings) return settings;
  Error error = settings.error();
  error.why = places.settings() + ": " + error.why;
  return error;
}

Status replace_file(const std::string& path, const std::string& text) {
  const std::string directory = path.substr(0, path.rfind('/'));
  if (Status made = make_directory(directory); !made) return made;
  const std::string fresh = path + ".new";
  {
    OpenFile file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (file.fd < 0 ||
        write(file.fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        fsync(file.fd) != 0)
      return io_error(path);
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return io_error(path);
  const OpenFile parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.fd < 0 || fsync(parent.fd) != 0) return io_error(path);
  return ok();
}

Status keep_setting(const KernelPlaces& places, const std::string& name, const std::string& value) {
  // What cannot be understood is not written over: somebody meant something by it.
  if (Result<KernelSettings> now = read_settings(places); !now) return now.error();
  return replace_file(places.settings(),
                      with_setting(text_of(places.settings()).value_or(""), name, value));
}

}  // namespace ipjit::cli
