// SPDX-License-Identifier: BSD-2-Clause
// The reader of the rings: laps, writers in the middle of a record, heads that lie.
#include "runtime/kernel/samples.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/ipjitd/fake_device.h"
#include "tests/runtime/programs.h"

namespace ipjit::kernel {
namespace {

constexpr size_t kPage = 4096;

struct Rings {
  Rings() { id = device.attach(runtime::always(1)); }

  void packets(uint64_t count, uint32_t cpu = 0) {
    for (uint64_t i = 0; i < count; ++i) {
      ++sent;
      std::array<uint8_t, 64> packet = {};
      std::memcpy(packet.data(), &sent, sizeof sent);
      device.packet(id, packet, {}, cpu);
    }
  }
  SampleReader reader() {
    Result<SampleReader> reader = SampleReader::over(*device.sample_area());
    IPJIT_CHECK(bool(reader));
    return *reader;
  }
  std::vector<uint64_t> drain(SampleReader& reader, SampleCount& count,
                              uint64_t most = UINT64_MAX) {
    std::vector<uint64_t> numbers;
    count = reader.drain(
        [&](const ipjit_dev_sample& sample, uint32_t, uint64_t) {
          uint64_t number;
          std::memcpy(&number, sample.head, sizeof number);
          numbers.push_back(number);
        },
        most);
    return numbers;
  }

  FakeDevice device;
  uint64_t id, sent = 0;
};

TEST(Samples, EachIsReadOnceInOrder) {
  Rings rings;
  SampleReader reader = rings.reader();
  SampleCount count;
  rings.packets(3);
  EXPECT_EQ(rings.drain(reader, count), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(count, (SampleCount{3, 0}));
  EXPECT_TRUE(rings.drain(reader, count).empty());
  rings.packets(1, 0);
  rings.packets(1, 1);
  EXPECT_EQ(rings.drain(reader, count), (std::vector<uint64_t>{4, 5}));
}

TEST(Samples, LapsAreCountedAsLost) {
  Rings rings;
  SampleReader reader = rings.reader();
  SampleCount count;
  rings.packets(10);
  rings.drain(reader, count);
  rings.packets(FakeDevice::kRecords + 7);
  const std::vector<uint64_t> numbers = rings.drain(reader, count);
  EXPECT_EQ(count, (SampleCount{FakeDevice::kRecords, 7}));
  EXPECT_EQ(numbers.front(), 18u);
  EXPECT_EQ(numbers.back(), rings.sent);
}

TEST(Samples, WhatWasThereBeforeTheReaderIsNotLost) {
  Rings rings;
  rings.packets(3 * FakeDevice::kRecords);
  SampleReader reader = rings.reader();
  SampleCount count;
  rings.drain(reader, count);
  EXPECT_EQ(count, (SampleCount{FakeDevice::kRecords, 0}));
}

TEST(Samples, OfMoreThanAskedForTheNewestAreGiven) {
  Rings rings;
  SampleReader reader = rings.reader();
  SampleCount count;
  rings.packets(1);
  rings.drain(reader, count);
  rings.packets(100);
  const std::vector<uint64_t> numbers = rings.drain(reader, count, 4);
  EXPECT_EQ(numbers, (std::vector<uint64_t>{98, 99, 100, 101}));
  EXPECT_EQ(count, (SampleCount{4, 96}));
}

/// Ours to write in, as no reader of the real one could.
struct Forged {
  explicit Forged(const Rings& rings)
      : words([&] {
          const std::span<const uint8_t> area = *const_cast<Rings&>(rings).device.sample_area();
          std::vector<uint64_t> copy(area.size() / 8);
          std::memcpy(copy.data(), area.data(), area.size());
          return copy;
        }()) {}

  ipjit_dev_rings& head() { return *reinterpret_cast<ipjit_dev_rings*>(words.data()); }
  uint64_t& begun() { return words[kPage / 8]; }
  ipjit_dev_sample& record(uint64_t n) {
    return reinterpret_cast<ipjit_dev_sample*>(&words[2 * kPage / 8])[n % FakeDevice::kRecords];
  }
  std::span<const uint8_t> area() const {
    return {reinterpret_cast<const uint8_t*>(words.data()), words.size() * 8};
  }

  std::vector<uint64_t> words;
};

TEST(Samples, ARecordInTheMakingWaitsAndALappedOneIsLost) {
  Rings rings;
  rings.packets(3);
  Forged forged(rings);
  forged.record(1).sequence = 2 * (1 + FakeDevice::kRecords) + 1;  // a lap later, being written
  forged.record(2).sequence = 2 * 2 + 1;                           // being written
  Result<SampleReader> reader = SampleReader::over(forged.area());
  ASSERT_TRUE(reader);
  SampleCount count;
  EXPECT_EQ(rings.drain(*reader, count), (std::vector<uint64_t>{1}));
  EXPECT_EQ(count, (SampleCount{1, 1}));
  forged.record(2).sequence = 2 * 2 + 2;
  EXPECT_EQ(rings.drain(*reader, count), (std::vector<uint64_t>{3}));
}

TEST(Samples, LengthsBeyondTheRecordAreCut) {
  Rings rings;
  rings.packets(1);
  Forged forged(rings);
  forged.record(0).head_len = 1'000'000;
  forged.record(0).len = 2'000'000;
  Result<SampleReader> reader = SampleReader::over(forged.area());
  ASSERT_TRUE(reader);
  reader->drain([](const ipjit_dev_sample& sample, uint32_t, uint64_t) {
    EXPECT_EQ(sample.head_len, uint32_t{IPJIT_DEV_HEAD});
  });
}

TEST(Samples, AHeadThatLiesIsRefused) {
  const Rings rings;
  const auto refused = [&](auto change) {
    Forged forged(rings);
    change(forged.head());
    return !SampleReader::over(forged.area());
  };
  EXPECT_FALSE(refused([](ipjit_dev_rings&) {}));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.cpus = 0; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.cpus = 3; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.cpus = 0xffffffff; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.records = 255; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.records = 1u << 31; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { --head.record_bytes; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.ring_bytes -= 8; }));
  EXPECT_TRUE(refused([](ipjit_dev_rings& head) { head.ring_bytes = 0; }));
  EXPECT_FALSE(SampleReader::over({}));
}

}  // namespace
}  // namespace ipjit::kernel
