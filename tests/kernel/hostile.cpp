// SPDX-License-Identifier: BSD-2-Clause
// A compile daemon that lies.
//
//   hostile [SEED [MUTANTS [thunk]]]      in the virtual machine, module loaded with mode=on;
//   `thunk`:
//                                         its CPU must want return thunks
//
// One lie at a time, each with the errno that it must get: sizes, contracts, addresses, versions,
// code.  Then mutants of good code, about which the kernel's verifier must say what user space's
// says of the same bytes, while packets run through what was accepted.  The script that calls this
// looks at the kernel's log afterwards.
#include <sys/mman.h>

#include <cstdlib>

#include "tests/kernel/door.h"
#include "tests/kernel/traffic.h"

namespace ipjit::door {
namespace {

constexpr uint64_t kKernelText = 0xffff'ffff'8100'0000;
constexpr uint64_t kDirectMap = 0xffff'8880'0000'0000;
constexpr uint64_t kNonCanonical = 0x8000'0000'0000'0000;

struct Stage {
  Tally& tally;
  Fd& device;
  uint64_t id;  ///< of a filter that runs the kernel's own code
};

void test_sizes(Stage& s) {
  struct Case {
    const char* what;
    uint32_t code, tables;
    int wanted;
  };
  const Case cases[] = {
      {"no code", 0, 0, EINVAL},
      {"a byte more than may be", IPJIT_DEV_MAX_CODE + 1, 0, E2BIG},
      {"code of 4 GiB less one", UINT32_MAX, 0, E2BIG},
      {"code of 2 GiB", 0x8000'0000, 0, E2BIG},
      {"tables of 4 GiB less one", 10, UINT32_MAX, E2BIG},
      {"tables that no contract names", 10, 64, EINVAL},
  };
  for (const Case& c : cases) {
    Unit unit(s.id, returns(1));
    ipjit_dev_install& ask = unit.ready();
    ask.code_len = c.code;
    ask.tables_len = c.tables;
    ask.tables = ask.code;
    s.tally.gives(c.what, call(s.device, IPJIT_IOC_INSTALL, &ask), {c.wanted});
  }
  for (uint32_t tier : {0u, 3u, UINT32_MAX}) {
    Unit unit(s.id, returns(1));
    unit.ask.tier = tier;
    s.tally.gives("tier " + std::to_string(tier), unit.send(s.device), {EINVAL});
  }
  Unit guard(s.id, returns(1));
  guard.ask.guard = 1025;
  s.tally.gives("a guard of 1,025 in 1,024", guard.send(s.device), {EINVAL});
}

void test_contracts(Stage& s) {
  struct Case {
    const char* what;
    void (*lie)(ipjit_contract&);
  };
  const Case cases[] = {
      {"abi", [](ipjit_contract& c) { c.abi = 2; }},
      {"isa beyond the list", [](ipjit_contract& c) { c.isa = 1u << 31; }},
      {"a second base", [](ipjit_contract& c) { c.bases |= IPJIT_BASE_TH; }},
      {"a base beyond the list", [](ipjit_contract& c) { c.bases |= 0x80; }},
      {"stack", [](ipjit_contract& c) { c.stack_bytes = IPJIT_MAX_STACK + 1; }},
      {"stack, all ones", [](ipjit_contract& c) { c.stack_bytes = UINT32_MAX; }},
      {"packets of 1,500 bytes at most", [](ipjit_contract& c) { c.max_len = 1500; }},
      {"packets without end", [](ipjit_contract& c) { c.max_len = UINT64_MAX; }},
      {"a field of another kind", [](ipjit_contract& c) { c.fields = 1u << IPJIT_FIELD_random; }},
      {"a field beyond the list", [](ipjit_contract& c) { c.fields = uint64_t{1} << 63; }},
      {"exits", [](ipjit_contract& c) { c.exits = 2; }},
      {"resumes", [](ipjit_contract& c) { c.resumes = 1; }},
      {"actions", [](ipjit_contract& c) { c.actions = 1; }},
      {"counters", [](ipjit_contract& c) { c.counters = IPJIT_MAX_COUNTERS + 1; }},
      {"counters, all ones", [](ipjit_contract& c) { c.counters = UINT32_MAX; }},
      {"tables, all ones", [](ipjit_contract& c) { c.nr_tables = UINT32_MAX; }},
      {"17 tables", [](ipjit_contract& c) { c.nr_tables = IPJIT_MAX_CTX_TABLES + 1; }},
      {"a table of no bytes",
       [](ipjit_contract& c) {
         c.nr_tables = 1;
         c.table[0] = {IPJIT_TABLE_IN_CTX, 0, 0};
       }},
      {"pad", [](ipjit_contract& c) { c.pad = 1; }},
  };
  for (const Case& c : cases) {
    Unit unit(s.id, returns(1));
    c.lie(unit.contract);
    s.tally.gives(std::string("contract: ") + c.what, unit.send(s.device), {EINVAL});
  }
}

void test_tables(Stage& s) {
  struct Case {
    const char* what;
    uint32_t bytes;
    std::vector<ipjit_table_ref> tables;
    int wanted;
  };
  const auto in_ctx = [](uint32_t at, uint64_t size) {
    return ipjit_table_ref{IPJIT_TABLE_IN_CTX, at, size};
  };
  const uint64_t half = uint64_t{1} << 63;
  const Case cases[] = {
      {"a table in the code", 64, {{IPJIT_TABLE_IN_UNIT, 10, 64}}, EINVAL},
      {"a place that is none", 64, {{7, 0, 64}}, EINVAL},
      {"the seventeenth pointer", 64, {in_ctx(16, 64)}, EINVAL},
      {"one pointer, two tables", 128, {in_ctx(0, 64), in_ctx(0, 64)}, EINVAL},
      {"a table larger than its bytes", 64, {in_ctx(0, 65)}, EINVAL},
      {"sizes whose sum wraps to 64",
       64,
       {in_ctx(0, half), in_ctx(1, half), in_ctx(2, 64)},
       EINVAL},
      {"a size that is negative", 64, {in_ctx(0, UINT64_MAX - 63)}, EINVAL},
      {"bytes of no table behind the last", 192, {in_ctx(0, 64)}, EINVAL},
  };
  for (const Case& c : cases) {
    Unit unit(s.id, returns(1));
    unit.tables.assign(c.bytes, 0xee);
    unit.contract.nr_tables = static_cast<uint32_t>(c.tables.size());
    std::copy(c.tables.begin(), c.tables.end(), unit.contract.table);
    s.tally.gives(c.what, unit.send(s.device), {c.wanted});
  }
}

void test_addresses(Stage& s) {
  auto* page = static_cast<uint8_t*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(page + 4096, 4096);
  const uint64_t bad[] = {1,           address(page + 4096), address(page + 4090),
                          kKernelText, kDirectMap,           kNonCanonical,
                          UINT64_MAX};
  for (uint64_t at : bad) {
    char name[40];
    std::snprintf(name, sizeof name, " at %#llx", static_cast<unsigned long long>(at));
    Unit contract(s.id, returns(1)), code(s.id, returns(1)), tables(s.id, returns(1));
    contract.ask.contract = at;
    s.tally.gives(std::string("contract") + name, contract.send(s.device), {EFAULT});
    code.ask.code = at;
    s.tally.gives(std::string("code") + name, code.send(s.device), {EFAULT});
    tables.contract.nr_tables = 1;
    tables.contract.table[0] = {IPJIT_TABLE_IN_CTX, 0, 4096};
    tables.ask.tables = at;
    tables.ask.tables_len = 4096;
    s.tally.gives(std::string("tables") + name, tables.send(s.device), {EFAULT});
    Unit report(s.id, {0x90});
    report.ask.report = at;
    s.tally.gives(std::string("report") + name, report.send(s.device), {EFAULT});
    ipjit_dev_list list = {.after = 0, .filters = at, .capacity = 1000, .count = 0};
    s.tally.gives(std::string("list") + name, call(s.device, IPJIT_IOC_LIST, &list), {EFAULT});
    ipjit_dev_program program = {.id = s.id, .insns = at, .capacity = UINT32_MAX, .count = 0};
    s.tally.gives(std::string("program") + name, call(s.device, IPJIT_IOC_PROGRAM, &program),
                  {EFAULT});
    for (unsigned long verb : {IPJIT_IOC_INFO, IPJIT_IOC_INSTALL, IPJIT_IOC_USE})
      s.tally.gives("argument" + std::string(name),
                    call(s.device, verb, reinterpret_cast<void*>(at)), {EFAULT});
  }
  munmap(page, 4096);
}

void test_versions(Stage& s) {
  for (uint64_t id : {uint64_t{0}, UINT64_MAX, s.id + 1'000'000}) {
    Unit unit(id, returns(1));
    s.tally.gives("no such filter", unit.send(s.device), {ENOENT});
  }
  Unit stale(s.id, returns(1), 77);
  s.tally.gives("an expected version that never was", stale.send(s.device), {ESTALE});
  Unit first(s.id, returns(1)), again(s.id, returns(2));
  s.tally.gives("an install", first.send(s.device), {0});
  s.tally.gives("the same once more", again.send(s.device), {ESTALE});
  s.tally.equal("the first one runs", version_of(s.device, s.id), first.ask.version);
  Unit next(s.id, returns(2), first.ask.version);
  s.tally.gives("one that knows", next.send(s.device), {0});
  s.tally.expect("versions are not used again", next.ask.version > first.ask.version);
  ipjit_dev_counters counters = {};
  counters.id = s.id;
  counters.version = first.ask.version;
  // It may be asked as long as it may run.
  int error = 0;
  for (int i = 0; i < 3000 && error == 0; ++i, usleep(20'000))
    error = call(s.device, IPJIT_IOC_COUNTERS, &counters);
  s.tally.gives("counters of a version that went", error, {ESTALE});
  ipjit_dev_target target = {.id = s.id, .version = first.ask.version};
  s.tally.gives("a retreat from it", call(s.device, IPJIT_IOC_RETREAT, &target), {ESTALE});
}

void test_code(Stage& s) {
  struct Case {
    const char* what;
    Bytes code;
    ipjit_rule rule;
  };
  const Case cases[] = {
      {"a jump into a constant",
       Bytes{0x48, 0x83, 0xfe, 0x0e, 0x72, 0x01, 0xb8, 0x31, 0xc0, 0xc3, 0xcc} + kRet,
       IPJIT_RULE_target_inside},
      {"a read behind the check", reads_ethertype(13), IPJIT_RULE_packet_bounds},
      {"a call", Bytes{0xe8, 0, 0, 0, 0} + returns(1), IPJIT_RULE_call},
      {"an indirect jump", {0xff, 0xe0}, IPJIT_RULE_indirect},
      {"a loop", {0xeb, 0xfe}, IPJIT_RULE_backward},
      {"no end", {0x90, 0x90, 0x90}, IPJIT_RULE_runs_off},
      {"a trap", {0xcc}, IPJIT_RULE_trap},
      {"half an instruction", {0xb8, 0x01}, IPJIT_RULE_truncated},
      {"cli", Bytes{0xfa} + returns(1), IPJIT_RULE_system},
      {"a table that is not there", Bytes{0x48, 0x8b, 0x42, 0x20, 0x8b, 0x00} + kRet,
       IPJIT_RULE_ctx_field},
      {"a store to the packet", Bytes{0xc6, 0x07, 0x00} + returns(1), IPJIT_RULE_store},
  };
  for (const Case& c : cases) {
    Unit unit(s.id, c.code, version_of(s.device, s.id));
    s.tally.gives(c.what, unit.send(s.device), {EPERM});
    s.tally.expect(std::string(c.what) + ": the report says " + ipjit_rule_name(c.rule),
                   !unit.report.accepted && unit.report.rule == c.rule,
                   ipjit_rule_name(unit.report.rule) + std::string(": ") + unit.report.state);
  }
  if (info(s.device).needs & IPJIT_DEV_RETURN_THUNK) {
    Unit bare(s.id, {0x31, 0xc0, 0xc3}, version_of(s.device, s.id));
    s.tally.gives("a ret without room for the thunk", bare.send(s.device), {EINVAL});
  }
}

void test_most(Stage& s) {
  Unit unit(s.id, Bytes(IPJIT_DEV_MAX_CODE - returns(1).size(), 0x90) + returns(1),
            version_of(s.device, s.id));
  unit.tables.assign(IPJIT_DEV_MAX_TABLES, 0x5a);
  unit.contract.nr_tables = 1;
  unit.contract.table[0] = {IPJIT_TABLE_IN_CTX, 15, IPJIT_DEV_MAX_TABLES};
  unit.contract.counters = IPJIT_MAX_COUNTERS;
  unit.contract.stack_bytes = IPJIT_MAX_STACK;
  const ipjit_dev_info before = info(s.device);
  s.tally.gives("all that may come in one piece", unit.send(s.device), {0});
  const ipjit_dev_info after = info(s.device);
  s.tally.expect("its tables are counted",
                 after.table_used >= before.table_used + IPJIT_DEV_MAX_TABLES);
  s.tally.expect("the time it took to verify is known",
                 after.verify_cycles > before.verify_cycles &&
                     after.verify_bytes == before.verify_bytes + IPJIT_DEV_MAX_CODE);
}

/// Good code with a few bytes changed: whatever the library's verifier says, the kernel's must.
void test_mutants(Stage& s, uint64_t seed, unsigned mutants) {
  Random random(seed);
  const ipjit_dev_info now = info(s.device);
  std::vector<uint8_t> workspace(ipjit_verify_workspace(256));
  unsigned agreed = 0, accepted = 0, bare = 0;
  for (unsigned i = 0; i < mutants; ++i) {
    Unit unit(s.id, reads_ethertype(), version_of(s.device, s.id));
    unit.contract.isa = now.isa & static_cast<uint32_t>(random());
    for (uint64_t n = 1 + random.below(3); n > 0; --n)
      unit.code[random.below(unit.code.size())] = static_cast<uint8_t>(random());
    if (random.below(4) == 0) unit.code.resize(1 + random.below(unit.code.size()));
    ipjit_report report;
    const int here = -ipjit_verify(&unit.contract, unit.code.data(), unit.code.size(),
                                   unit.code.size(), workspace.data(), workspace.size(), &report);
    const int there = unit.send(s.device);
    // A mutant may be safe and have no room for the thunk.
    bare += here == 0 && there == EINVAL;
    accepted += there == 0;
    agreed += here == there || (here == 0 && there == EINVAL);
    if (here == EPERM && there == EPERM)
      agreed -= report.rule != unit.report.rule || report.offset != unit.report.offset;
  }
  s.tally.equal("mutants about which kernel and library agree", agreed, mutants);
  std::printf("# %u mutants, seed %llu: %u accepted, %u without room for a thunk\n", mutants,
              static_cast<unsigned long long>(seed), accepted, bare);
  s.tally.expect("some were accepted, more were not", accepted > 0 && accepted < mutants / 2);
}

int run(uint64_t seed, unsigned mutants, bool thunk) {
  Tally tally;
  Fd device = open_device();
  tally.expect("the device opens", device.get() >= 0, word(errno));
  if (device.get() < 0) return tally.status();
  tally.equal("its version", info(device).version, IPJIT_DEV_VERSION);
  if (thunk) tally.expect("rets need room", info(device).needs & IPJIT_DEV_RETURN_THUNK);
  {
    Traffic traffic;
    Filter filter(0x1234);
    Stage stage{tally, device, filter.id(device)};
    tally.expect("a filter is taken over", stage.id != 0);
    if (stage.id == 0) return tally.status();
    test_sizes(stage);
    test_contracts(stage);
    test_tables(stage);
    test_addresses(stage);
    tally.equal("nothing of that was installed", version_of(device, stage.id), 0);
    test_versions(stage);
    test_code(stage);
    test_most(stage);
    test_mutants(stage, seed, mutants);
  }
  nothing_stays(device, tally);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 1;
  const auto mutants = static_cast<unsigned>(argc > 2 ? std::strtoul(argv[2], nullptr, 0) : 2000);
  return ipjit::door::run(seed, mutants, argc > 3);
}
