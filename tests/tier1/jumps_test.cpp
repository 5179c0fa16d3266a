// SPDX-License-Identifier: BSD-2-Clause
// Jumps take the short form exactly where it reaches, and all of them arrive.
#include "tier1-asmjit/jumps.h"

#include <gtest/gtest.h>

#include <random>

namespace ipjit::tier1 {
namespace {

/// Emits jumps and filler; every filler byte says how many bytes were emitted before it.
class Code {
 public:
  Jumps::Label label() { return jumps_.new_label(); }
  void bind(Jumps::Label label) { jumps_.bind(label, size()); }
  void always(Jumps::Label to) {
    jumps_.always(to, size());
    add(sizeof Jumps::kPlaceholder);
  }
  void when(uint8_t cc, Jumps::Label to) {
    jumps_.when(cc, to, size());
    add(sizeof Jumps::kPlaceholder);
  }
  void add(size_t bytes, uint8_t value = 0x90) { emitted_.insert(emitted_.end(), bytes, value); }
  uint32_t size() const { return static_cast<uint32_t>(emitted_.size()); }

  std::vector<uint8_t> settled() {
    std::vector<uint8_t> out(jumps_.settle(size()));
    jumps_.write(emitted_, out.data());
    return out;
  }
  Jumps jumps_;

 private:
  std::vector<uint8_t> emitted_;
};

/// Where the jump at `at` goes, and its size.
std::pair<size_t, size_t> target(const std::vector<uint8_t>& code, size_t at) {
  const auto far = [&](size_t from) {
    uint32_t distance = 0;
    for (int i = 3; i >= 0; --i) distance = distance << 8 | code.at(from + i);
    return from + 4 + distance;
  };
  if (code.at(at) == 0xeb || (code.at(at) & 0xf0) == 0x70) return {at + 2 + code.at(at + 1), 2};
  if (code.at(at) == 0xe9) return {far(at + 1), 5};
  EXPECT_EQ(code.at(at), 0x0f);
  EXPECT_EQ(code.at(at + 1) & 0xf0, 0x80);
  return {far(at + 2), 6};
}

TEST(Jumps, AreShortUpTo127Bytes) {
  for (size_t distance : {0u, 1u, 126u, 127u, 128u, 129u, 70000u}) {
    for (bool always : {false, true}) {
      Code code;
      const Jumps::Label end = code.label();
      if (always)
        code.always(end);
      else
        code.when(4, end);
      code.add(distance);
      code.bind(end);
      const std::vector<uint8_t> out = code.settled();
      const size_t size = distance <= 127 ? 2 : always ? 5 : 6;
      ASSERT_EQ(out.size(), size + distance);
      EXPECT_EQ(target(out, 0), std::make_pair(out.size(), size));
    }
  }
}

TEST(Jumps, ShrinkBecauseThoseBetweenShrink) {
  Code code;
  const Jumps::Label end = code.label();
  for (int i = 0; i < 60; ++i) code.when(2, end);  // 360 bytes as emitted, 120 settled
  code.bind(end);
  const std::vector<uint8_t> out = code.settled();
  EXPECT_EQ(out.size(), 120u);
  for (size_t at = 0; at < out.size(); at += 2)
    EXPECT_EQ(target(out, at), std::make_pair(size_t{120}, size_t{2}));
}

TEST(Jumps, RandomCodeArrivesWhereItShould) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Code code;
    struct Waiting {
      Jumps::Label label;
      uint8_t name;
    };
    std::vector<Waiting> waiting;
    std::vector<std::pair<Jumps::Place, uint8_t>> jumps;  // where, and the name of the label
    uint8_t name = 0;
    for (int step = 0; step < 40; ++step) {
      if (random() % 3 == 0 || waiting.empty()) waiting.push_back({code.label(), ++name});
      const Waiting& to = waiting[random() % waiting.size()];
      jumps.emplace_back(code.jumps_.here(code.size()), to.name);
      if (random() % 4 == 0)
        code.always(to.label);
      else
        code.when(static_cast<uint8_t>(random() % 16), to.label);
      code.add(random() % (round % 2 ? 20 : 90), 0);
      if (random() % 2 == 0) {
        code.bind(waiting.back().label);
        code.add(1, waiting.back().name);  // a label's name is the byte that it stands before
        waiting.pop_back();
      }
    }
    for (; !waiting.empty(); waiting.pop_back()) {
      code.bind(waiting.back().label);
      code.add(1, waiting.back().name);
    }
    const std::vector<uint8_t> out = code.settled();
    for (const auto& [place, name_of_label] : jumps)
      ASSERT_EQ(out.at(target(out, code.jumps_.settled(place)).first), name_of_label) << round;
  }
}

}  // namespace
}  // namespace ipjit::tier1
