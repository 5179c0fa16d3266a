// SPDX-License-Identifier: BSD-2-Clause
// Statistics that other processes can read, while this one runs and after it died.
//
// Each process that makes a filter owns one file, /dev/shm/ipjit-UID/PID-START, mapped shared: a
// header page, then records of one size, each followed by its stripes (stripe.h).  The packet path
// counts right there, so nothing is ever written for the reader's sake, and what a SIGKILL leaves
// behind is exact.  There is no daemon; a file outlives its process, and prune_stats() keeps the
// youngest.
//
//   | header, 4096 bytes | record | stripes | record | stripes | ...
//
// Who may write the file could confuse a filter's grace periods, so a process with more rights
// than its user (AT_SECURE, capabilities without uid 0) counts in private memory and only copies
// its totals into the file.  A forked child does the same (see fork.cpp), and where there is no
// file (no /dev/shm, full, confined) the records are private and nobody else sees them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/stripe.h"
#include "runtime/tier/numbers.h"

namespace ipjit::runtime {

inline constexpr uint64_t kStatsMagic = 0x3274'7374'696a'7069;  ///< "ipjitst2"
inline constexpr size_t kStatsHeaderBytes = 4096;
inline constexpr uint32_t kRecordsPerSegment = 16;
inline constexpr uint32_t kMaxSegments = 64;
inline constexpr uint32_t kMaxGenerations = 64;  ///< files of one process
inline constexpr uint32_t kMaxRecords = kMaxSegments * kRecordsPerSegment;

struct StatsHeader {
  std::atomic<uint64_t> magic;
  uint32_t pid;
  uint32_t uid;
  uint64_t start_ticks;   ///< /proc/PID/stat field 22, tells a process from a later one of its pid
  uint64_t born_ns;       ///< CLOCK_REALTIME
  uint32_t record_bytes;  ///< a record with its stripes
  uint32_t stripes;       ///< of one record
  char comm[16];
  std::atomic<uint32_t> records;  ///< records in the file, used or not
  uint32_t image;                 ///< another one after each execve()
};

enum class RecordState : uint32_t { kUnused = 0, kLive = 1, kFinished = 2 };

/// The words in the record, written under `words_seq`: odd while they change.
struct RecordWords {
  char name[512];
  char engine[16];
  char dialect[16];
  char note[256];
  char last_refusal[256];
  char backend[16];
  char why[kWhyBytes];
};

struct alignas(64) StatsRecord {
  std::atomic<RecordState> state;
  std::atomic<uint32_t> words_seq;
  RecordWords words;
  std::atomic<uint64_t> started_ns;
  std::atomic<uint64_t> finished_ns;
  std::atomic<uint64_t> packets;  ///< beside those in the stripes
  std::atomic<uint64_t> matched;
  std::atomic<uint64_t> swaps;
  std::atomic<uint64_t> refusals;
  std::atomic<uint64_t> code_bytes;
  std::atomic<uint64_t> table_bytes;
  std::atomic<uint64_t> compile_ns;
  std::atomic<uint64_t> samples;
  std::atomic<uint64_t> ours_ps;  ///< picoseconds over all samples, two's complement
  std::atomic<uint64_t> replaced_ps;
  TierNumbers tier;
  SharedStripe shared;

  Stripe* stripes() { return reinterpret_cast<Stripe*>(this + 1); }
  const Stripe* stripes() const { return reinterpret_cast<const Stripe*>(this + 1); }
};

static_assert(sizeof(StatsHeader) <= kStatsHeaderBytes);
static_assert(sizeof(StatsRecord) % 64 == 0);

/// Totals over a record and its stripes.
struct Totals {
  uint64_t packets = 0;
  uint64_t matched = 0;
};
Totals totals_of(const StatsRecord& record, uint32_t stripes);

/// Bytes of a record with its stripes.
constexpr size_t record_bytes(uint32_t stripes) {
  return sizeof(StatsRecord) + stripes * sizeof(Stripe);
}

/// Bytes of a segment: the file grows, and is mapped, by so much at a time.
constexpr size_t segment_bytes(uint32_t stripes) {
  return (kRecordsPerSegment * record_bytes(stripes) + 4095) / 4096 * 4096;
}

/// The file of this process.  Nothing here allocates: a forked child makes its file when it first
/// counts, and that may be in a signal handler.
/// Thread: the caller holds runtime_lock().
class StatsFile {
 public:
  /// Creates and maps the file below `root`.  Where that fails, allocate() gives null.
  void open(const char* root, uint32_t stripes);
  bool opened() const { return opened_; }

  /// A cleared record; null where there is no file, it cannot grow, or kMaxRecords are live.
  StatsRecord* allocate();

  /// Marks a record as finished; it is used again after kFinishedKept younger ones.
  void finish(StatsRecord* record);

  /// For a forked child: puts private memory with the same contents in the place of the file, and
  /// forgets it.  Records stay where they are, and are nobody's.
  void make_private();

  /// Which call was refused, for IPJIT_LOG; empty: none.
  const char* refused() const { return refused_; }

 private:
  bool create(const char* root);
  bool describe(int fd, uint64_t start_ticks);
  bool grow();
  bool no(const char* call);

  bool opened_ = false;
  uint32_t stripes_ = 0;
  char path_[128] = "";
  char refused_[192] = "";
  StatsHeader* header_ = nullptr;
  uint64_t device_ = 0, inode_ = 0;  ///< grow() must find the same file at the path
  uint8_t* segments_[kMaxSegments] = {};
  uint32_t segment_count_ = 0;
  uint32_t used_ = 0;                        ///< records handed out at least once
  StatsRecord* finished_[kMaxRecords] = {};  ///< a ring, eldest at finished_first_
  uint32_t finished_first_ = 0, finished_count_ = 0;
};

/// /proc/PID/stat field 22; 0 where there is no such process or no /proc.
uint64_t process_start_ticks(uint32_t pid);

/// Prints "PID-START" or "PID-START.GENERATION": what the same process wrote before an execve()
/// has a smaller generation.  Several of one image are of several copies of this library.
void print_stats_file_name(char* to, size_t size, uint32_t pid, uint64_t start_ticks,
                           uint32_t generation);

uint64_t realtime_ns();

}  // namespace ipjit::runtime
