// SPDX-License-Identifier: BSD-2-Clause
// How much anybody may have, and who loses when it is too much.
//
//   limits             in the virtual machine, module loaded with mode=on netns=all
//   limits sweep N     how long a sweep takes with N sockets open; for who wants to know
//
// A socket belongs to the user whose file system id its maker had, and to the network namespace of
// the thread that made it: so one process can be all users and be everywhere.
#include <net/if.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/resource.h>

#include <chrono>
#include <optional>
#include <thread>

#include "tests/kernel/door.h"
#include "tests/kernel/traffic.h"

namespace ipjit::door {
namespace {

constexpr uint32_t kAlice = 1000, kBob = 1001;
constexpr uint32_t kPlacesForUsers = 3072, kFiltersOfUser = 1024;

template <class Done>
bool soon(Done done) {
  for (int i = 0; i < 3000; ++i, usleep(20'000))
    if (done()) return true;
  return false;
}

/// A UDP socket of `uid`, so one without packets.
Filter quiet(uint32_t k, uint32_t uid = 0) {
  setfsuid(uid);
  Filter filter(std::vector<sock_filter>{{BPF_LD | BPF_IMM, 0, 0, k}, {BPF_RET | BPF_K, 0, 0, 1}},
                AF_INET, SOCK_DGRAM);
  setfsuid(0);
  return filter;
}

/// A packet socket of `uid`, so one that `Traffic` keeps busy.
Filter busy(uint32_t k, uint32_t uid = 0) {
  setfsuid(uid);
  Filter filter(k, 1);
  setfsuid(0);
  return filter;
}

Filter quiet_elsewhere(uint32_t k) {
  std::optional<Filter> filter;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) std::perror("unshare");
    filter.emplace(quiet(k));
  }).join();
  return std::move(*filter);
}

ipjit_dev_use use_of(const Fd& device, uint32_t what = 0, uint64_t key = 0) {
  ipjit_dev_use use = {};
  use.what = what;
  use.key = key;
  call(device, IPJIT_IOC_USE, &use);
  return use;
}

void set_limits(Tally& tally, const Fd& device, ipjit_dev_budget budget) {
  tally.gives("limits", call(device, IPJIT_IOC_BUDGET, &budget), {0});
}

void sweep(Tally& tally, const Fd& device) {
  tally.gives("a sweep", call(device, IPJIT_IOC_SWEEP, static_cast<void*>(nullptr)), {0});
}

uint64_t filters_of(const Fd& device, uint32_t uid) { return use_of(device, 1, uid).filters; }

/// One user's sockets do not take another's places, and are counted once each.
void test_user(Tally& tally, const Fd& device) {
  const ipjit_dev_budget before = use_of(device).limit;
  const uint64_t left = info(device).left[IPJIT_DEV_LEFT_over_budget];
  tally.equal("a user may have", before.filters_user, kFiltersOfUser);
  ipjit_dev_budget few = {};
  few.filters_user = 50;
  set_limits(tally, device, few);
  std::vector<Filter> many;
  for (uint32_t i = 0; i < 80; ++i) many.push_back(quiet(0x1000 + i, kAlice));
  tally.expect("as many as allowed are taken over",
               soon([&] { return filters_of(device, kAlice) == few.filters_user; }),
               std::to_string(filters_of(device, kAlice)));
  tally.expect("the others are counted",
               soon([&] { return info(device).left[IPJIT_DEV_LEFT_over_budget] == left + 30; }),
               std::to_string(info(device).left[IPJIT_DEV_LEFT_over_budget] - left));
  for (int i = 0; i < 3; ++i) sweep(tally, device);
  tally.equal("and not again by sweeps", info(device).left[IPJIT_DEV_LEFT_over_budget], left + 30);
  tally.equal("which take over none of them", filters_of(device, kAlice), few.filters_user);
  {
    const Filter other = quiet(0x1100, kBob), root = quiet(0x1101);
    tally.expect("another user's is taken over", other.id(device) != 0);
    tally.expect("root's too", root.id(device) != 0);
  }
  many.erase(many.begin(), many.begin() + 40);
  tally.expect("who closes some gets the rest taken over", soon([&] {
                 sweep(tally, device);
                 return filters_of(device, kAlice) == 40;
               }),
               std::to_string(filters_of(device, kAlice)));
  many.clear();
  set_limits(tally, device, before);
  nothing_stays(device, tally);
}

/// All users together leave places for root.
void test_all(Tally& tally, const Fd& device) {
  const ipjit_dev_budget before = use_of(device).limit;
  ipjit_dev_budget any = {};
  any.filters_user = 1u << 20;
  set_limits(tally, device, any);
  std::vector<Filter> many;
  for (uint32_t i = 0; i < kPlacesForUsers + 100; ++i) many.push_back(quiet(0x2000 + i, kAlice));
  tally.expect("users' filters are taken over",
               soon([&] { return filters_of(device, kAlice) == kPlacesForUsers; }),
               std::to_string(filters_of(device, kAlice)));
  {
    const Filter other = quiet(0x3000, kBob);
    sweep(tally, device);  // after which it has been seen
    tally.equal("another user's is not", filters_of(device, kBob), 0);
  }
  tally.expect("root's is", quiet(0x3001).id(device) != 0);
  many.clear();
  set_limits(tally, device, before);
  nothing_stays(device, tally);
}

struct Scope {
  const char* name;
  uint32_t what;
  __u64 ipjit_dev_budget::*code;
  __u64 ipjit_dev_budget::*table;
};
constexpr Scope kScopes[] = {
    {"all", 0, &ipjit_dev_budget::code_all, &ipjit_dev_budget::table_all},
    {"user", 1, &ipjit_dev_budget::code_user, &ipjit_dev_budget::table_user},
    {"netns", 2, &ipjit_dev_budget::code_netns, &ipjit_dev_budget::table_netns},
};

Unit unit_of(uint64_t id, size_t code, size_t tables, uint64_t expected = 0) {
  Unit unit(id, Bytes(code, 0x90) + returns(1), expected);
  if (tables) {
    unit.contract.nr_tables = 1;
    unit.contract.table[0] = {IPJIT_TABLE_IN_CTX, 0, static_cast<uint32_t>(tables)};
    unit.tables.assign(tables, 0);
  }
  return unit;
}

/// Back to the kernel's own code, and nothing of it left.
void take_code(const Fd& device, uint64_t id) {
  ipjit_dev_target target = {.id = id, .version = version_of(device, id)};
  if (target.version) call(device, IPJIT_IOC_RETREAT, &target);
}

/// Filters old enough to be judged (budget.c), two of one user and namespace, others elsewhere.
class Crowd {
 public:
  Crowd(Tally& tally, const Fd& device) : tally_(tally), device_(device) {
    for (uint32_t i = 0; i < 5; ++i) more_.push_back(quiet(0x4100 + i, kAlice));
    for (const Filter* filter : {&hot_, &cold_, &bobs_, &elsewhere_})
      tally.expect("a filter is taken over", filter->id(device) != 0);
    sleep(11);
  }

