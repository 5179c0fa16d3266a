// SPDX-License-Identifier: BSD-2-Clause
// Reading the statistics of other processes, and clearing away after dead ones.
//
// Files are read with pread(), never mapped: a file that shrinks meanwhile must not kill its
// reader. Root reads files that users wrote, so every size is checked and every word is made
// printable before it can reach a terminal.  Numbers are read one by one while threads change them;
// each is exact, and together they are as consistent as a running counter can be.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "ipjit/printable.h"
#include "runtime/filter_stats.h"
#include "runtime/stats.h"
#include "runtime/stats_file.h"
#include "runtime/thread_index.h"

namespace ipjit::runtime {

namespace {

constexpr off_t kMaxFileBytes = 64 << 20;
constexpr size_t kPruneFrom =
    150;  ///< files; looking into all of them at each start would cost more

/// What a file holds of a text; the zero behind it may be missing.
template <size_t N>
std::string_view words_in(const char (&text)[N]) {
  return {text, strnlen(text, N)};
}

TierRecord read_tier(const StatsRecord& record) {
  TierRecord result;
#define IPJIT_TIER_NUMBER(name, meaning) \
  result.name = record.tier.name.load(std::memory_order_relaxed);
#include "runtime/tier/numbers.def"
#undef IPJIT_TIER_NUMBER
  if (result.tier == 2) result.backend = printable(words_in(record.words.backend));
  result.why = printable(words_in(record.words.why), "\n");
  return result;
}

struct Directory {
  explicit Directory(const std::string& path) : path(path), dir(opendir(path.c_str())) {}
  ~Directory() {
    if (dir) closedir(dir);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    while (const dirent* entry = dir ? readdir(dir) : nullptr) names.emplace_back(entry->d_name);
    return names;
  }

