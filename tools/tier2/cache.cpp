// SPDX-License-Identifier: BSD-2-Clause
// A file is written under another name and renamed, so a reader sees all of it or nothing; nothing
// is synced, because a file that a power cut has emptied is a miss like any other.  What was read
// is touched, so modification times say what was useful.  Several servers (of several versions) may
// share the directory: each counts what it adds, and counts all again before it removes anything.
#include "tools/tier2/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace ipjit::tier2 {

namespace {

constexpr char kUnfinished[] = "unfinished-";
constexpr time_t kUnfinishedSeconds = 3600;

Error unavailable(const std::string& why) { return {Stage::kTier2, Code::kUnavailable, 0, why}; }

bool ours_alone(const struct stat& status) {
  return status.st_uid == geteuid() && (status.st_mode & 022) == 0;
}

bool is_entry_name(std::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Kept {
  std::string name;
  uint64_t bytes;
  timespec used;
};

/// All entries; what a dead server left unfinished goes.
std::vector<Kept> list(int directory) {
  std::vector<Kept> all;
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = copy < 0 ? nullptr : fdopendir(copy);
  if (!dir) return all;
  while (const dirent* entry = readdir(dir)) {
    struct stat status;
    const std::string_view name = entry->d_name;
    if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
      continue;
    if (name.starts_with(kUnfinished) && status.st_mtime + kUnfinishedSeconds < time(nullptr))
      unlinkat(directory, entry->d_name, 0);
    if (is_entry_name(name))
      all.push_back({std::string(name), static_cast<uint64_t>(status.st_size), status.st_mtim});
  }
  closedir(dir);
  return all;
}

/// The whole file; nothing where it is not a regular file of ours, or too large.
std::optional<Bytes> read_own(int file) {
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || !ours_alone(status) ||
      status.st_size <= 0 || static_cast<uint64_t>(status.st_size) > kMaxEntryBytes)
    return std::nullopt;
  Bytes bytes(static_cast<size_t>(status.st_size));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t got = read(file, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    at += static_cast<size_t>(got);
  }
  return bytes;
}

bool write_all(int file, const Bytes& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t put = write(file, bytes.data() + at, bytes.size() - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

Result<Cache> Cache::open(const std::string& directory, CacheLimits limits) {
  for (size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    mkdir(directory.substr(0, end).c_str(), 0700);
    if (end == std::string::npos) break;
  }
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0)
    return unavailable(directory + ": " + strerrordesc_np(errno));
  if (!ours_alone(status)) return unavailable(directory + " can be written by others");
  Cache cache(std::move(fd), limits);
  cache.make_room();
  return cache;
}

std::optional<CompiledCode> Cache::find(const CompileRequest& key) {
  const std::string name = entry_name(key);
  const Fd file(
      openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno != ENOENT) unlinkat(directory_.get(), name.c_str(), 0);
    return std::nullopt;
  }
  const std::optional<Bytes> bytes = read_own(file.get());
  std::optional<CacheEntry> entry = bytes ? decode_entry(*bytes) : std::nullopt;
  if (!entry || entry->key != key) {
    unlinkat(directory_.get(), name.c_str(), 0);
    return std::nullopt;
  }
  futimens(file.get(), nullptr);
  return std::move(entry->code);
}

void Cache::keep(const CompileRequest& key, const CompiledCode& code) {
  const Bytes entry = encode_entry(key, code);
  if (entry.size() > limits_.bytes / 4) return;
  if (bytes_ + entry.size() > limits_.bytes || entries_ >= limits_.entries) make_room();
  const std::string unfinished = kUnfinished + std::to_string(getpid());
  unlinkat(directory_.get(), unfinished.c_str(), 0);
  const Fd file(openat(directory_.get(), unfinished.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  if (write_all(file.get(), entry) && renameat(directory_.get(), unfinished.c_str(),
                                               directory_.get(), entry_name(key).c_str()) == 0) {
    bytes_ += entry.size();
    ++entries_;
  } else {
    unlinkat(directory_.get(), unfinished.c_str(), 0);
  }
}

// Down to three quarters, so that this is seldom.
void Cache::make_room() {
  std::vector<Kept> all = list(directory_.get());
  bytes_ = 0;
  entries_ = static_cast<uint32_t>(all.size());
  for (const Kept& kept : all) bytes_ += kept.bytes;
  if (bytes_ <= limits_.bytes / 4 * 3 && entries_ <= limits_.entries / 4 * 3) return;
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const Kept& kept : all) {
    if (bytes_ <= limits_.bytes / 4 * 3 && entries_ <= limits_.entries / 4 * 3) break;
    if (unlinkat(directory_.get(), kept.name.c_str(), 0) != 0) continue;
    bytes_ -= kept.bytes;
    --entries_;
  }
}

Result<std::string> cache_directory() {
  const char* xdg = secure_getenv("XDG_CACHE_HOME");
  const char* home = secure_getenv("HOME");
  std::string base;
  if (xdg && xdg[0] == '/')
    base = xdg;
  else if (home && home[0] == '/')
    base = std::string(home) + "/.cache";
  else
    return unavailable("there is no home directory");
  // What is there already must be ours: root with somebody else's HOME leaves nothing in it.
  std::string there = base;
  struct stat status;
  while (stat(there.c_str(), &status) != 0 && there.size() > 1)
    there.resize(std::max<size_t>(there.rfind('/'), 1));
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid())
    return unavailable(there + " is not our directory");
  return base + "/ipjit/tier2";
}

}  // namespace ipjit::tier2
