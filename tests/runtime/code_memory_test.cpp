// SPDX-License-Identifier: BSD-2-Clause
// Sealed memory: never writable and executable at once, and what happens when the system says no.
#include "runtime/code_memory.h"

#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "bpf-frontend/translate.h"
#include "tests/runtime/child.h"
#include "tests/runtime/programs.h"
#include "tier1-asmjit/tier1.h"

namespace ipjit::runtime {
namespace {

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

std::unique_ptr<Unit> unit_of(const bpf::InsnList& insns) {
  Result<std::unique_ptr<Unit>> unit = build(insns, {});
  IPJIT_CHECK(bool(unit));
  return std::move(*unit);
}

ir::MachineCode machine_code_of(const bpf::InsnList& insns) {
  Result<ir::Program> program = bpf::translate(insns, bpf::Dialect::kLibpcap);
  IPJIT_CHECK(bool(program));
  Result<ir::MachineCode> code = tier1::Tier1().compile(*program, arch::detect());
  IPJIT_CHECK(bool(code));
  return std::move(*code);
}

/// "r-xp" of the mapping that holds an address.
std::string protection_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  const auto wanted = reinterpret_cast<unsigned long>(address);
  for (std::string line; std::getline(maps, line);) {
    unsigned long first = 0, last = 0;
    char protection[8] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %7s", &first, &last, protection) == 3 &&
        first <= wanted && wanted < last)
      return protection;
  }
  return "none";
}

/// From here on the system answers mprotect(PROT_EXEC) with EACCES.
void forbid_executable_memory_by_seccomp() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {std::size(rules), rules};
  IPJIT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  IPJIT_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/// In a confined child: compiling falls back and says why, and the filter from before runs on.
/// Gives the exit code for child.h: 0, or the step that went wrong.
int falls_back(Filter& before, const std::string& reason) {
  const auto packet = ip_packet();
  Result<std::unique_ptr<Filter>> filter = Filter::create(only_ip(), {}, {.name = "confined"});
  if (!filter) return 1;
  const FilterRecord record = (*filter)->record();
  if (record.engine != "interp" || record.refusals != 1) return 2;
  if (record.last_refusal.find(reason) == std::string::npos) {
    std::fprintf(stderr, "refusal: %s\n", record.last_refusal.c_str());
    return 3;
  }
  if ((*filter)->run(packet.data(), packet.size(), packet.size()) != 65535) return 4;
  const Request exactly = {.engine = Engine::kTier1};
  Result<std::unique_ptr<Unit>> named = build(only_ip(), exactly);
  if (named || named.error().code != Code::kRefused) return 5;
  if (before.run(packet.data(), packet.size(), packet.size()) != 5) return 6;
  if (!before.replace(always(6))) return 7;  // slower, but the program that was asked for
  if (before.run(packet.data(), packet.size(), packet.size()) != 6) return 8;
  return 0;
}

TEST(CodeMemory, IsReadableAndExecutableAndNotWritable) {
  const auto unit = unit_of(only_ip());
  ASSERT_EQ(unit->engine, Engine::kTier1);
  EXPECT_EQ(protection_of(unit->code->bytes().data()), "r-xp");
}

uintptr_t page_of(const void* address) { return reinterpret_cast<uintptr_t>(address) / 4096; }

TEST(CodeMemory, HasBreakpointsBeforeAndBehindTheUnit) {
  std::vector<std::unique_ptr<Unit>> units;
  for (int i = 0; i < 3; ++i) units.push_back(unit_of(always(1)));
  for (const auto& unit : units) {
    const std::span<const uint8_t> bytes = unit->code->bytes();
    const uintptr_t page = page_of(bytes.data());
    for (const uint8_t* at = bytes.data() + bytes.size(); page_of(at) == page; ++at)
      ASSERT_EQ(*at, 0xcc);
    for (const uint8_t* at = bytes.data() - 1; page_of(at) == page; --at) ASSERT_EQ(*at, 0xcc);
  }
}

