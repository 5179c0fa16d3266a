// SPDX-License-Identifier: BSD-2-Clause
// What other processes can read: while a filter runs, after it ended, after its process was killed,
// and nothing from files that lie.
#include "runtime/stats.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/filter_stats.h"
#include "runtime/stats_file.h"
#include "runtime/thread_index.h"
#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"
#include "tests/runtime/stats_root.h"

namespace ipjit::runtime {

namespace fs = std::filesystem;

/// Removes the directory when the test program ends; its forked children must not, and those that
/// begin anew (death tests, which do not live to remove anything) have their parent's.
struct StatsRoot {
  StatsRoot() {
    if (const char* parents = std::getenv("IPJIT_TEST_STATS_ROOT")) {
      path = parents;
    } else {
      path = (fs::temp_directory_path() / "ipjit-test-XXXXXX").string();
      IPJIT_CHECK(mkdtemp(path.data()) != nullptr);
      setenv("IPJIT_TEST_STATS_ROOT", path.c_str(), 1);
      owner = getpid();
    }
    set_stats_root(path);
  }
  ~StatsRoot() {
    if (getpid() == owner) fs::remove_all(path);
  }
  pid_t owner = 0;
  std::string path;
};

const StatsRoot the_stats_root;
const std::string& stats_root() { return the_stats_root.path; }

namespace {

using testing::ElementsAre;
using testing::Field;
using testing::SizeIs;

std::string user_directory() { return stats_root() + "/ipjit-" + std::to_string(geteuid()); }

uint32_t run(const Filter& filter, int times = 1) {
  static const auto packet = ip_packet();
  uint32_t verdict = 0;
  for (int i = 0; i < times; ++i) verdict = filter.run(packet.data(), packet.size(), packet.size());
  return verdict;
}

std::vector<FilterRecord> named(const std::string& name) {
  std::vector<FilterRecord> found;
  for (const FilterRecord& record : read_all_stats(stats_root()))
    if (record.name == name) found.push_back(record);
  return found;
}

/// What a child that runs `body` and then waits writes, as seen while it runs; then it is ended.
std::vector<FilterRecord> seen_while_running(const std::string& name, auto body, int signal) {
  int ready[2], done[2];
  IPJIT_CHECK(pipe(ready) == 0 && pipe(done) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(done[1]);
    auto filter = body();
    char byte = 0;
    (void)!write(ready[1], &byte, 1);
    (void)!read(done[0], &byte, 1);
    filter.reset();
    std::exit(0);
  }
  close(done[0]);
  char byte = 0;
  (void)!read(ready[0], &byte, 1);
  std::vector<FilterRecord> seen = named(name);
  if (signal) kill(child, signal);
  close(done[1]);
  close(ready[0]);
  close(ready[1]);
  int status = 0;
  waitpid(child, &status, 0);
  return seen;
}

TEST(Stats, SamplesThatTookLessThanNoTimeCountInTheMean) {
  // A counter that moves in steps gives such samples for short programs.
  const std::unique_ptr<FilterStats> stats = FilterStats::open("short", bpf::Dialect::kLibpcap);
  stats->sampled(-2'000, -1'000);
  EXPECT_EQ(stats->record().ns_per_packet, 0) << "a mean below zero says nothing";
  EXPECT_EQ(stats->record().replaced_ns_per_packet, 0);
  stats->sampled(6'000, 11'000);
  EXPECT_DOUBLE_EQ(stats->record().ns_per_packet, 2);
  EXPECT_DOUBLE_EQ(stats->record().replaced_ns_per_packet, 5);
  EXPECT_EQ(stats->record().samples, 2u);
}

TEST(Stats, AreReadWhileTheFilterRuns) {
  auto filter = make_filter(always(1), {}, "live");
  run(*filter, 12'345);
  const auto seen = named("live");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_TRUE(seen[0].alive);
  EXPECT_EQ(seen[0].packets, 12'345u);
  EXPECT_EQ(seen[0].matched, 12'345u);
  EXPECT_EQ(seen[0].pid, getpid());
  EXPECT_EQ(seen[0].uid, geteuid());
  EXPECT_EQ(seen[0].comm.substr(0, 12), "runtime_test");
  EXPECT_EQ(seen[0].engine, "tier1");
  EXPECT_EQ(seen[0].finished_ns, 0u);
  EXPECT_GT(seen[0].started_ns, 1'600'000'000'000'000'000u);
}

TEST(Stats, StayAfterTheFilterWasFreed) {
  run(*make_filter(always(1), {}, "freed"), 77);
  const auto seen = named("freed");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_FALSE(seen[0].alive);
  EXPECT_EQ(seen[0].packets, 77u);
  EXPECT_GE(seen[0].finished_ns, seen[0].started_ns);
}

TEST(Stats, OfAnotherProcessWhileItRunsAndAfterItsEnd) {
  const auto body = [] {
    auto filter = make_filter(always(1), {}, "other");
    run(*filter, 1000);
    return filter;
  };
  const auto during = seen_while_running("other", body, 0);
  ASSERT_THAT(during, SizeIs(1));
  EXPECT_TRUE(during[0].alive);
  EXPECT_EQ(during[0].packets, 1000u);
  const auto after = named("other");
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_FALSE(after[0].alive);
  EXPECT_EQ(after[0].packets, 1000u);
}

TEST(Stats, AreExactAfterTheProcessWasKilled) {
  const auto body = [] {
    auto filter = make_filter(only_ip(), {}, "killed");
    run(*filter, 4321);
    const auto arp = arp_packet();
    for (int i = 0; i < 1000; ++i) filter->run(arp.data(), arp.size(), arp.size());
    return filter;
  };
  EXPECT_THAT(seen_while_running("killed", body, SIGKILL), SizeIs(1));
  const auto after = named("killed");
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_FALSE(after[0].alive);
  EXPECT_EQ(after[0].packets, 5321u);
  EXPECT_EQ(after[0].matched, 4321u);
}

TEST(Stats, LiveFiltersComeFirstThenTheYoungest) {
  auto live = make_filter(always(1), {}, "order live");
  make_filter(always(1), {}, "order first");
  make_filter(always(1), {}, "order second");
  std::vector<std::string> names;
  for (const FilterRecord& record : read_all_stats(stats_root()))
    if (record.name.starts_with("order")) names.push_back(record.name);
  EXPECT_THAT(names, ElementsAre("order live", "order second", "order first"));
}

TEST(Stats, KeepTheLastHundredFinishedFilters) {
  for (int i = 0; i < 300; ++i) make_filter(always(1), {}, "many " + std::to_string(i));
  size_t finished = 0;
  for (const FilterRecord& record : read_all_stats(stats_root())) finished += !record.alive;
  EXPECT_EQ(finished, kFinishedKept);
  EXPECT_THAT(named("many 299"), SizeIs(1));
  EXPECT_THAT(named("many 0"), SizeIs(0));
}

TEST(Stats, OfOneProcessAreNotPushedOutByThoseOfOthers) {
  ASSERT_TRUE(
      exited(in_child([] { return run(*make_filter(always(1), {}, "alone")) == 1 ? 0 : 1; }), 0));
  const auto before = named("alone");
  ASSERT_THAT(before, SizeIs(1));
  for (int i = 0; i < 300; ++i) make_filter(always(1));
  EXPECT_THAT(named("alone"), SizeIs(0));
  EXPECT_THAT(read_stats_of(before[0].pid, stats_root()), ElementsAre(before[0]));
  EXPECT_THAT(read_stats_of(before[0].pid, "/nonexistent"), SizeIs(0));
}

TEST(Stats, ManyFiltersAtOnceWorkEvenWhereNotAllAreShown) {
  std::vector<std::unique_ptr<Filter>> filters;
  for (size_t i = 0; i < kMaxRecords + 50; ++i)
    filters.push_back(make_filter(always(1), {}, "crowd"));
  for (const auto& filter : filters) EXPECT_EQ(run(*filter), 1u);
  for (const auto& filter : filters) EXPECT_EQ(filter->record().packets, 1u);
  EXPECT_GE(named("crowd").size(), kMaxRecords - 100);
}

TEST(Stats, FilesOfDeadProcessesAreClearedAway) {
  const auto count = [] {
    return std::distance(fs::directory_iterator(user_directory()), fs::directory_iterator());
  };
  make_filter(always(1));
  for (int i = 0; i < 160; ++i)
    ASSERT_TRUE(exited(in_child([] { return run(*make_filter(always(1))) == 1 ? 0 : 1; }), 0));
  prune_stats(stats_root());
  EXPECT_LE(count(), 152) << "pruned before the 151st, down to those of 100 filters";
  EXPECT_GE(count(), 10);
}

TEST(Stats, ADirectoryThatOthersCanReadIsNotUsed) {
  const std::string root = stats_root() + "/open";
  const std::string directory = root + "/ipjit-" + std::to_string(geteuid());
  fs::create_directories(directory);
  chmod(directory.c_str(), 0755);
  StatsFile file;
  file.open(root.c_str(), stripe_count());
  EXPECT_EQ(file.allocate(), nullptr);
  EXPECT_THAT(file.refused(), testing::StartsWith("trust "));
}

TEST(Stats, ASymbolicLinkIsNotFollowed) {
  const std::string root = stats_root() + "/linked";
  fs::remove_all(root);  // of the test's last run in this process
  fs::create_directories(root + "/elsewhere");
  chmod((root + "/elsewhere").c_str(), 0700);
  fs::create_directory_symlink(root + "/elsewhere", root + "/ipjit-" + std::to_string(geteuid()));
  StatsFile file;
  file.open(root.c_str(), stripe_count());
  EXPECT_EQ(file.allocate(), nullptr);
  EXPECT_TRUE(fs::is_empty(root + "/elsewhere"));
}

TEST(Stats, FilterWithoutAnyPlaceForStatistics) {
  const int status = in_child([] {
    set_stats_root("/nonexistent");
    auto filter = make_filter(always(2));
    return run(*filter, 10) == 2 && filter->record().packets == 10 ? 0 : 1;
  });
  EXPECT_TRUE(exited(status, 0));
}

TEST(Stats, AFileOfTheUserIsPrivate) {
  auto filter = make_filter(always(1));
  struct stat status = {};
  for (const auto& entry : fs::directory_iterator(user_directory())) {
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  ASSERT_EQ(stat(user_directory().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(Stats, ControlCharactersDoNotReachATerminal) {
  make_filter(always(1), {}, "evil \x1b[2J name");
  EXPECT_THAT(named("evil ?[2J name"), SizeIs(1));
  // U+009B is the same command in two bytes, or in three that no writer of UTF-8 makes.
  make_filter(always(1), {}, "\xc2\x9b;5m \xe0\x82\x9b;5m h\xc3\xb4te \xf0\x9f\x8c\x8d \xe2\x82");
  EXPECT_THAT(named("??;5m ???;5m h\xc3\xb4te \xf0\x9f\x8c\x8d ??"), SizeIs(1));
}

/// A program linked with this library that has the preload library too.
TEST(Stats, TwoCopiesInOneProcessAreBothAliveAndAnExecveEndsThem) {
  const std::string root = stats_root() + "/copies";
  fs::create_directories(root);
  StatsFile copies[3];
  for (StatsFile& copy : copies) {
    copy.open(root.c_str(), stripe_count());
    StatsRecord* record = copy.allocate();
    ASSERT_NE(record, nullptr) << copy.refused();
    record->state = RecordState::kLive;
  }
  const auto alive = [&] {
    return std::ranges::count_if(read_all_stats(root), &FilterRecord::alive);
  };
  EXPECT_EQ(alive(), 3);
  char name[64];
  const auto self = static_cast<uint32_t>(getpid());
  print_stats_file_name(name, sizeof name, self, process_start_ticks(self), 2);
  std::fstream last(root + "/ipjit-" + std::to_string(geteuid()) + "/" + name,
                    std::ios::in | std::ios::out | std::ios::binary);
  last.seekp(offsetof(StatsHeader, image));
  last.write("else", 4).flush();
  EXPECT_EQ(alive(), 1) << "the last one is of another image";
}

/// Every cut and many a flipped byte of a real file are read without harm.
TEST(Stats, FilesThatLieAreHarmless) {
  const std::string root = stats_root() + "/lies";
  const std::string directory = root + "/ipjit-" + std::to_string(geteuid());
  fs::create_directories(root);
  StatsFile file;
  file.open(root.c_str(), stripe_count());
  StatsRecord* record = file.allocate();
  ASSERT_NE(record, nullptr) << file.refused();
  std::strcpy(record->words.name, "honest");
  record->state = RecordState::kLive;
  const fs::path path = fs::directory_iterator(directory)->path();
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  fs::remove(path);
  const auto read_as = [&](const std::string& content) {
    std::ofstream(directory + "/1-1", std::ios::binary) << content;
    return read_all_stats(root);
  };
  ASSERT_THAT(read_as(bytes), SizeIs(1));
  for (size_t size = 0; size < bytes.size(); size += 509) read_as(bytes.substr(0, size));
  for (size_t at = 0; at < sizeof(StatsHeader); ++at)
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string lie = bytes;
      lie[at] = static_cast<char>(lie[at] ^ flip);
      read_as(lie);
    }
  for (size_t at = kStatsHeaderBytes; at < kStatsHeaderBytes + sizeof(StatsRecord); at += 7) {
    std::string lie = bytes;
    lie[at] = '\xff';
    for (const FilterRecord& seen : read_as(lie)) EXPECT_LE(seen.name.size(), 512u);
  }
}

TEST(Stats, ProcessStartIsReadBehindAnyName) {
  EXPECT_GT(process_start_ticks(static_cast<uint32_t>(getpid())), 0u);
  EXPECT_EQ(process_start_ticks(0x7fffffff), 0u);
}

}  // namespace
}  // namespace ipjit::runtime
