// SPDX-License-Identifier: BSD-2-Clause
// EAL without a machine that was prepared for it: no PCI, no files, and without huge pages where
// none are reserved.  Then its memory is a memory file, which the kernel may still back with
// transparent huge pages if it is asked to; a refusal costs speed, not correctness.
//
// Hazard: rte_eal_init() binds the calling thread to one CPU, and every thread that is started from
// there inherits that.  The CPUs that the process had are remembered before.
#include "bench/dpdk/eal.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/dpdk/dpdk.h"

namespace ipjit::pktbench {
namespace {

cpu_set_t all_cpus;

std::vector<unsigned> cpus() {
  std::vector<unsigned> numbers;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &all_cpus)) numbers.push_back(cpu);
  return numbers;
}

/// MB of huge pages that nobody has taken.
uint64_t free_huge_mb() {
  uint64_t kb = 0;
  std::error_code none;
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    uint64_t pages = 0;
    std::ifstream(size.path() / "free_hugepages") >> pages;
    const std::string name = size.path().filename();  // "hugepages-2048kB"
    kb += pages * std::strtoull(name.c_str() + name.find('-') + 1, nullptr, 10);
  }
  return kb / 1024;
}

std::vector<std::string> arguments(const EalWish& wish, bool huge) {
  // lcore i on the i-th CPU that the process may use.
  std::string lcores = "--lcores=";
  const std::vector<unsigned> numbers = cpus();
  for (unsigned i = 0; i < wish.lcores; ++i)
    lcores += (i ? "," : "") + std::to_string(i) + "@" + std::to_string(numbers[i]);
  std::vector<std::string> words{"ipjit-pktbench", lcores, "--no-telemetry", "--iova-mode=va"};
  for (const char* part : {"lib", "pmd", "bus"})
    words.push_back(std::string("--log-level=") + part + ".*:error");
  if (huge)
    words.push_back("--in-memory");
  else
    words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(wish.memory_mb)});
  if (wish.extra.empty()) words.push_back("--no-pci");
  words.insert(words.end(), wish.extra.begin(), wish.extra.end());
  return words;
}

int advise_huge(const rte_memseg_list* list, void*) {
  madvise(list->base_va, list->len, MADV_HUGEPAGE);
  return 0;
}

cpu_set_t without_lcores() {
  cpu_set_t rest = all_cpus;
  unsigned lcore;
  RTE_LCORE_FOREACH(lcore) {
    const rte_cpuset_t taken = rte_lcore_cpuset(lcore);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &taken)) CPU_CLR(cpu, &rest);
  }
  return rest;
}

}  // namespace

Result<Eal> start_eal(const EalWish& wish) {
  sched_getaffinity(0, sizeof all_cpus, &all_cpus);
  if (wish.lcores == 0 || wish.lcores > cpus().size())
    return Error{Stage::kUsage, Code::kBadOption, wish.lcores,
                 std::to_string(wish.lcores) + " lcores asked for, this process may use " +
                     std::to_string(cpus().size()) + " CPUs"};
  Eal eal;
  eal.huge_pages = free_huge_mb() >= wish.memory_mb;
  std::vector<std::string> words = arguments(wish, eal.huge_pages);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0)
    return Error{Stage::kRuntime, Code::kUnavailable, 0,
                 std::string("EAL does not start: ") + rte_strerror(rte_errno)};
  if (!eal.huge_pages) {
    rte_memseg_list_walk(advise_huge, nullptr);
    eal.notes.push_back("no huge pages reserved (" + std::to_string(wish.memory_mb) +
                        " MB wanted): EAL runs with --no-huge; everything but real network cards "
                        "still works");
  }
  if (wish.extra.empty() && spare_cpus() == 0)
    eal.notes.push_back("no CPU beside the lcores: compiling and swapping share theirs");
  return eal;
}

size_t spare_cpus() {
  const cpu_set_t rest = without_lcores();
  return static_cast<size_t>(CPU_COUNT(&rest));
}

void leave_lcores() {
  const cpu_set_t rest = without_lcores();
  sched_setaffinity(0, sizeof rest, CPU_COUNT(&rest) ? &rest : &all_cpus);
}

void off_lcores(const std::function<void()>& work) {
  std::jthread([&] {
    leave_lcores();
    work();
  });
}

}  // namespace ipjit::pktbench