TEST(CodeMemory, UnitsShareAnInstructionCacheEvenly) {
  constexpr size_t kUnits = 64, kSets = 64;
  std::vector<std::unique_ptr<Unit>> units;
  std::vector<size_t> lines_in(kSets);
  size_t lines = 0;
  while (units.size() < kUnits) {
    units.push_back(unit_of(only_ip()));
    const std::span<const uint8_t> bytes = units.back()->code->bytes();
    const auto first = reinterpret_cast<uintptr_t>(bytes.data());
    EXPECT_EQ(first % 64, 0u);
    for (uintptr_t line = first / 64; line <= (first + bytes.size() - 1) / 64; ++line, ++lines)
      ++lines_in[line % kSets];
  }
  EXPECT_LE(*std::ranges::max_element(lines_in), 2 * (lines / kSets + 1))
      << "what one set has to hold";
}

TEST(CodeMemory, IsNotExecutableAfterItsUnitDied) {
  const void* address = nullptr;
  {
    const auto unit = unit_of(only_ip());
    address = unit->code->bytes().data();
  }
  EXPECT_EQ(protection_of(address).find('x'), std::string::npos);
}

TEST(CodeMemory, UnitsThatDieTogetherAreNotExecutableAfterwards) {
  std::vector<const void*> addresses;
  {
    std::vector<std::unique_ptr<Unit>> units;
    for (int i = 0; i < 80; ++i) units.push_back(unit_of(only_ip()));
    for (const auto& unit : units) addresses.push_back(unit->code->bytes().data());
    // Some out of turn, so that the others are no single run of neighbours.
    for (size_t i : {3u, 17u, 18u, 60u}) units[i].reset();
    CodeMemory::Together together;
    units.resize(79);
    EXPECT_EQ(protection_of(addresses[79]), "r-xp") << "it waits for the others";
    units.clear();
  }
  for (const void* address : addresses)
    EXPECT_EQ(protection_of(address).find('x'), std::string::npos) << address;
  // What was kept serves new units.
  const auto unit = unit_of(only_ip());
  const auto packet = ip_packet();
  EXPECT_EQ(protection_of(unit->code->bytes().data()), "r-xp");
  EXPECT_EQ(unit->run(packet, {}), 65535u);
}

/// In the same 4 GiB of addresses.
bool lies_near(const Unit& unit, const void* caller) {
  const auto code = reinterpret_cast<uintptr_t>(unit.code->bytes().data());
  return code >> 32 == reinterpret_cast<uintptr_t>(caller) >> 32;
}

TEST(CodeMemory, LiesInTheFourGigabytesOfItsCaller) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer decides where memory lies";
  const void* const here = reinterpret_cast<const void*>(&CodeMemory::seal);
  const void* const elsewhere = reinterpret_cast<const void*>(&mmap);
  const void* const early = reinterpret_cast<const void*>(uintptr_t{0x401000});
  for (const void* caller : {here, elsewhere, early, here, early}) {
    const auto unit = build(always(1), {.caller = caller});
    ASSERT_TRUE(unit);
    EXPECT_TRUE(lies_near(**unit, caller)) << caller;
  }
  EXPECT_TRUE(lies_near(*unit_of(only_ip()), here));
}

TEST(CodeMemory, CallersOfOneProgramDoNotTakeEachOthersPlaces) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer decides where memory lies";
  const auto first = reinterpret_cast<uintptr_t>(&CodeMemory::seal);
  std::vector<std::unique_ptr<Unit>> units;
  for (uintptr_t page = 0; page < 40; ++page) {
    const auto caller = reinterpret_cast<const void*>(first + page * 4096);
    auto unit = build(always(1), {.caller = caller});
    ASSERT_TRUE(unit);
    EXPECT_TRUE(lies_near(**unit, caller)) << page;
    units.push_back(std::move(*unit));
  }
}

