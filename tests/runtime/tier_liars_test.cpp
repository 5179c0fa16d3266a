// SPDX-License-Identifier: BSD-2-Clause
// Compilers that fail, hang and lie: packets get the right verdict all the same.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "runtime/tier/race.h"
#include "runtime/tier/replay_check.h"
#include "tests/runtime/tier_street.h"

namespace ipjit::runtime {
namespace {

using testing::HasSubstr;

/// A directory of the test's own, gone with it.
struct Directory {
  Directory() { IPJIT_CHECK(mkdtemp(path.data())); }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path = testing::TempDir() + "ipjit-liars-XXXXXX";
};

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> files;
  if (std::filesystem::exists(directory))
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      files.push_back(entry.path());
  return files;
}

std::string contents_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The compiler that compiles something else.
Compile::Function compiles(const std::string& text) {
  return [program = parsed(text)](const ir::Program&, const arch::Target& target) {
    return as_tier1(program, target);
  };
}

bool refuses(Street& street, uint64_t TierRecord::*count) {
  return street.until([&] { street.run_ip(); }, [&] { return street.record().*count > 0; });
}

TEST(Liars, UnsafeCodeIsRefusedByTheVerifier) {
  Street street;
  street.compilers[0]->function = [](const ir::Program& program, const arch::Target& target) {
    Result<ir::MachineCode> code = as_tier1(program, target);
    // mov eax, [rdi + 0x1000]; ret: a load that no check covers.
    const uint8_t load[] = {0x8b, 0x87, 0x00, 0x10, 0x00, 0x00, 0xc3};
    std::copy(std::begin(load), std::end(load), code->bytes.begin());
    return code;
  };
  ASSERT_TRUE(refuses(street, &TierRecord::refused_verifier));
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.wrong, 0u);
  EXPECT_THAT(street.record().why, HasSubstr("verifier"));
}

TEST(Liars, ContractsThatWantMoreThanASlotGivesAreRefused) {
  Street street;
  street.compilers[0]->function = [](const ir::Program& program, const arch::Target& target) {
    Result<ir::MachineCode> code = as_tier1(program, target);
    code->contract.bases |= IPJIT_BASE_TH;
    return code;
  };
  ASSERT_TRUE(refuses(street, &TierRecord::refused_compiler));
  street.compilers[0]->function = [](const ir::Program& program, const arch::Target& target) {
    Result<ir::MachineCode> code = as_tier1(program, target);
    code->contract.nr_tables = 1;
    code->contract.table[0] = {IPJIT_TABLE_IN_CTX, 0, 4096};
    return code;
  };
  ASSERT_TRUE(
      street.until([&] { street.run_ip(); }, [&] { return street.record().refused_compiler > 1; }));
  EXPECT_EQ(street.tier(), 1u);
}

