// SPDX-License-Identifier: BSD-2-Clause
// Whose verdict counts, what is compared, sampled, counted, given up and pushed out.
//
//   verdicts [short]      in the virtual machine, module loaded with mode=on sample_shift=4
//   verdicts modes        loaded with mode=on and a sample_shift so large that nothing is sampled
//
// A socket says how many packets it received, so the verdict that counted can be seen; code that
// lies about verdicts, but not about memory, is what the verifier lets through.
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/mman.h>

#include <algorithm>

#include "tests/kernel/door.h"
#include "tests/kernel/traffic.h"

namespace ipjit::door {
namespace {

ipjit_dev_filter stats(const Fd& device, uint64_t id) {
  ipjit_dev_filter filter = {};
  filter.id = id;
  call(device, IPJIT_IOC_FILTER, &filter);
  return filter;
}

/// Waits until `done`, for at most a minute: the machine may be slow.
template <class Done>
bool soon(Done done) {
  for (int i = 0; i < 3000; ++i, usleep(20'000))
    if (done()) return true;
  return false;
}

/// Packets that a socket has in its queue; takes them away.
size_t received(const Filter& filter) {
  uint8_t packet[2048];
  size_t count = 0;
  while (recv(filter.fd(), packet, sizeof packet, MSG_DONTWAIT) >= 0) ++count;
  return count;
}

void set(Tally& tally, const Fd& device, unsigned long verb, uint32_t value) {
  tally.gives("verb " + std::to_string(_IOC_NR(verb)) + " to " + std::to_string(value),
              call(device, verb, &value), {0});
}

uint64_t install(Tally& tally, const Fd& device, Unit unit) {
  tally.gives("an install", unit.send(device), {0});
  return unit.ask.version;
}

bool gets_packets(const Filter& filter) {
  received(filter);
  return soon([&] { return received(filter) > 0; });
}

/// Nothing that is sent for a while arrives.  Before that while, what another processor was about
/// to deliver does.
bool gets_nothing(const Fd& device, const Filter& filter, uint64_t id) {
  const auto packets_pass = [&](uint64_t number) {
    const uint64_t before = stats(device, id).packets;
    return soon([&] { return stats(device, id).packets > before + number; });
  };
  if (!packets_pass(100)) return false;
  received(filter);
  return packets_pass(500) && received(filter) == 0;
}

bool is_wrong(const Fd& device, uint64_t id) {
  return (stats(device, id).flags & IPJIT_DEV_WRONG) != 0;
}

/// The filter accepts all, the code drops all: what the socket gets tells who decided.
void test_modes(Tally& tally, const Fd& device) {
  Filter filter(0x100);
  const uint64_t id = filter.id(device);
  tally.expect("the kernel's code decides before ours is there", gets_packets(filter));
  tally.equal("ours never did", stats(device, id).first_native, IPJIT_DEV_NEVER);
  install(tally, device, Unit(id, returns(0)));
  tally.expect("on: ours decides", gets_nothing(device, filter, id));
  const ipjit_dev_filter now = stats(device, id);
  tally.expect("its verdicts are counted", now.native > 0 && now.tier == 1 && now.passed_on == 0);
  tally.expect("since some packet", now.first_native > 0 && now.first_native < now.packets);
  set(tally, device, IPJIT_IOC_PAUSE, 1);
  tally.expect("paused: the kernel's decides", gets_packets(filter));
  set(tally, device, IPJIT_IOC_PAUSE, 0);
  tally.expect("resumed: ours again", gets_nothing(device, filter, id));
  set(tally, device, IPJIT_IOC_MODE, IPJIT_DEV_OBSERVE);
  tally.expect("observe: the kernel's decides", gets_packets(filter));
  set(tally, device, IPJIT_IOC_MODE, IPJIT_DEV_ON);
  tally.expect("on: ours again", gets_nothing(device, filter, id));
  set(tally, device, IPJIT_IOC_SHADOW, 1);
  tally.expect("shadow finds it out", soon([&] { return is_wrong(device, id); }));
  tally.expect("the kernel's decides", gets_packets(filter));
  set(tally, device, IPJIT_IOC_SHADOW, 0);
  tally.expect("and stays in charge without shadow", gets_packets(filter));
  tally.expect("ours has no code any more", soon([&] { return !version_of(device, id); }));
  tally.gives("nor is any taken", Unit(id, returns(0)).send(device), {EBUSY});
  set(tally, device, IPJIT_IOC_MODE, IPJIT_DEV_OFF);
  tally.equal("off: nothing is taken over", info(device).filters, 0);
  tally.expect("and the kernel's decides", gets_packets(filter));
  set(tally, device, IPJIT_IOC_MODE, IPJIT_DEV_ON);
  const uint64_t again = filter.id(device);
  tally.expect("on: it is found again", again != 0);
  install(tally, device, Unit(again, returns(0)));
  ipjit_dev_target target = {.id = again, .version = 0};
  tally.gives("evicted", call(device, IPJIT_IOC_EVICT, &target), {0});
  tally.expect("then the kernel's decides", gets_packets(filter));
  tally.gives("and no code is taken any more", Unit(again, returns(0)).send(device), {EBUSY});
}

/// Code within its contract, with a wrong verdict: the first sampled packet ends it, in each mode,
/// and the right code that stands behind it.
void test_wrong_code(Tally& tally, const Fd& device) {
  const uint64_t left = info(device).left[IPJIT_DEV_LEFT_wrong];
  for (const uint32_t mode : {IPJIT_DEV_ON, IPJIT_DEV_OBSERVE}) {
    set(tally, device, IPJIT_IOC_MODE, mode);
    Filter filter(0x700 + mode);
    const uint64_t id = filter.id(device);
    Fd listener = open_device();
    const uint64_t general = install(tally, device, Unit(id, returns(0xffff)));
    Unit wrong(id, returns(0xfffe), general);
    wrong.ask.tier = 2;
    const uint64_t version = install(tally, device, wrong);
    tally.expect("a wrong verdict ends the code", soon([&] { return !version_of(device, id); }));
    const ipjit_dev_filter now = stats(device, id);
    tally.expect("the filter says so", now.flags & IPJIT_DEV_WRONG && now.tier == 0);
    tally.expect("by what it was found", now.differences > 0, std::to_string(now.differences));
    tally.expect("the kernel's code decides", gets_packets(filter));
    tally.equal("about every packet since", stats(device, id).native, now.native);
    tally.gives("and no code is taken any more", Unit(id, returns(0xffff)).send(device), {EBUSY});
    ipjit_dev_event event;
    bool told = false;
    while (read(listener.get(), &event, sizeof event) == sizeof event)
      told |= event.type == IPJIT_DEV_WRONG_NOW && event.id == id && event.version == version;
    tally.expect("and an event says so", told);
  }
  set(tally, device, IPJIT_IOC_MODE, IPJIT_DEV_ON);
  tally.equal("filters left to the kernel for it", info(device).left[IPJIT_DEV_LEFT_wrong] - left,
              2);
}

/// Right code: no difference.
void test_right_code(Tally& tally, const Fd& device) {
  Filter filter(0x200, 0xffff);
  const uint64_t id = filter.id(device);
  install(tally, device, Unit(id, returns(0xffff)));
  ipjit_dev_filter now = {};
  tally.expect("right code is compared",
               soon([&] { return (now = stats(device, id)).compared > 50; }));
  tally.equal("and never differs", now.differences, 0);
  set(tally, device, IPJIT_IOC_PAUSE, 1);
  now = stats(device, id);  // between two packets
  set(tally, device, IPJIT_IOC_PAUSE, 0);
  tally.expect("every comparison is of a sampled packet", now.compared <= now.sampled);
  tally.expect("the kernel's code decided before ours came", now.first_native <= now.packets);
}

/// Every field that a contract may declare, read by code, against what SKF_AD_* says to the kernel.
void test_fields(Tally& tally, const Fd& device) {
  const struct {
    ipjit_field field;
    uint32_t ad;
    const char* name;
  } fields[] = {{IPJIT_FIELD_protocol, SKF_AD_PROTOCOL, "protocol"},
                {IPJIT_FIELD_pkttype, SKF_AD_PKTTYPE, "pkttype"},
                {IPJIT_FIELD_ifindex, SKF_AD_IFINDEX, "ifindex"},
                {IPJIT_FIELD_hatype, SKF_AD_HATYPE, "hatype"},
                {IPJIT_FIELD_mark, SKF_AD_MARK, "mark"},
                {IPJIT_FIELD_queue, SKF_AD_QUEUE, "queue"},
                {IPJIT_FIELD_rxhash, SKF_AD_RXHASH, "rxhash"},
                {IPJIT_FIELD_cpu, SKF_AD_CPU, "cpu"},
                {IPJIT_FIELD_vlan_tci, SKF_AD_VLAN_TAG, "vlan_tci"},
                {IPJIT_FIELD_vlan_present, SKF_AD_VLAN_TAG_PRESENT, "vlan_present"},
                {IPJIT_FIELD_vlan_proto, SKF_AD_VLAN_TPID, "vlan_proto"}};
  set(tally, device, IPJIT_IOC_SHADOW, 1);
  for (const auto& f : fields) {
    Filter filter(std::vector<sock_filter>{
        {BPF_LD | BPF_IMM, 0, 0, 0x300u + f.field},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF) + f.ad},
        {BPF_RET | BPF_A, 0, 0, 0}});
    const uint64_t id = filter.id(device);
    const uint32_t disp = static_cast<uint32_t>(offsetof(ipjit_ctx, wire_len) + 4 * f.field);
    Bytes code = {0x8b, 0x82, 0, 0, 0, 0};  // mov eax, [rdx + disp]
    std::memcpy(&code[2], &disp, sizeof disp);
    Unit unit(id, code + kRet);
    unit.contract.fields = uint64_t{1} << f.field;
    install(tally, device, unit);
    ipjit_dev_filter now = {};
    tally.expect(std::string(f.name) + " is compared",
                 soon([&] { return (now = stats(device, id)).compared > 100; }),
                 std::to_string(now.compared) + " of " + std::to_string(now.packets));
    tally.equal(std::string(f.name) + " differs", now.differences, 0);
  }
  set(tally, device, IPJIT_IOC_SHADOW, 0);
}

/// A guess that is always wrong, and says so.
Unit wrong_guess(uint64_t id, uint64_t general, uint32_t guard) {
  Unit guess(id,
             Bytes{0x48, 0x8b, 0x42, 0x18,    // mov rax, [rdx + 24]: counters
                   0x48, 0x83, 0x00, 0x01} +  // add qword [rax], 1
                 returns(0xffff),
             general);
  guess.contract.counters = 1;
  guess.ask.guard = guard;
  return guess;
}

/// Tier 2 whose guess is always wrong goes back to tier 1 by itself.
void test_guard(Tally& tally, const Fd& device, uint32_t guard) {
  Filter filter(0x400);
  const uint64_t id = filter.id(device);
  Fd listener = open_device();
  const uint64_t general = install(tally, device, Unit(id, returns(0xffff)));
  Unit guess = wrong_guess(id, general, guard);
  guess.ask.tier = 2;
  set(tally, device, IPJIT_IOC_PAUSE, 1);  // or it may be gone before it is looked at
  const uint64_t version = install(tally, device, guess);
  ipjit_dev_counters counters = {};
  counters.id = id;
  counters.version = version;
  tally.gives("counters", call(device, IPJIT_IOC_COUNTERS, &counters), {0});
  tally.equal("counters beyond the contract's are 0", counters.count[1], 0);
  set(tally, device, IPJIT_IOC_PAUSE, 0);
  tally.expect("a guess that is wrong is given up",
               soon([&] { return version_of(device, id) == general; }));
  const ipjit_dev_filter now = stats(device, id);
  tally.equal("retreats", now.retreats, 1);
  tally.expect("back to the general version", now.tier == 1 && now.general == general);
  ipjit_dev_event event;
  bool told = false;
  while (read(listener.get(), &event, sizeof event) == sizeof event)
    told |= event.type == IPJIT_DEV_RETREATED && event.id == id && event.version == version;
  tally.expect("and an event says so", told);
}

/// Behind the general version is the kernel's code.
void test_guarded_general(Tally& tally, const Fd& device) {
  Filter filter(0x480);
  const uint64_t id = filter.id(device);
  install(tally, device, wrong_guess(id, 0, 100));
  tally.expect("a general version that guesses wrong is given up",
               soon([&] { return version_of(device, id) == 0; }));
  tally.equal("its retreats", stats(device, id).retreats, 1);
}

/// The ring shows packets as they were, under the verdict that counted.
void test_samples(Tally& tally, const Fd& device) {
  Filter filter(0x500, 77);
  const uint64_t id = filter.id(device);
  const uint64_t version = install(tally, device, Unit(id, returns(77)));
  const uint64_t before = stats(device, id).sampled;  // most of them without code of ours
  const size_t bytes = info(device).sample_area;
  const auto* area =
      static_cast<const uint8_t*>(mmap(nullptr, bytes, PROT_READ, MAP_SHARED, device.get(), 0));
  const auto* rings = reinterpret_cast<const ipjit_dev_rings*>(area);
  soon([&] { return stats(device, id).sampled > before + 40; });
  unsigned good = 0, ours = 0;
  const unsigned lo = if_nametoindex("lo");
  for (uint32_t cpu = 0; cpu < rings->cpus; ++cpu) {
    const uint8_t* ring = area + 4096 + uint64_t{cpu} * rings->ring_bytes;
    const uint64_t begun =
        __atomic_load_n(reinterpret_cast<const uint64_t*>(ring), __ATOMIC_ACQUIRE);
    for (uint64_t n = begun > rings->records ? begun - rings->records : 0; n < begun; ++n) {
      const auto* at = reinterpret_cast<const ipjit_dev_sample*>(ring + 4096) + n % rings->records;
      const ipjit_dev_sample s = *at;
      if (__atomic_load_n(&at->sequence, __ATOMIC_ACQUIRE) != 2 * n + 2 || s.filter != id ||
          s.version != version)
        continue;
      ++ours;
      const uint8_t ip[] = {0x08, 0x00, 0x45};
      good += s.len == s.head_len && s.len >= 42 && s.verdict == 77 &&
              !std::memcmp(s.head + 12, ip, 3) && s.fields[IPJIT_FIELD_wire_len] == s.len &&
              s.fields[IPJIT_FIELD_ifindex] == lo && s.fields[IPJIT_FIELD_protocol] == ETH_P_IP &&
              s.fields[IPJIT_FIELD_cpu] == cpu && s.fields[IPJIT_FIELD_hatype] == ARPHRD_LOOPBACK &&
              s.time_ns > 0;
    }
  }
  munmap(const_cast<uint8_t*>(area), bytes);
  tally.expect("samples of this version are in the rings", ours > 20, std::to_string(ours));
  tally.equal("each as its packet was", good, ours);
}

/// Each table is where ctx says, in the trampoline's ctx and in the one for comparisons.
void test_tables(Tally& tally, const Fd& device) {
  Filter filter(0x580, 0xabcd);
  const uint64_t id = filter.id(device);
  Unit unit(id, Bytes{0x48, 0x8b, 0x42, 0x38,  // mov rax, [rdx + 56]: tables[3]
                      0x8b, 0x40, 0x60,        // mov eax, [rax + 96]
                      0x48, 0x8b, 0x4a, 0x20,  // mov rcx, [rdx + 32]: tables[0]
                      0x03, 0x01} +            // add eax, [rcx]
                    kRet);
  unit.contract.nr_tables = 2;
  unit.contract.table[0] = {IPJIT_TABLE_IN_CTX, 3, 100};
  unit.contract.table[1] = {IPJIT_TABLE_IN_CTX, 0, 4};
  unit.tables.assign(132, 0);
  const uint32_t first = 0xabcd - 7, second = 7;
  std::memcpy(&unit.tables[96], &first, 4);
  std::memcpy(&unit.tables[128], &second, 4);
  install(tally, device, unit);
  tally.equal("bytes of its tables", stats(device, id).table_bytes, 132);
  tally.expect("packets pass by what tables say", gets_packets(filter));
  ipjit_dev_filter now = {};
  tally.expect("which is compared", soon([&] { return (now = stats(device, id)).compared > 20; }));
  tally.equal("and never differs", now.differences, 0);
  tally.equal("nor is anything passed on", now.passed_on, 0);
}

/// The code cache itself is a limit: without any other, its end is ENOSPC.
void test_full_cache(Tally& tally, const Fd& device) {
  ipjit_dev_use use = {};
  tally.gives("use", call(device, IPJIT_IOC_USE, &use), {0});
  const ipjit_dev_budget before = use.limit;
  ipjit_dev_budget none = {1 << 30, 1 << 30, 1 << 30, 0, 0, 0, 0};
  tally.gives("no limits", call(device, IPJIT_IOC_BUDGET, &none), {0});
  // Before the first is old enough to be pushed out: few instructions are verified quickly.
  Bytes filler;
  const Bytes move = {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8};  // mov rax, a number
  while (filler.size() < 60'000) filler = std::move(filler) + move;
  std::vector<Filter> many;
  int error = 0;
  while (error == 0 && many.size() < 40) {
    many.emplace_back(std::vector<sock_filter>{{BPF_RET | BPF_K, 0, 0,
                                                0x900 + static_cast<uint32_t>(many.size())}},
                      AF_INET, SOCK_DGRAM);
    error = Unit(many.back().id(device), filler + returns(1)).send(device);
  }
  tally.gives("an install too many", error, {ENOSPC});
  tally.expect("comes when the cache is full", many.size() > 12 && many.size() < 20,
               std::to_string(many.size()));
  tally.equal("left for want of room", info(device).left[IPJIT_DEV_LEFT_over_budget], 1);
  ipjit_dev_budget back = before;
  tally.gives("limits again", call(device, IPJIT_IOC_BUDGET, &back), {0});
  many.clear();
  tally.expect("the cache is empty again", soon([&] { return info(device).code_used == 0; }));
}

/// Over the limit the colder filter loses its code, and only the colder one.
void test_budget(Tally& tally, const Fd& device) {
  Filter hot(0x600, 1);
  Filter cold(std::vector<sock_filter>{{BPF_RET | BPF_K, 0, 0, 0x601}}, AF_INET, SOCK_DGRAM);
  const uint64_t hot_id = hot.id(device), cold_id = cold.id(device);
  tally.expect("both are taken over", hot_id && cold_id);
  Unit large(cold_id, Bytes(2000, 0x90) + returns(1));
  tally.gives("code for the cold one", large.send(device), {0});
  ipjit_dev_use use = {};
  // What the filters of other tests left goes with a grace period.
  tally.expect("use is what is there", soon([&] {
                 return call(device, IPJIT_IOC_USE, &use) == 0 && use.code >= 2000 &&
                        use.code == info(device).code_used && use.filters == 2;
               }),
               std::to_string(use.code) + " of " + std::to_string(info(device).code_used));
  ipjit_dev_budget budget = {};
  budget.code_all = use.code + 1000;
  tally.gives("a limit just above", call(device, IPJIT_IOC_BUDGET, &budget), {0});
  Unit wants(hot_id, Bytes(1800, 0x90) + returns(1));
  tally.gives("too young to be judged", wants.send(device), {EDQUOT});
  sleep(11);
  tally.gives("later the hot one gets room", wants.send(device), {0});
  tally.equal("the cold one lost its code", version_of(device, cold_id), 0);
  tally.gives("and cannot push out the hot one", Unit(cold_id, large.code).send(device), {EDQUOT});
  tally.gives("use", call(device, IPJIT_IOC_USE, &use), {0});
  tally.equal("evictions", use.evictions, 1);
  tally.expect("use is within the limit",
               use.code <= budget.code_all && use.limit.code_all == budget.code_all);
  budget.code_all = use.limit.code_netns;
  call(device, IPJIT_IOC_BUDGET, &budget);
  tally.gives("with the limit back, it gets code again", Unit(cold_id, large.code).send(device),
              {0});
  use = {};
  use.what = 1;
  use.key = 12345;
  tally.gives("use of a user who has none", call(device, IPJIT_IOC_USE, &use), {0});
  tally.equal("is none", use.code + use.table + use.filters, 0);
  use.pad = 1;
  tally.gives("a pad", call(device, IPJIT_IOC_USE, &use), {EINVAL});
}

/// A filter whose constants a stranger chose.
void test_hardened(Tally& tally, const Fd& device) {
  const auto harden = [](char level) {
    Fd file(open("/proc/sys/net/core/bpf_jit_harden", O_WRONLY));
    return write(file.get(), &level, 1) == 1;
  };
  tally.expect("net.core.bpf_jit_harden=2", harden('2'));
  Filter filter(0xcafe'babe);
  const uint64_t id = filter.id(device);
  harden('0');
  tally.expect("the filter is marked", stats(device, id).flags & IPJIT_DEV_HARDENED);
  Unit little(id, returns(0xcafe'babe)), big(id, returns(0xbeba'feca));
  tally.gives("its constant in the code", little.send(device), {EACCES});
  tally.expect("the report says which", std::strstr(little.report.state, "0xcafebabe"),
               little.report.state);
  tally.equal("and where", little.report.offset, 1);
  tally.gives("its constant the other way round", big.send(device), {EACCES});
  tally.gives("half of it", Unit(id, returns(0xbabe)).send(device), {0});
}

int run(const std::string& what) {
  Tally tally;
  Fd device = open_device();
  tally.equal("its version", info(device).version, IPJIT_DEV_VERSION);
  Traffic traffic;
  if (what == "modes") {
    test_modes(tally, device);
    return tally.status();
  }
  if (what == "guard") {
    test_guard(tally, device, 1000);
    return tally.status();
  }
  test_right_code(tally, device);
  test_wrong_code(tally, device);
  test_fields(tally, device);
  test_guard(tally, device, 100);
  test_guarded_general(tally, device);
  test_samples(tally, device);
  test_hardened(tally, device);
  test_tables(tally, device);
  test_full_cache(tally, device);
  // It has to wait for filters to grow old.
  if (what != "short") test_budget(tally, device);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main(int argc, char** argv) { return ipjit::door::run(argc > 1 ? argv[1] : ""); }