  std::string path;
  DIR* dir;
};

struct Bytes {
  std::unique_ptr<uint8_t, decltype(&std::free)> data{nullptr, &std::free};
  size_t size = 0;
};

/// The file's first `most` bytes, at an address fit for StatsRecord; nothing if it is not a regular
/// file of `uid`, or too large.
Bytes read_file(int dir, const char* name, uid_t uid, off_t most = kMaxFileBytes) {
  Bytes bytes;
  const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == uid &&
      status.st_size >= static_cast<off_t>(kStatsHeaderBytes) && status.st_size <= kMaxFileBytes) {
    const auto size = static_cast<size_t>(std::min(status.st_size, most));
    bytes.data.reset(static_cast<uint8_t*>(std::aligned_alloc(64, (size + 63) / 64 * 64)));
    const ssize_t got = bytes.data ? pread(fd, bytes.data.get(), size, 0) : 0;
    bytes.size = got > 0 ? static_cast<size_t>(got) : 0;
  }
  if (fd >= 0) close(fd);
  return bytes;
}

/// A file's header and how its records lie, after every check.
struct Layout {
  const StatsHeader* header;
  uint32_t records;
};

std::optional<Layout> layout_of(const Bytes& bytes) {
  if (bytes.size < kStatsHeaderBytes) return std::nullopt;
  const auto* header = reinterpret_cast<const StatsHeader*>(bytes.data.get());
  if (header->magic.load(std::memory_order_relaxed) != kStatsMagic) return std::nullopt;
  if (header->stripes == 0 || header->stripes > kMaxStripes ||
      header->record_bytes != record_bytes(header->stripes))
    return std::nullopt;
  const size_t fit =
      (bytes.size - kStatsHeaderBytes) / segment_bytes(header->stripes) * kRecordsPerSegment;
  return Layout{header, static_cast<uint32_t>(std::min<size_t>(fit, kMaxRecords))};
}

bool process_lives(const StatsHeader& header) {
  if (header.start_ticks != 0) return process_start_ticks(header.pid) == header.start_ticks;
  return kill(static_cast<pid_t>(header.pid), 0) == 0 || errno == EPERM;
}

/// True if another image of the same process wrote a file later: it has called execve() in between.
bool superseded(int dir, const char* name, uid_t uid, const StatsHeader& header) {
  const char* dot = std::strchr(name, '.');
  uint32_t generation = dot ? static_cast<uint32_t>(std::atoi(dot + 1)) : 0;
  while (++generation < kMaxGenerations) {
    char later[64];
    print_stats_file_name(later, sizeof later, header.pid, header.start_ticks, generation);
    const Bytes bytes = read_file(dir, later, uid, kStatsHeaderBytes);
    const std::optional<Layout> layout = layout_of(bytes);
    if (layout && layout->header->image != header.image) return true;
  }
  return false;
}

struct File {
  std::string name;
  bool alive = false;
  uint64_t finished_ns = 0;  ///< of its youngest filter, 0 where it has none
  std::vector<FilterRecord> records = {};
};

std::optional<File> look_into(const Directory& directory, const std::string& name, uid_t uid) {
  const int dir = dirfd(directory.dir);
  const Bytes bytes = read_file(dir, name.c_str(), uid);
  const std::optional<Layout> layout = layout_of(bytes);
  if (!layout) return std::nullopt;
  const StatsHeader& header = *layout->header;
  File file{.name = name};
  file.alive = process_lives(header) && !superseded(dir, name.c_str(), uid, header);
  for (uint32_t i = 0; i < layout->records; ++i) {
    const uint8_t* segment = bytes.data.get() + kStatsHeaderBytes +
                             i / kRecordsPerSegment * segment_bytes(header.stripes);
    const auto& raw = *reinterpret_cast<const StatsRecord*>(segment + i % kRecordsPerSegment *
                                                                          header.record_bytes);
    const RecordState state = raw.state.load(std::memory_order_relaxed);
    if (state == RecordState::kUnused || raw.words_seq.load(std::memory_order_relaxed) % 2)
      continue;
    FilterRecord record = read_record(raw, header.stripes);
    record.pid = static_cast<pid_t>(header.pid);
    record.uid = uid;
    record.comm = printable(words_in(header.comm));
    record.alive = file.alive && state == RecordState::kLive;
    // A process that was killed says nothing; its last filter is as old as itself.
    if (!record.alive && record.finished_ns == 0) record.finished_ns = record.started_ns;
    file.finished_ns = std::max(file.finished_ns, record.finished_ns);
    file.records.push_back(std::move(record));
  }
  return file;
}

/// The files whose names begin with `start`, which is a pid's "PID-" or empty.
std::vector<File> read_directory(const Directory& directory, uid_t uid,
                                 const std::string& start = "") {
  std::vector<File> files;
  struct stat status;
  if (!directory.dir || fstat(dirfd(directory.dir), &status) != 0 || status.st_uid != uid)
    return files;
  for (const std::string& name : directory.names())
    if (!name.empty() && name[0] >= '0' && name[0] <= '9' && name.starts_with(start))
      if (std::optional<File> file = look_into(directory, name, uid))
        files.push_back(std::move(*file));
  return files;
}

bool shown_before(const FilterRecord& a, const FilterRecord& b) {
  if (a.alive != b.alive) return a.alive;
  return a.alive ? a.started_ns > b.started_ns : a.finished_ns > b.finished_ns;
}

/// One list for each user with a directory, sorted.
std::vector<std::vector<FilterRecord>> read_users(const std::string& root,
                                                  const std::string& start) {
  std::vector<std::vector<FilterRecord>> users;
  for (const std::string& name : Directory(root).names()) {
    unsigned uid = 0;
    int end = 0;
    if (std::sscanf(name.c_str(), "ipjit-%u%n", &uid, &end) != 1 || name[end] != 0) continue;
    std::vector<FilterRecord>& of_user = users.emplace_back();
    std::string folder = root;
    folder.append("/").append(name);
    for (File& file : read_directory(Directory(folder), uid, start))
      for (FilterRecord& record : file.records) of_user.push_back(std::move(record));
    std::sort(of_user.begin(), of_user.end(), shown_before);
  }
  return users;
}

std::vector<FilterRecord> joined(std::vector<std::vector<FilterRecord>> users) {
  std::vector<FilterRecord> all;
  for (std::vector<FilterRecord>& of_user : users)
    std::move(of_user.begin(), of_user.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(), shown_before);
  return all;
}

/// Single samples may have taken less than no time; a mean has not.
double mean_ns(const std::atomic<uint64_t>& ps, uint64_t samples) {
  const auto sum = static_cast<int64_t>(ps.load(std::memory_order_relaxed));
  return std::max(static_cast<double>(sum), 0.0) / static_cast<double>(samples) / 1e3;
}

}  // namespace