  void test(const Scope& scope, bool tables) {
    const std::string name = std::string(scope.name) + (tables ? " tables" : " code") + ": ";
    const auto limit = tables ? scope.table : scope.code;
    const uint64_t hot = hot_.id(device_), cold = cold_.id(device_);
    const uint64_t outside = (scope.what == 1 ? bobs_ : elsewhere_).id(device_);
    const uint64_t key = scope.what == 1 ? kAlice : scope.what == 2 ? netns_of(hot) : 0;
    const size_t code_bytes = tables ? 100 : 2000, table_bytes = tables ? 8192 : 0;
    start(name);
    tally_.gives(name + "the cold one", unit_of(cold, code_bytes, table_bytes).send(device_), {0});
    if (scope.what)
      tally_.gives(name + "one outside", unit_of(outside, code_bytes, table_bytes).send(device_),
                   {0});
    const ipjit_dev_use use = use_of(device_, scope.what, key);
    ipjit_dev_budget tight = {};
    tight.*limit = (tables ? use.table : use.code) + 500;
    set_limits(tally_, device_, tight);
    tally_.gives(name + "the hot one gets room",
                 unit_of(hot, code_bytes, table_bytes).send(device_), {0});
    tally_.equal(name + "the cold one lost its code", version_of(device_, cold), 0);
    tally_.expect(name + "who is outside did not",
                  !scope.what || version_of(device_, outside) != 0);
    tally_.gives(name + "the cold one cannot come back",
                 unit_of(cold, code_bytes, table_bytes).send(device_), {EDQUOT});
    const ipjit_dev_use now = use_of(device_, scope.what, key);
    tally_.expect(name + "use is within the limit",
                  (tables ? now.table : now.code) <= tight.*limit);
    tally_.equal(name + "one eviction", now.evictions, use.evictions + 1);
    set_limits(tally_, device_, before_);
  }