TEST(CodeMemory, KeepsPagesOfThoseWhoAskForThem) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer decides where memory lies";
  constexpr size_t kMany = 32;  // what is kept at most
  // Where the place that was asked for is taken, a page may lie elsewhere, and is nobody's to find.
  const auto pages_near = [](const void* caller) {
    std::vector<std::unique_ptr<Unit>> units;
    std::set<uintptr_t> pages;
    while (units.size() < kMany) {
      auto unit = build(always(1), {.caller = caller});
      IPJIT_CHECK(bool(unit));
      if (lies_near(**unit, caller)) pages.insert(page_of((*unit)->code->bytes().data()));
      units.push_back(std::move(*unit));
    }
    return pages;
  };
  for (const void* caller :
       {reinterpret_cast<const void*>(&CodeMemory::seal), reinterpret_cast<const void*>(&mmap)}) {
    const auto first = pages_near(caller);  // the others' pages go meanwhile
    ASSERT_GE(first.size(), kMany / 2);
    EXPECT_EQ(pages_near(caller), first);
  }
}

TEST(CodeMemory, NothingOfThisProcessIsWritableAndExecutable) {
  const auto unit = unit_of(only_ip());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
}

TEST(CodeMemory, MovesWithoutMovingTheCode) {
  auto unit = unit_of(always(9));
  const uint8_t* address = unit->code->bytes().data();
  InstalledCode moved = std::move(*unit->code);
  unit->code.reset();
  EXPECT_EQ(moved.bytes().data(), address);
  EXPECT_EQ(moved.entry()(nullptr, 0, nullptr), 9u);
}

TEST(CodeMemoryDeathTest, RefusesAProofOfOtherBytes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ir::MachineCode code = machine_code_of(always(1));
  Result<verifier::Proof> proof = verifier::verify(code.bytes, code.code_len, code.contract);
  ASSERT_TRUE(proof) << to_string(proof.error());
  const std::vector<uint8_t> copy = code.bytes;
  EXPECT_DEATH((void)CodeMemory::seal(copy, *proof), "broken promise");
}

TEST(CodeMemory, FallsBackUnderMemoryDenyWriteExecute) {
  auto before = make_filter(always(5));
  const int status = in_child([&] {
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) return 77;
    return falls_back(*before, "mprotect(PROT_READ|PROT_EXEC): Permission denied");
  });
  if (exited(status, 77)) GTEST_SKIP() << "this kernel has no PR_SET_MDWE (Linux 6.3)";
  EXPECT_TRUE(exited(status, 0)) << status;
}

TEST(CodeMemory, FallsBackUnderSeccomp) {
  auto before = make_filter(always(5));
  EXPECT_TRUE(exited(in_child([&] {
                       forbid_executable_memory_by_seccomp();
                       return falls_back(*before, "mprotect(PROT_READ|PROT_EXEC)");
                     }),
                     0));
}

TEST(CodeMemory, SaysSoWhereThereIsNoAddressSpace) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need address space without end";
  const int status = in_child([] {
    const auto unit = unit_of(always(3));
    bpf::InsnList many = {insn(BPF_LD | BPF_W | BPF_ABS, 26)};
    for (uint32_t i = 0; i < 20'000; ++i) many.push_back(insn(BPF_ALU | BPF_XOR | BPF_K, i + 1));
    many.push_back(insn(BPF_RET | BPF_A, 0));
    const ir::MachineCode code = machine_code_of(many);
    Result<verifier::Proof> proof = verifier::verify(code.bytes, code.code_len, code.contract);
    if (!proof || code.bytes.size() < 65536) return 1;
    std::ifstream statm("/proc/self/statm");
    size_t pages = 0;
    statm >> pages;
    const rlimit limit = {pages * 4096 + 8192, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 2;
    Result<InstalledCode> sealed = CodeMemory::seal(code.bytes, *proof);
    if (sealed || sealed.error().code != Code::kNoMemory) return 3;
    if (sealed.error().why.find("mmap(") == std::string::npos) return 4;
    return unit->run({}, {}) == 3 ? 0 : 5;
  });
  EXPECT_TRUE(exited(status, 0)) << status;
}

}  // namespace
}  // namespace ipjit::runtime