FilterRecord read_record(const StatsRecord& record, uint32_t stripes) {
  FilterRecord result;
  result.name = printable(words_in(record.words.name));
  // `engine` names the general program's: a thread that retreats from specialised code changes the
  // number, and takes no lock for the words.
  result.engine = record.tier.tier.load(std::memory_order_relaxed) == 2
                      ? name_of(Engine::kTier2)
                      : printable(words_in(record.words.engine));
  result.dialect = printable(words_in(record.words.dialect));
  result.note = printable(words_in(record.words.note));
  result.last_refusal = printable(words_in(record.words.last_refusal));
  result.started_ns = record.started_ns.load(std::memory_order_relaxed);
  result.finished_ns = record.finished_ns.load(std::memory_order_relaxed);
  const Totals totals = totals_of(record, stripes);
  result.packets = totals.packets;
  result.matched = totals.matched;
  result.swaps = record.swaps.load(std::memory_order_relaxed);
  result.refusals = record.refusals.load(std::memory_order_relaxed);
  result.code_bytes = record.code_bytes.load(std::memory_order_relaxed);
  result.table_bytes = record.table_bytes.load(std::memory_order_relaxed);
  result.compile_ns = record.compile_ns.load(std::memory_order_relaxed);
  result.tier = read_tier(record);
  result.samples = record.samples.load(std::memory_order_relaxed);
  if (result.samples) {
    result.ns_per_packet = mean_ns(record.ours_ps, result.samples);
    result.replaced_ns_per_packet = mean_ns(record.replaced_ps, result.samples);
    result.saved_seconds = (result.replaced_ns_per_packet - result.ns_per_packet) *
                           static_cast<double>(result.packets) / 1e9;
  }
  return result;
}

std::vector<FilterRecord> read_all_stats(const std::string& root) {
  std::vector<std::vector<FilterRecord>> users = read_users(root, "");
  for (std::vector<FilterRecord>& of_user : users) {
    const auto finished = std::find_if(of_user.begin(), of_user.end(),
                                       [](const FilterRecord& record) { return !record.alive; });
    if (static_cast<size_t>(of_user.end() - finished) > kFinishedKept)
      of_user.erase(finished + kFinishedKept, of_user.end());
  }
  return joined(std::move(users));
}

std::vector<FilterRecord> read_stats_of(pid_t pid, const std::string& root) {
  return joined(read_users(root, std::to_string(pid) + "-"));
}

std::vector<FilterRecord> read_all_stats() { return read_all_stats("/dev/shm"); }

void prune_stats(const std::string& root) {
  const int saved_errno = errno;
  Directory directory(root + "/ipjit-" + std::to_string(geteuid()));
  const size_t entries = directory.names().size();
  if (entries > kPruneFrom) {
    rewinddir(directory.dir);
    std::vector<File> dead = read_directory(directory, geteuid());
    std::erase_if(dead, [](const File& file) { return file.alive; });
    std::sort(dead.begin(), dead.end(),
              [](const File& a, const File& b) { return a.finished_ns > b.finished_ns; });
    size_t kept = 0;
    for (const File& file : dead) {
      if (kept >= kFinishedKept || file.records.empty())
        unlinkat(dirfd(directory.dir), file.name.c_str(), 0);
      kept += file.records.size();
    }
  }
  errno = saved_errno;
}

}  // namespace ipjit::runtime