TEST(Liars, SafeCodeWithOtherResultsIsRefusedByTheReplayAndKept) {
  const Directory own;
  Street street;
  street.tools.reproducers = own.path + "/state/ipjit";
  street.compilers[0]->function = compiles("filter liar\nb0: ret 1\n");
  ASSERT_TRUE(refuses(street, &TierRecord::refused_replay));
  EXPECT_EQ(street.tier(), 1u);
  EXPECT_EQ(street.wrong, 0u);
  const std::vector<std::string> files = files_in(street.tools.reproducers);
  ASSERT_EQ(files.size(), 1u);
  const std::string text = contents_of(files[0]);
  EXPECT_THAT(text, HasSubstr("got 0x1\n"));
  EXPECT_THAT(text, HasSubstr("general program\nfilter"));
  EXPECT_THAT(text, HasSubstr("specialised program\nfilter test"));
  EXPECT_THAT(street.record().why, HasSubstr(files[0]));
  struct stat status;
  ASSERT_EQ(stat(files[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "a packet's head is its owner's business";
}

/// The traffic is all IPv4 with zeros; each of these is right for it, and wrong elsewhere.
TEST(Liars, EdgePacketsFindWhatTheSamplesDoNotShow) {
  const char* const liars[] = {
      "filter always\nb0: ret 65535\n",
      "filter shorter\nb0: need 14 else b2\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
      "b1: ret 65535\nb2: ret 0\n",
      "filter longer\nb0: need 39 else b2\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
      "b1: v1 = load_be64 30\n br v1 == 0 -> b3, b2\nb2: ret 0\nb3: ret 65535\n",
      "filter strict\nb0: need 38 else b2\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
      "b1: v1 = load_be64 30\n br v1 == 0 -> b3, b2\nb2: ret 0\nb3: ret 65535\n",
      "filter last\nb0: need 38 else b2\n v0 = load_be16 12\n br v0 == 0x800 -> b1, b2\n"
      "b1: v1 = load_u8 37\n br v1 == 1 -> b2, b3\nb2: ret 0\nb3: ret 65535\n",
  };
  for (const char* liar : liars) {
    Street street;
    street.compilers[0]->function = compiles(liar);
    EXPECT_TRUE(refuses(street, &TierRecord::refused_replay)) << liar;
    EXPECT_EQ(street.record().builds, 0u) << liar;
  }
}

TEST(Liars, ReproducersAreBounded) {
  const Directory own;
  const std::string& directory = own.path;
  auto unit = build(ip_without_ones(), {.engine = Engine::kTier1});
  for (uint64_t i = 0; i < 3 * kMaxReproducers; ++i) {
    Disagreement wrong;
    wrong.packet.bytes.assign(i + 1, 0);
    const std::string path = write_reproducer(directory, *(*unit)->program, **unit, "test", wrong);
    EXPECT_EQ(path.empty(), i >= kMaxReproducers);
    EXPECT_EQ(write_reproducer(directory, *(*unit)->program, **unit, "test", wrong), "")
        << "the same once more";
  }
  EXPECT_EQ(files_in(directory).size(), kMaxReproducers);
  EXPECT_EQ(write_reproducer("/proc/nowhere", *(*unit)->program, **unit, "test", {}), "");
}

TEST(Liars, ACompilerThatFailsIsAskedSeldom) {
  Street street;
  street.compilers[0]->function = [](const ir::Program&, const arch::Target&) {
    return Error{Stage::kTier2, Code::kRefused, 0, "out of its time"};
  };
  const uint64_t start = street.now_ns;
  for (int i = 0; i < 300; ++i) {
    street.run_ip();
    street.round();
  }
  const uint64_t seconds = (street.now_ns - start) / 1'000'000'000;
  ASSERT_GT(street.compilers[0]->calls, 2);
  // 1 s, 2 s, 4 s ...: in 300 s hardly ten times.
  EXPECT_LE(street.compilers[0]->calls, 10) << "in " << seconds << " s";
  EXPECT_EQ(street.record().refused_compiler, static_cast<uint64_t>(street.compilers[0]->calls));
  EXPECT_THAT(street.record().why, HasSubstr("out of its time"));
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Liars, WhileACompilerHangsPacketsAndOwnerGoOn) {
  Street street;
  std::atomic<bool> hangs = false, release = false;
  street.compilers[0]->function = [&](const ir::Program& program, const arch::Target& target) {
    hangs = true;
    while (!release) std::this_thread::yield();
    return as_tier1(program, target);
  };
  street.run_ip(200'000);
  const auto latest = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  const auto waits = [&] { return !hangs && std::chrono::steady_clock::now() < latest; };
  std::thread builder([&] {
    while (waits()) {
      street.round();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  while (waits()) street.run_ip(50'000);
  EXPECT_TRUE(hangs) << "the compiler was never asked";
  street.run_arp(50'000);
  EXPECT_TRUE(bool(street.filter->replace(ip_without_ones())));
  street.filter->assume_length(0, 1500);
  EXPECT_GT(street.filter->record().packets, 100'000u);
  release = true;
  builder.join();
  EXPECT_EQ(street.tier(), 1u) << "built for a program that was replaced";
  EXPECT_EQ(street.wrong, 0u);
}

TEST(Race, TellsTheFasterOfTwo) {
  bpf::InsnList longer;  // so long that what is around it takes little of its time anywhere
  for (uint16_t size : {BPF_B, BPF_H})
    for (uint8_t i = 0; i < 60; ++i) {
      longer.push_back(insn(BPF_LD | size | BPF_ABS, i));
      longer.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 100u + i});
    }
  for (size_t i = 1; i < longer.size(); i += 2)
    longer[i].jt = static_cast<uint8_t>(longer.size() - 1 - i);
  longer.push_back(insn(BPF_RET | BPF_K, 1));
  auto slow = build(longer, {.engine = Engine::kTier1});
  auto fast = build(only_ip(), {.engine = Engine::kTier1});
  std::vector<Head> heads(512);
  for (Head& head : heads) head.copied = head.cap_len = 64;
  const Race result = race(**slow, **fast, heads);
  ASSERT_TRUE(result.run());
  EXPECT_GT(result.first_ps, 2 * result.second_ps);
  const Race swapped = race(**fast, **slow, heads);
  EXPECT_LT(2 * swapped.first_ps, swapped.second_ps);
  EXPECT_FALSE(race(**fast, **slow, std::span(heads).first(kRaceHeads - 1)).run());
}

TEST(Race, CodeThatDoesNotWinIsNotPublished) {
  Street street;
  street.tools.race = race;
  street.tools.must_win = 0;  // nothing can
  street.tools.policy.min_samples = 2 * kRaceHeads;
  ASSERT_TRUE(street.until([&] { street.run_ip(300'000); },
                           [&] { return street.record().refused_slower > 0; }))
      << street.record().why;
  EXPECT_EQ(street.record().builds, 0u);
  EXPECT_THAT(street.record().why, HasSubstr("not published"));
  EXPECT_EQ(street.wrong, 0u);
}

}  // namespace
}  // namespace ipjit::runtime
