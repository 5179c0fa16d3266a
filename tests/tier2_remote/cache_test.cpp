// SPDX-License-Identifier: BSD-2-Clause
// Every way in which a file of the cache can be wrong is a miss, and is repaired by the next
// keep().
#include "tools/tier2/cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "tests/tier2_remote/messages.h"

namespace ipjit::tier2 {

namespace {

class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    char root[] = "/tmp/ipjit-tier2-XXXXXX";
    ASSERT_NE(mkdtemp(root), nullptr);
    root_ = root;
    directory_ = root_ + "/home/.cache/ipjit/tier2";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  Cache open(CacheLimits limits = {}) {
    Result<Cache> cache = Cache::open(directory_, limits);
    IPJIT_CHECK(bool(cache));
    return std::move(*cache);
  }

  std::string file() const { return directory_ + "/" + entry_name(a_request()); }

  Bytes read_file() const {
    std::ifstream in(file(), std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  void write_file(const Bytes& bytes) const {
    std::ofstream out(file(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }

  /// Makes what was used so far a second older: the clock of file systems may be coarse.
  void age_files() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      last_write_time(entry, last_write_time(entry) - std::chrono::seconds(1));
  }

  std::string root_, directory_;
};

bool same(const CompiledCode& a, const CompiledCode& b) {
  return encode(CompileReply(a)) == encode(CompileReply(b));
}

TEST_F(CacheTest, FindsWhatItKept) {
  Cache cache = open();
  EXPECT_FALSE(cache.find(a_request()));
  cache.keep(a_request(), some_code());
  const std::optional<CompiledCode> found = cache.find(a_request());
  ASSERT_TRUE(found);
  EXPECT_TRUE(same(*found, some_code()));
  Cache later = open();
  EXPECT_TRUE(later.find(a_request()));
  struct stat status;
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(CacheTest, EachPartOfTheRequestCounts) {
  Cache cache = open();
  cache.keep(a_request(), some_code());
  CompileRequest other = a_request();
  other.program += "; more\n";
  EXPECT_FALSE(cache.find(other));
  other = a_request();
  other.target = "x86-64-v2";
  EXPECT_FALSE(cache.find(other));
  other = a_request();
  other.version = "1.2.4";
  EXPECT_FALSE(cache.find(other));
  EXPECT_TRUE(cache.find(a_request()));
}

TEST_F(CacheTest, AnAnswerToAnotherQuestionIsNone) {
  Cache cache = open();
  CompileRequest other = a_request();
  other.program = "filter two\nb0: ret 2\n";
  cache.keep(a_request(), some_code());
  // As if the two had one digest.
  write_file(encode_entry(other, some_code()));
  EXPECT_FALSE(cache.find(a_request()));
}

TEST_F(CacheTest, EachKindOfDamageIsAMissAndRepaired) {
  Cache cache = open();
  const std::pair<const char*, std::function<void()>> damages[] = {
      {"empty", [&] { write_file({}); }},
      {"cut",
       [&] {
         Bytes bytes = read_file();
         bytes.resize(bytes.size() - 1);
         write_file(bytes);
       }},
      {"head only",
       [&] {
         Bytes bytes = read_file();
         bytes.resize(kEntryHeadBytes);
         write_file(bytes);
       }},
      {"longer",
       [&] {
         Bytes bytes = read_file();
         bytes.push_back(0);
         write_file(bytes);
       }},
      {"zeros", [&] { write_file(Bytes(read_file().size(), 0)); }},
      {"one bit in the code",
       [&] {
         Bytes bytes = read_file();
         bytes[bytes.size() / 2] ^= 1;
         write_file(bytes);
       }},
      {"writable by others", [&] { chmod(file().c_str(), 0622); }},
      {"a symbolic link",
       [&] {
         std::filesystem::rename(file(), root_ + "/elsewhere");
         std::filesystem::create_symlink(root_ + "/elsewhere", file());
       }},
      {"a pipe",
       [&] {
         unlink(file().c_str());
         mkfifo(file().c_str(), 0600);
       }},
      {"another user's",
       [&] {
         if (chown(file().c_str(), 65534, 65534) != 0) chmod(file().c_str(), 0666);
       }},
  };
  for (const auto& [name, damage] : damages) {
    cache.keep(a_request(), some_code());
    ASSERT_TRUE(cache.find(a_request())) << name;
    damage();
    EXPECT_FALSE(cache.find(a_request())) << name;
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(file()))) << name;
  }
  cache.keep(a_request(), some_code());
  EXPECT_TRUE(cache.find(a_request()));
}

TEST_F(CacheTest, EveryChangedByteIsNoticed) {
  const Bytes entry = encode_entry(a_request(), some_code());
  ASSERT_TRUE(decode_entry(entry));
  for (size_t at = 0; at < entry.size(); ++at) {
    Bytes bent = entry;
    bent[at] ^= 0x10;
    EXPECT_FALSE(decode_entry(bent)) << at;
    EXPECT_FALSE(decode_entry(std::span(entry).first(at))) << at;
  }
}

TEST_F(CacheTest, StaysSmallAndForgetsWhatNobodyAskedFor) {
  const uint64_t one = encode_entry(a_request(), some_code()).size();
  Cache cache = open({.bytes = 20 * one, .entries = 4096});
  cache.keep(a_request(), some_code());
  for (int i = 0; i < 100; ++i) {
    CompileRequest other = a_request();
    other.version = "2." + std::to_string(100 + i);
    cache.keep(other, some_code());
    ASSERT_TRUE(cache.find(other)) << i;
    age_files();
    ASSERT_TRUE(cache.find(a_request())) << i;  // asked for again and again
  }
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_))
    bytes += entry.file_size();
  EXPECT_LE(bytes, 21 * one);
  EXPECT_GE(bytes, 10 * one);
}

TEST_F(CacheTest, TheNumberOfFilesIsBoundedToo) {
  Cache cache = open({.bytes = 1 << 30, .entries = 16});
  for (int i = 0; i < 100; ++i) {
    CompileRequest other = a_request();
    other.version = std::to_string(i);
    cache.keep(other, some_code());
  }
  EXPECT_LE(std::distance(std::filesystem::directory_iterator(directory_),
                          std::filesystem::directory_iterator()),
            16);
}

TEST_F(CacheTest, ADirectoryThatOthersMayWriteIsNotUsed) {
  (void)open();
  chmod(directory_.c_str(), 0770);
  const Result<Cache> cache = Cache::open(directory_);
  ASSERT_FALSE(cache);
  EXPECT_EQ(to_string(cache.error()),
            "tier2: 0: kUnavailable: " + directory_ + " can be written by others");
}

TEST_F(CacheTest, WhatADeadServerLeftUnfinishedGoes) {
  (void)open();
  const std::string old = directory_ + "/unfinished-1", young = directory_ + "/unfinished-2";
  std::ofstream(old) << "x";
  std::ofstream(young) << "x";
  const timespec yesterday[2] = {{time(nullptr) - 86'400, 0}, {time(nullptr) - 86'400, 0}};
  utimensat(AT_FDCWD, old.c_str(), yesterday, 0);
  (void)open();
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(young));
}

TEST_F(CacheTest, LivesInAHomeThatIsOurs) {
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", root_.c_str(), 1);
  Result<std::string> directory = cache_directory();
  ASSERT_TRUE(directory);
  EXPECT_EQ(*directory, root_ + "/.cache/ipjit/tier2");
  setenv("XDG_CACHE_HOME", (root_ + "/x/y").c_str(), 1);
  directory = cache_directory();
  ASSERT_TRUE(directory);
  EXPECT_EQ(*directory, root_ + "/x/y/ipjit/tier2");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_FALSE(cache_directory());
  setenv("HOME", "relative", 1);
  EXPECT_FALSE(cache_directory());
  if (geteuid() != 0) GTEST_SKIP() << "only root has another user's home to be refused";
  ASSERT_EQ(chown(root_.c_str(), 65534, 65534), 0);
  setenv("HOME", root_.c_str(), 1);
  directory = cache_directory();
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().why, root_ + " is not our directory");
}

}  // namespace

}  // namespace ipjit::tier2
