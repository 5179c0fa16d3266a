// SPDX-License-Identifier: BSD-2-Clause
// Making and growing this process's file of statistics.
//
// /dev/shm is writable for everybody, so the directory below it is trusted only if it is ours and
// closed to others, no symbolic link is followed, and the file must not exist before.  Space is
// taken with fallocate(): on a full tmpfs a store to a mapped hole would be a SIGBUS in the middle
// of somebody's packet path; a refused fallocate() only means that nobody sees the numbers.
//
// No descriptor stays open: programs close descriptors that they do not know, and the number would
// then be somebody else's file.  Growing opens the path again; where the process has changed its
// root or its user by then, further filters are simply not shown.
#include "runtime/stats_file.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <span>

#include "ipjit/error.h"
#include "runtime/stats.h"

namespace ipjit::runtime {

namespace {

/// A descriptor closed at the end of its scope.
struct Descriptor {
  explicit Descriptor(int fd) : fd(fd) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

/// Tells what runs in a process from what ran there before an execve().  The kernel's 16 random
/// bytes do, but the C library makes a stack guard of one half and a pointer guard of the other:
/// their difference tells nobody either of them.
uint32_t image_of_process() {
  const auto* random = reinterpret_cast<const uint8_t*>(getauxval(AT_RANDOM));
  uint64_t halves[2] = {};
  if (random) std::memcpy(halves, random, sizeof halves);
  return static_cast<uint32_t>((halves[0] ^ halves[1]) >> 32);
}

}  // namespace

uint64_t realtime_ns() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Totals totals_of(const StatsRecord& record, uint32_t stripes) {
  Totals totals;
  totals.packets = record.packets.load(std::memory_order_relaxed) +
                   record.shared.packets.load(std::memory_order_relaxed);
  totals.matched = record.matched.load(std::memory_order_relaxed) +
                   record.shared.matched.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < stripes; ++i) {
    totals.packets += load(record.stripes()[i].left);
    totals.matched += load(record.stripes()[i].matched);
  }
  return totals;
}

uint64_t process_start_ticks(uint32_t pid) {
  char path[64], text[1024];
  std::snprintf(path, sizeof path, "/proc/%u/stat", pid);
  Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t size = file.fd < 0 ? -1 : read(file.fd, text, sizeof text - 1);
  if (size <= 0) return 0;
  text[size] = 0;
  // The second field, the name in parentheses, may itself hold spaces and parentheses.
  const char* at = std::strrchr(text, ')');
  unsigned long long ticks = 0;
  if (!at || std::sscanf(at + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                         "%*d %*d %llu",
                         &ticks) != 1)
    return 0;
  return ticks;
}

void print_stats_file_name(char* to, size_t size, uint32_t pid, uint64_t start_ticks,
                           uint32_t generation) {
  const int printed =
      std::snprintf(to, size, "%u-%llu", pid, static_cast<unsigned long long>(start_ticks));
  if (generation) std::snprintf(to + printed, size - printed, ".%u", generation);
}

bool StatsFile::no(const char* call) {
  std::snprintf(refused_, sizeof refused_, "%s %s: %s", call, path_, strerrordesc_np(errno));
  return false;
}

void StatsFile::open(const char* root, uint32_t stripes) {
  const int saved_errno = errno;
  opened_ = true;
  stripes_ = stripes;
  create(root);
  errno = saved_errno;
}

bool StatsFile::create(const char* root) {
  int length = std::snprintf(path_, sizeof path_, "%s/ipjit-%u", root, geteuid());
  if (length < 0 || length > static_cast<int>(sizeof path_) - 48) {
    errno = ENAMETOOLONG;
    return no("open");
  }
  mkdir(path_, 0700);
  Descriptor dir(::open(path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (dir.fd < 0 || fstat(dir.fd, &status) != 0) return no("open");
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    errno = EPERM;  // somebody else made it, to see or to lead astray
    return no("trust");
  }
  const uint32_t pid = static_cast<uint32_t>(getpid());
  const uint64_t start = process_start_ticks(pid);
  char* name = path_ + length + 1;
  path_[length] = '/';
  int fd = -1;
  for (uint32_t generation = 0; fd < 0 && generation < kMaxGenerations; ++generation) {
    print_stats_file_name(name, sizeof path_ - (length + 1), pid, start, generation);
    fd = openat(dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) break;
  }
  Descriptor file(fd);
  if (fd < 0 || fstat(fd, &status) != 0) return no("open");
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return describe(fd, start);
}

bool StatsFile::describe(int fd, uint64_t start_ticks) {
  if (fallocate(fd, 0, 0, kStatsHeaderBytes) != 0) return no("fallocate");
  void* header = mmap(nullptr, kStatsHeaderBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (header == MAP_FAILED) return no("mmap");
  header_ = static_cast<StatsHeader*>(header);
  header_->pid = static_cast<uint32_t>(getpid());
  header_->uid = geteuid();
  header_->start_ticks = start_ticks;
  header_->born_ns = realtime_ns();
  header_->record_bytes = static_cast<uint32_t>(record_bytes(stripes_));
  header_->stripes = stripes_;
  header_->image = image_of_process();
  std::snprintf(header_->comm, sizeof header_->comm, "%s", program_invocation_short_name);
  header_->magic.store(kStatsMagic, std::memory_order_release);  // last: the rest is there
  return true;
}

bool StatsFile::grow() {
  if (!header_ || segment_count_ == kMaxSegments) return false;
  Descriptor file(::open(path_, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return no("open");
  if (status.st_dev != device_ || status.st_ino != inode_) {
    errno = ESTALE;
    return no("open");
  }
  const size_t size = segment_bytes(stripes_);
  const off_t at = static_cast<off_t>(kStatsHeaderBytes + segment_count_ * size);
  if (fallocate(file.fd, 0, at, static_cast<off_t>(size)) != 0) return no("fallocate");
  void* segment =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.fd, at);
  if (segment == MAP_FAILED) return no("mmap");
  segments_[segment_count_++] = static_cast<uint8_t*>(segment);
  header_->records.store(segment_count_ * kRecordsPerSegment, std::memory_order_release);
  return true;
}

StatsRecord* StatsFile::allocate() {
  const int saved_errno = errno;
  bool recycle = finished_count_ > kFinishedKept;
  if (!recycle && used_ == segment_count_ * kRecordsPerSegment && !grow())
    recycle = finished_count_ > 0;
  errno = saved_errno;

  StatsRecord* record = nullptr;
  if (recycle) {
    record = finished_[finished_first_];
    finished_first_ = (finished_first_ + 1) % kMaxRecords;
    --finished_count_;
    record->state.store(RecordState::kUnused, std::memory_order_release);
    uint8_t* rest = reinterpret_cast<uint8_t*>(&record->words);
    std::memset(rest, 0, reinterpret_cast<uint8_t*>(record) + record_bytes(stripes_) - rest);
  } else if (used_ < segment_count_ * kRecordsPerSegment) {
    uint8_t* segment = segments_[used_ / kRecordsPerSegment];
    const size_t at = used_ % kRecordsPerSegment * record_bytes(stripes_);
    record = reinterpret_cast<StatsRecord*>(segment + at);
    ++used_;
  }
  if (record) record->started_ns.store(realtime_ns(), std::memory_order_relaxed);
  return record;
}

void StatsFile::finish(StatsRecord* record) {
  record->finished_ns.store(realtime_ns(), std::memory_order_relaxed);
  record->state.store(RecordState::kFinished, std::memory_order_release);
  finished_[(finished_first_ + finished_count_) % kMaxRecords] = record;
  ++finished_count_;
}

void StatsFile::make_private() {
  const size_t size = segment_bytes(stripes_);
  for (uint8_t* segment : std::span(segments_, segment_count_)) {
    void* copy = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy != MAP_FAILED) {
      std::memcpy(copy, segment, size);
      IPJIT_CHECK(mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, segment) == segment);
    } else {  // at the limit of address space: zeros in the same place need none
      IPJIT_CHECK(mmap(segment, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == segment);
    }
  }
  if (header_) munmap(header_, kStatsHeaderBytes);
  *this = StatsFile();
}

}  // namespace ipjit::runtime
