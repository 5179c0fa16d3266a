// SPDX-License-Identifier: BSD-2-Clause
// Promises about packets: specialised for, taken back, broken.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <thread>

#include "ir/special/specialise.h"
#include "tests/runtime/child.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

/// Gives the mark of a packet, or so the specialiser of this test pretends, what it was promised.
struct MarkStreet : Street {
  static bpf::InsnList insns() {
    return {insn(BPF_LD | BPF_W | BPF_ABS, 0xfffff000u + 20), insn(BPF_RET | BPF_A, 0)};
  }

  MarkStreet() : Street(insns(), bpf::Dialect::kLinux) {
    tools.policy.min_gain_share = 0;  // constants are hardly faster: not what is tested
    tools.policy.min_gain_ns = 0;
    tools.policy.margin = 0;
    tools.specialise = [](const ir::Program& general, const ir::Profile&, const ir::Facts& facts,
                          const ir::Choices&) {
      for (const auto& [field, value] : facts.fields)
        if (field == IPJIT_FIELD_mark)
          return specialised(parsed("filter test\nb0: ret " + std::to_string(value) + "\n"),
                             "folded");
      ir::Specialised unchanged;
      unchanged.program = general;
      return unchanged;
    };
  }

  uint32_t run_marked(uint32_t mark) const {
    static const auto packet = ip_packet();
    ipjit_ctx ctx = {};
    ctx.mark = mark;
    return filter->run_ctx(packet.data(), packet.size(), ctx);
  }

  void run_many(uint32_t mark) {
    for (int i = 0; i < 20'000; ++i) wrong += run_marked(mark) != mark;
  }

  bool reaches_tier2(uint32_t mark) {
    return until([&] { run_many(mark); }, [&] { return tier() == 2; });
  }
};

TEST(Facts, AreFoldedAndTakenBack) {
  MarkStreet street;
  street.filter->assume(IPJIT_FIELD_mark, 7);
  ASSERT_TRUE(street.reaches_tier2(7)) << street.record().why;
  EXPECT_EQ(street.run_marked(7), 7u);
  street.filter->forget(IPJIT_FIELD_mark);
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.run_marked(8), 8u);
  EXPECT_EQ(street.wrong, 0u);
  street.round();
  EXPECT_THAT(street.record().why, HasSubstr("an assumption no longer holds"));
}

TEST(Facts, AnotherValueIsAnotherProgram) {
  MarkStreet street;
  for (uint32_t mark : {7u, 9u, 11u}) {
    street.filter->assume(IPJIT_FIELD_mark, mark);
    EXPECT_EQ(street.run_marked(mark), mark);
    ASSERT_TRUE(street.reaches_tier2(mark)) << street.record().why;
  }
  street.filter->assume(IPJIT_FIELD_mark, 11);
  EXPECT_EQ(street.tier(), 2u) << "the same promise again changes nothing";
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Facts, PacketsOfBeforeAChangeDoNotBreakThePromiseOfNow) {
  MarkStreet street;
  for (uint32_t mark : {7u, 9u, 11u}) {
    street.filter->assume(IPJIT_FIELD_mark, mark);
    street.run_many(mark);  // heads that no round has seen when the next promise is made
  }
  ASSERT_TRUE(street.reaches_tier2(11)) << street.record().why;
  street.filter->assume(IPJIT_FIELD_mark, 13);
  street.round();
  EXPECT_FALSE(street.filter->tier()->facts.fields.empty());
  EXPECT_THAT(street.record().why, testing::Not(HasSubstr("broke an assumption")));
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Facts, ABuildForAPromiseThatWasTakenBackIsNotPublished) {
  MarkStreet street;
  street.filter->assume(IPJIT_FIELD_mark, 7);
  street.compilers[0]->function = [&](const ir::Program& program, const arch::Target& target) {
    street.filter->forget(IPJIT_FIELD_mark);
    return as_tier1(program, target);
  };
  ASSERT_TRUE(street.until([&] { street.run_many(7); },
                           [&] { return street.record().refused_stale == 1; }));
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.run_marked(8), 8u);
}

TEST(Facts, AreDroppedWhenAPacketBreaksThem) {
  MarkStreet street;
  street.filter->assume(IPJIT_FIELD_mark, 7);
  ASSERT_TRUE(street.reaches_tier2(7)) << street.record().why;
  ASSERT_TRUE(street.until(
      [&] {
        for (int i = 0; i < 20'000; ++i) street.run_marked(8);
      },
      [&] { return street.tier() == 1; }));
  EXPECT_EQ(street.run_marked(8), 8u);
  street.round();
  EXPECT_THAT(street.record().why, HasSubstr("broke an assumption"));
}

TEST(Facts, AnotherLengthThanPromisedIsSeenToo) {
  Street street;
  street.filter->assume_length(60, 64);
  EXPECT_EQ(street.filter->tier()->facts.max_len, 64u);
  ASSERT_TRUE(street.reaches_tier2()) << street.record().why;
  street.filter->assume_length(0, UINT32_MAX);
  EXPECT_EQ(street.tier(), 1u);
}

/// The owner changes a promise again and again, and its packets with it; readers must never see
/// code that was made for the promise before, however the builder hurries.
TEST(Facts, NeverGiveAStaleVerdictUnderThreads) {
  MarkStreet street;
  std::atomic<uint32_t> mark = 1;     // what packets carry
  std::atomic<uint32_t> promise = 1;  // odd while the mark may change
  std::atomic<uint64_t> stale = 0;
  std::array<std::atomic<uint64_t>, 2> runs = {};
  std::atomic<bool> stop = false;
  street.filter->assume(IPJIT_FIELD_mark, 1);
  std::vector<std::thread> readers;
  for (std::atomic<uint64_t>& counted : runs)
    readers.emplace_back([&, &my_runs = counted] {
      while (!stop) {
        const uint32_t mine = mark.load();
        stale += street.run_marked(mine) != mine && mark.load() == mine && promise.load() == mine;
        ++my_runs;
      }
    });
  constexpr uint32_t kChanges = kSanitized ? 30 : 100;
  for (uint32_t change = 2; change < kChanges; ++change) {
    const bool reached = street.reaches_tier2(change - 1);
    EXPECT_TRUE(reached) << street.record().why;
    if (!reached) break;
    promise = 0;
    street.filter->forget(IPJIT_FIELD_mark);
    mark = change;  // from here on packets break the old promise
    for (int i = 0; i < 50; ++i) stale += street.run_marked(change) != change;
    // Readers that had loaded the old mark may still be on their way with it.
    for (std::atomic<uint64_t>& reader : runs) {
      const uint64_t seen = reader;
      while (reader < seen + 2) std::this_thread::yield();
    }
    street.round();  // sampled packets with the old mark would break the new promise
    street.filter->assume(IPJIT_FIELD_mark, change);
    promise = change;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(stale, 0u);
  EXPECT_EQ(street.wrong, 0u);
}

}  // namespace
}  // namespace ipjit::runtime