  /// Who replaces its own code again and again takes room from itself, not from a colder one.
  void test_own_leftovers() {
    const uint64_t hot = hot_.id(device_), cold = cold_.id(device_);
    start("own leftovers: ");
    Unit large = unit_of(cold, 2000, 0);
    tally_.gives("the cold one", large.send(device_), {0});
    const uint64_t without = use_of(device_).code;
    tally_.gives("the busy one", unit_of(hot, 2000, 0).send(device_), {0});
    const ipjit_dev_use use = use_of(device_);
    ipjit_dev_budget tight = {};
    tight.code_all = use.code + (use.code - without);
    set_limits(tally_, device_, tight);
    unsigned good = 0;
    for (int i = 0; i < 40; ++i)
      good += unit_of(hot, 2000, 0, version_of(device_, hot)).send(device_) == 0;
    tally_.equal("quick installs, one after the other", good, 40);
    tally_.equal("evict nobody", use_of(device_).evictions, use.evictions);
    tally_.equal("the cold one has its code", version_of(device_, cold), large.ask.version);
    set_limits(tally_, device_, before_);
  }

  /// Many small ones make room for a large one, no more of them than needed.
  void test_many_for_one() {
    const uint64_t hot = hot_.id(device_);
    start("many for one: ");
    const uint64_t none = use_of(device_).code;
    for (const Filter& filter : more_)
      tally_.gives("a small one", unit_of(filter.id(device_), 2000, 0).send(device_), {0});
    const ipjit_dev_use use = use_of(device_);
    const uint64_t each = (use.code - none) / more_.size();
    ipjit_dev_budget tight = {};
    tight.code_all = use.code;
    set_limits(tally_, device_, tight);
    // Trampolines cost the same for all.
    const uint64_t large = 2000 + 2 * each;
    tally_.gives("a large one", unit_of(hot, large, 0).send(device_), {0});
    tally_.equal("pushes out", use_of(device_).evictions, use.evictions + 3);
    unsigned kept = 0;
    for (const Filter& filter : more_) kept += version_of(device_, filter.id(device_)) != 0;
    tally_.equal("and leaves", kept, 2);
    set_limits(tally_, device_, before_);
  }

 private:
  /// No filter has code, and what they had is free.
  void start(const std::string& name) {
    for (const Filter* filter : {&hot_, &cold_, &bobs_, &elsewhere_})
      take_code(device_, filter->id(device_));
    for (const Filter& filter : more_) take_code(device_, filter.id(device_));
    tally_.expect(name + "no code at first",
                  soon([&] { return info(device_).code_used <= 64 * info(device_).filters; }),
                  std::to_string(info(device_).code_used));
  }
  uint64_t netns_of(uint64_t id) const {
    ipjit_dev_filter filter = {};
    filter.id = id;
    call(device_, IPJIT_IOC_FILTER, &filter);
    return filter.netns;
  }

  Tally& tally_;
  const Fd& device_;
  const ipjit_dev_budget before_ = use_of(device_).limit;
  Filter hot_ = busy(0x4000, kAlice), cold_ = quiet(0x4001, kAlice), bobs_ = quiet(0x4002, kBob),
         elsewhere_ = quiet_elsewhere(0x4003);
  std::vector<Filter> more_;
};

void allow_files(rlim_t files) {
  const rlimit limit = {.rlim_cur = files, .rlim_max = files};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) std::perror("RLIMIT_NOFILE");
}

int run() {
  Tally tally;
  const Fd device = open_device();
  allow_files(8192);
  test_user(tally, device);
  test_all(tally, device);
  {
    const Traffic traffic;
    Crowd crowd(tally, device);
    for (const Scope& scope : kScopes)
      for (bool tables : {false, true}) crowd.test(scope, tables);
    crowd.test_own_leftovers();
    crowd.test_many_for_one();
  }
  nothing_stays(device, tally);
  return tally.status();
}

int time_sweep(unsigned sockets) {
  const Fd device = open_device();
  allow_files(sockets + 100);
  std::vector<Fd> many;
  for (unsigned i = 0; i < sockets; ++i) many.emplace_back(socket(AF_INET, SOCK_DGRAM, 0));
  for (int i = 0; i < 3; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    const int error = call(device, IPJIT_IOC_SWEEP, static_cast<void*>(nullptr));
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
    std::printf("%u sockets: %s, %.0f us\n", sockets, word(error).c_str(), took.count());
  }
  return 0;
}

}  // namespace
}  // namespace ipjit::door

int main(int argc, char** argv) {
  if (argc == 3 && !std::strcmp(argv[1], "sweep"))
    return ipjit::door::time_sweep(static_cast<unsigned>(std::atoi(argv[2])));
  return ipjit::door::run();
}
